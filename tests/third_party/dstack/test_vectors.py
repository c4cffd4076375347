"""The published log leads to the published registers."""

import json

from opengradient.core.rtmr import replay
from opengradient.verify.aci._application import measured_application
from opengradient.verify.attestation.event_log import (
    GUEST_EVENT,
    check_event_log,
    parse_event_log,
    replay_event_log,
)
from tests.third_party.dstack import vectors as published


def whole_log() -> bytes:
    firmware = [
        {"imr": imr, "event_type": kind, "digest": digest, "event": "", "event_payload": ""}
        for imr, kind, digest in published.FIRMWARE
    ]
    guest = [
        {
            "imr": 3,
            "event_type": GUEST_EVENT,
            "digest": digest,
            "event": name,
            "event_payload": payload,
        }
        for name, payload, digest in published.GUEST
    ]
    return json.dumps([*firmware, *guest]).encode()


def test_every_register() -> None:
    events = parse_event_log(whole_log())
    for number, register in enumerate(published.REGISTERS):
        assert replay_event_log(events, number).hex() == register
    check_event_log(events, [bytes.fromhex(register) for register in published.REGISTERS])


def test_extension_alone() -> None:
    digests = [bytes.fromhex(digest) for imr, _, digest in published.FIRMWARE if imr == 2]
    assert replay(digests).hex() == published.REGISTERS[2]


def test_the_application_that_was_measured() -> None:
    events = parse_event_log(whole_log())
    assert measured_application(events).hex() == published.COMPOSE_HASH
