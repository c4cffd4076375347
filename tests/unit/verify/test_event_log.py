"""Event logs of trust domains, replayed."""

import hashlib
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengradient.errors import VerificationError
from opengradient.verify.attestation.event_log import (
    GUEST_EVENT,
    MAX_LOG_BYTES,
    check_event_log,
    check_events,
    guest_event_digest,
    parse_event_log,
    replay_event_log,
)


def event(name, payload=b"", *, register=3, event_type=GUEST_EVENT):
    return {
        "imr": register,
        "event_type": event_type,
        "digest": guest_event_digest(event_type, name, payload).hex(),
        "event": name,
        "event_payload": payload.hex(),
    }


def log(*events):
    return parse_event_log(json.dumps(events).encode())


def test_replay_is_the_extension_of_the_hardware():
    events = log(event("a", b"1"), event("b", register=2, event_type=1), event("c", b"3"))
    value = bytes(48)
    for entry in (events[0], events[2]):
        value = hashlib.sha384(value + entry.digest).digest()
    assert replay_event_log(events, 3) == value
    assert replay_event_log(events, 1) == bytes(48)
    check_event_log(events, [bytes(48), bytes(48), replay_event_log(events, 2), value])


def test_a_digest_is_over_type_name_and_payload():
    assert (
        guest_event_digest(0x08000001, "app-id", b"\x01\x02")
        == hashlib.sha384(b"\x01\x00\x00\x08:app-id:\x01\x02").digest()
    )


def test_an_empty_log_is_right_only_where_register_3_is_zero():
    check_event_log((), [b"\x01" * 48, bytes(48), bytes(48), bytes(48)])
    with pytest.raises(VerificationError):
        check_event_log((), [bytes(48), bytes(48), bytes(48), b"\x01" * 48])


def test_events_of_firmware_prove_no_names():
    events = log(event("app-id", b"x", register=1), event("app-id", b"y", event_type=1))
    assert check_events(events, ()) == {}
    with pytest.raises(VerificationError):
        check_events(events, (("app-id", frozenset({b"y".hex()})),))


def test_types_have_32_bits():
    for event_type in (0, 2**32 - 1):
        assert log(event("x", register=0, event_type=event_type))[0].event_type == event_type


def test_a_log_that_is_too_large():
    """131,072 bytes are read; one more is refused although it is a log otherwise."""
    assert MAX_LOG_BYTES == 131_072
    assert parse_event_log(b"[]".ljust(131_072)) == ()
    with pytest.raises(VerificationError) as caught:
        parse_event_log(b"[]".ljust(131_073))
    assert caught.value.code == "tdx.event_log.malformed"


@given(st.binary(max_size=300))
def test_any_bytes(data):
    with suppress(VerificationError):
        parse_event_log(data)
