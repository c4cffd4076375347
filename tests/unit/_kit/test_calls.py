import pytest

from opengradient.core.digests import ZERO32
from opengradient.core.evidence import Evidence
from opengradient.core.keys import MemorySigner
from opengradient.core.keyset import Keyset
from opengradient.core.modes import SettlementMode
from opengradient.errors import CODES, ConfigurationError, UnsupportedParameterError
from reference_nodes._kit.app import PLAIN
from reference_nodes._kit.calls import NOT_KEPT, Call, CallHeaders, refusal
from reference_nodes._kit.identity import Arrival, ChannelKeys, Standing, Term

KEYS = ChannelKeys(
    keyset=Keyset(signing=MemorySigner(b"\x09" * 32).public_key), tls=None, hpke=None, made_at_ms=0
)
STANDING = Standing(Evidence(kind="k", document=b"d"), b"\x01" * 32, 0, Term(1, 1), KEYS)
ARRIVAL = Arrival(channel=PLAIN, standing=STANDING)


def read(**headers: str) -> Call:
    return Call.read("/v1/x", b"raw", CallHeaders(**headers), arrival=ARRIVAL, now_ms=5)


def test_without_headers() -> None:
    call = read()
    assert call.problem is None
    assert (call.nonce, call.idempotency_key) == (ZERO32, None)
    assert call.settlement_mode == SettlementMode.BATCH_HASHED
    assert call.request_fields() == {"path": "/v1/x", "body": b"raw"}


def test_with_headers() -> None:
    call = read(nonce="ab" * 32, idempotency_key="a key", settlement_type="individual")
    assert call.problem is None
    assert call.nonce == b"\xab" * 32
    assert call.settlement_mode == SettlementMode.INDIVIDUAL_FULL
    assert call.request_fields()["idempotency_key"] == "a key"


@pytest.mark.parametrize("nonce", ["", "ab", "AB" * 32, "ab" * 33, "zz" * 32, "ab" * 32 + "\n"])
def test_wrong_nonces(nonce: str) -> None:
    assert read(nonce=nonce).problem.parameter == "X-OpenGradient-Nonce"


@pytest.mark.parametrize("key", ["", " a", "a ", "a\x7f", "a\tb", "\u00e9", "k" * 256])
def test_wrong_keys(key: str) -> None:
    call = read(idempotency_key=key)
    assert call.problem.parameter == "Idempotency-Key"
    assert "idempotency_key" not in call.request_fields()


@pytest.mark.parametrize("key", ["k", "k" * 255, "a b"])
def test_right_keys(key: str) -> None:
    assert read(idempotency_key=key).idempotency_key == key


@pytest.mark.parametrize("kind", ["BATCH", "settle", "private,batch", " batch"])
def test_a_settlement_type_that_cannot_be_read_is_private(kind: str) -> None:
    call = read(settlement_type=kind)
    assert call.problem.parameter == "X-SETTLEMENT-TYPE"
    assert call.settlement_mode == SettlementMode.PRIVATE


def test_path_and_body_make_a_request_what_it_is() -> None:
    one, same = read(nonce="01" * 32), read(nonce="02" * 32)
    assert one.request_hash() == same.request_hash()
    other = Call.read("/v1/y", b"raw", CallHeaders(), arrival=ARRIVAL, now_ms=5)
    body = Call.read("/v1/x", b"raw2", CallHeaders(), arrival=ARRIVAL, now_ms=5)
    assert len({call.request_hash() for call in (one, other, body)}) == 3


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("request.invalid", 400),
        ("request.too_large", 413),
        ("provider.unknown_model", 404),
        ("provider.no_key", 503),
        ("node.idempotency_conflict", 409),
        ("node.in_progress", 409),
    ],
)
def test_status_of_refusals(code: str, status: int) -> None:
    assert refusal(ConfigurationError("m", code=code)).status == status


def test_refusals_name_the_parameter() -> None:
    assert refusal(UnsupportedParameterError("top_p", "m")).parameter == "top_p"


def test_codes_that_are_not_kept_exist() -> None:
    assert set(CODES) >= NOT_KEPT
