"""The offline verifier: every form of a receipt, every way to say whom to trust."""

import dataclasses
import json
from datetime import UTC, datetime

import pytest

import opengradient as og
from opengradient.errors import (
    AttestationError,
    ConfigurationError,
    MalformedError,
    PolicyError,
    UnsupportedError,
    VerificationError,
)
from opengradient.networks import Network, write_profile
from opengradient.offline import read_receipt, to_milliseconds, verify_bundle
from opengradient.wire.receipts import encode_bundle
from tests.receipt_factory import DOMAIN, NOW, Exchange, policy


@pytest.fixture(autouse=True)
def empty_home(monkeypatch, tmp_path):
    monkeypatch.setenv("OPENGRADIENT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OPENGRADIENT_NETWORK", raising=False)
    return tmp_path / "home"


def network(**changes):
    return Network(
        **{
            "name": "test",
            "chain_id": DOMAIN.chain_id,
            "settlement": DOMAIN.settlement_contract,
            "trust": policy(),
            "node_urls": ("https://127.0.0.1:1",),
            **changes,
        }
    )


DATA = encode_bundle(Exchange().bundle())


def test_bytes_dict_path_text_and_bundle_are_one(tmp_path):
    path = tmp_path / "receipt.json"
    path.write_bytes(DATA)
    forms = [DATA, json.loads(DATA), path, str(path), read_receipt(DATA)]
    verdicts = [og.verify(form, policy=policy(), now=NOW) for form in forms]
    assert all(verdict == verdicts[0] for verdict in verdicts)
    assert verdicts[0]["signature"].status == og.Status.PROVEN
    assert verdicts[0]["network"].status == og.Status.ASSERTED


def test_one_changed_byte_is_refused_or_changes_nothing_that_counts():
    text = DATA.replace(b"Paris.", b"Berlin")
    with pytest.raises(VerificationError) as caught:
        og.verify(text, policy=policy(), now=NOW)
    assert (caught.value.code, caught.value.step) == ("receipt.response", "response")
    assert caught.value.expected != caught.value.actual


def test_the_network_says_whom_to_trust_and_where_it_belongs():
    verdict = og.verify(DATA, now=NOW, network=network())
    assert verdict["network"].status == og.Status.PROVEN
    with pytest.raises(VerificationError) as caught:
        og.verify(DATA, now=NOW, network=network(chain_id=1))
    assert caught.value.code == "receipt.domain"


def test_the_configured_network_is_used(empty_home):
    write_profile(network(name="devnet"), empty_home / "networks" / "devnet.json")
    assert og.verify(DATA, now=NOW)["network"].status == og.Status.PROVEN


def test_without_network_only_hardware_is_trusted():
    with pytest.raises(PolicyError) as caught:
        og.verify(DATA, now=NOW)
    assert caught.value.code == "policy.simulated"
    with pytest.raises(ConfigurationError):
        og.verify(DATA, now=NOW, network="nowhere")


def test_the_time_counts():
    moment = datetime.fromtimestamp(NOW / 1000, UTC)
    assert og.verify(DATA, policy=policy(), now=moment)
    with pytest.raises(AttestationError):
        og.verify(DATA, policy=policy(), now=NOW + 10 * 24 * 3_600_000)
    with pytest.raises(ConfigurationError):
        og.verify(DATA, policy=policy(), now=moment.replace(tzinfo=None))
    assert abs(to_milliseconds(None) - datetime.now(UTC).timestamp() * 1000) < 10_000


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", MalformedError),
        (b"[]", MalformedError),
        (DATA[:-1], MalformedError),
        (DATA.replace(b"receipt-file/1", b"receipt-file/2"), UnsupportedError),
        (DATA.replace(b'"receipt":', b'"x":1,"receipt":', 1), MalformedError),
    ],
    ids=["empty", "list", "cut", "version", "unknown field"],
)
def test_what_is_no_receipt_is_refused(data, error):
    with pytest.raises(error):
        og.verify(data, policy=policy(), now=NOW)


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "missing", tmp_path, "a\0b"):
        with pytest.raises(ConfigurationError):
            og.verify(path, policy=policy(), now=NOW)


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    with pytest.raises(MalformedError) as caught:
        og.verify(path, policy=policy(), now=NOW)
    assert caught.value.code == "format.too_large"


def test_the_verified_receipt_itself():
    verified = verify_bundle(DATA, policy=policy(), now=NOW)
    assert verified.receipt == Exchange().receipt()
    with pytest.raises(VerificationError):
        verify_bundle(DATA, policy=dataclasses.replace(policy(), models=frozenset()), now=NOW)
