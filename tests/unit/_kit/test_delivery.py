import json

import pytest

from opengradient.core.settlement import SettlementState
from opengradient.errors import MalformedError
from reference_nodes._kit import delivery
from reference_nodes._kit.delivery import Pace
from reference_nodes._kit.outbox import Waiting


def test_pauses_grow_to_their_bound_and_are_shortened_at_random() -> None:
    pace = Pace(first_pause=0.5, longest_pause=60)
    assert [pace.pause(n, 0) for n in (1, 2, 3, 8, 9, 500)] == [0.5, 1, 2, 60, 60, 60]
    assert pace.pause(3, 1) == 1


def test_a_batch_is_bounded_but_never_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "MAX_BATCH_BYTES", 10)
    items = [
        Waiting(digest=bytes([n]), evidence=b"", signed=b"x" * size, bundle=None)
        for n, size in enumerate((11, 4, 4))
    ]
    assert delivery._bounded(items) == items[:1]
    assert delivery._bounded(items[1:]) == items[1:]
    assert delivery._bounded([]) == []


GOOD = {"digest": "0x" + "ab" * 32, "state": "batched", "code": None, "message": None}


def test_a_result_is_read_strictly() -> None:
    assert delivery._result(GOOD).state == SettlementState.ACCEPTED
    refused = delivery._result({**GOOD, "state": "refused", "code": "receipt.time"})
    assert (refused.state, refused.code) == (SettlementState.REFUSED, "receipt.time")


@pytest.mark.parametrize(
    "wrong", [{"state": "fine"}, {"digest": "ab"}, {"code": 3}, {"extra": 1}, {"message": []}]
)
def test_a_wrong_result_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        delivery._result(json.loads(json.dumps({**GOOD, **wrong})))
