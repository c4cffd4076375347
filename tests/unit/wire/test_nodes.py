"""What nodes say about themselves and about settlement: strict."""

import pytest

from opengradient.errors import MalformedError
from opengradient.wire.nodes import decode_models, decode_recalled, decode_settlement_status

DIGEST = "0x" + "11" * 32
STATUS = {"digest": DIGEST, "state": "queued", "inclusion": None}
RUNNING = {"state": "running", "status": 0, "opengradient": None, "chunkDigests": []}


def test_a_status_with_and_without_reason():
    assert decode_settlement_status(STATUS).reason is None
    assert decode_settlement_status({**STATUS, "reason": "x"}).reason == "x"


@pytest.mark.parametrize(
    "change",
    [
        {"state": "lost"},
        {"state": []},
        {"digest": "0x"},
        {"inclusion": {}},
        {"reason": 1},
        {"x": 1},
    ],
    ids=str,
)
def test_other_statuses_are_refused(change):
    with pytest.raises(MalformedError):
        decode_settlement_status({**STATUS, **change})


@pytest.mark.parametrize(
    "change",
    [{"state": "done"}, {"state": "x"}, {"chunkDigests": {}}, {"chunkDigests": [1]},
     {"opengradient": {}}, {"status": "0"}, {"x": 1}],
    ids=str,
)  # fmt: skip
def test_a_recalled_receipt_is_there_exactly_when_it_is_done(change):
    assert decode_recalled(RUNNING).running
    with pytest.raises(MalformedError):
        decode_recalled({**RUNNING, **change})


def test_models():
    assert decode_models({"data": [{"id": "a"}, {"id": "b"}]}) == ("a", "b")
    for wrong in ({}, [], {"data": {}}, {"data": [1]}, {"data": [{"id": 1}]}):
        with pytest.raises(MalformedError):
            decode_models(wrong)
