"""Which application a verified quote's RTMR3 names; the quote itself is checked elsewhere."""

import json
from typing import Any

import pytest

from opengradient.core.aci.dstack import RUNTIME_EVENT, parse_event_log, replay_event_log
from opengradient.core.digests import sha256
from opengradient.core.evidence import _SEAL, TDX, VerifiedEvidence
from opengradient.errors import OpenGradientError
from opengradient.verify._claims import Notebook
from opengradient.verify.aci._identity import _check_provenance
from opengradient.verify.platforms.aci import AciPolicy
from tests.unit.verify import aci_forge as forge

COMPOSE = '{"name":"gateway"}'
MEASURED = sha256(COMPOSE.encode())


def event_log(name: str = "compose-hash", payload: bytes = MEASURED) -> str:
    return json.dumps(
        [{"imr": 3, "event_type": RUNTIME_EVENT, "event": name, "event_payload": payload.hex()}]
    )


def verified(log: str) -> VerifiedEvidence:
    """What the verifier of quotes would say of a quote with this register."""
    return VerifiedEvidence(
        kind=TDX,
        simulated=False,
        root="test",
        evidence_digest=bytes(32),
        statement_digest=bytes(32),
        keyset=None,
        measurements={"RTMR3": replay_event_log(parse_event_log(log)).hex()},
        measurement="0x" + "00" * 32,
        measurement_accepted=True,
        measurement_source="test",
        debug=False,
        issued_at_ms=None,
        valid_from_ms=0,
        valid_until_ms=0,
        module_id="",
        nonce=None,
        nonce_checked=False,
        public_key=None,
        user_data=None,
        unknown_keys=(),
        seal=_SEAL,
    )


def outcome(
    rules: AciPolicy | None = None,
    *,
    measured: str | None = None,
    provenance: dict[str, Any] | None = None,
    **evidence: Any,
) -> str:
    def change(report: dict[str, Any]) -> None:
        shown = {"event_log": event_log(), "app_compose": COMPOSE, **evidence}
        report["attestation"]["evidence"].update(
            {name: value for name, value in shown.items() if value is not None}
        )
        report["attestation"]["source_provenance"].update(provenance or {})

    notes = Notebook()
    try:
        _check_provenance(
            forge.report(change), verified(measured or event_log()), rules or AciPolicy(), notes
        )
    except OpenGradientError as error:
        return error.code
    return next(str(claim.status) for claim in notes.claims if claim.name == "application")


ACCEPTING = AciPolicy(applications=frozenset({MEASURED.hex()}))


def test_the_policy_decides() -> None:
    assert outcome(ACCEPTING) == "proven"
    assert outcome() == "asserted"
    assert outcome(ACCEPTING, app_compose=None) == "proven"
    other = AciPolicy(applications=frozenset({"00" * 32}))
    assert outcome(other) == "aci.application.refused"


def test_without_a_log() -> None:
    assert outcome(event_log=None) == "absent"
    assert outcome(ACCEPTING, event_log=None) == "aci.event_log.missing"


@pytest.mark.parametrize(
    ("code", "options"),
    [
        ("aci.event_log.replay", {"measured": event_log(payload=b"x" * 32)}),
        ("aci.event_log.malformed", {"event_log": "[1]"}),
        (
            "aci.event_log.compose",
            {"event_log": event_log("app-id"), "measured": event_log("app-id")},
        ),
        ("aci.application.preimage", {"app_compose": COMPOSE + " "}),
        ("aci.report.provenance", {"provenance": {"repo_commit": None}}),
        ("aci.report.provenance", {"provenance": {"repo_url": None}}),
    ],
)
def test_each_check(code: str, options: dict[str, Any]) -> None:
    assert outcome(ACCEPTING, **options) == code


def test_an_image_is_provenance_enough() -> None:
    named = {"repo_url": None, "repo_commit": None, "image_digest": "sha256:" + "ab" * 32}
    assert outcome(ACCEPTING, provenance=named) == "proven"
