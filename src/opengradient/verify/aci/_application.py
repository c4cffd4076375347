"""Which application dstack measured: the boot event log behind a verified quote (ACI 4.2)."""

from collections.abc import Sequence
from typing import Final

from opengradient.core.aci import AciReport
from opengradient.core.digests import equal, sha256
from opengradient.errors import AttestationError, PolicyError
from opengradient.verify._claims import Notebook
from opengradient.verify.attestation.event_log import Event, parse_event_log
from opengradient.verify.platforms.aci import AciPolicy

COMPOSE_HASH: Final = "compose-hash"
SYSTEM_READY: Final = "system-ready"


def measured_application(events: Sequence[Event]) -> bytes:
    """The SHA-256 of the compose file, as the guest measured it at boot.

    Only what was measured before ``system-ready`` counts: afterwards the application itself can
    write events, of this name too.

    Args:
        events: The log; it was replayed to the quote's register.

    Raises:
        AttestationError: Code ``aci.event_log.compose``: not there, there twice, or not 32 bytes.
    """
    found: list[bytes] = []
    for event in events:
        if event.is_guest_event and event.name == SYSTEM_READY:
            break
        if event.is_guest_event and event.name == COMPOSE_HASH:
            found.append(event.payload)
    if len(found) != 1 or len(found[0]) != 32:
        raise AttestationError(
            "the log must measure one compose-hash of 32 bytes before system-ready",
            code="aci.event_log.compose",
            actual=[item.hex() for item in found],
        )
    return found[0]


def check_provenance(report: AciReport, rules: AciPolicy, notes: Notebook) -> None:
    """Step 3, after the quote: which application, and who says where its source is.

    Args:
        report: Its event log was replayed to the verified quote's registers.
        rules: What the caller accepts of ACI services.
        notes: Takes the claims.
    """
    source = report.provenance
    if not source.names_code:
        raise AttestationError(
            "the report names neither a commit nor an image", code="aci.report.provenance"
        )
    log = report.event_log()
    if log is not None:
        _check_application(report, measured_application(parse_event_log(log)), rules, notes)
    elif rules.applications:
        raise AttestationError("the evidence has no event log", code="aci.event_log.missing")
    else:
        notes.absent("application", "the evidence has no boot event log")
    image = source.image_digest.hex() if source.image_digest else ""
    named = f"{source.repo_url} at {source.repo_commit}" if source.repo_commit else f"image {image}"
    notes.asserted("source", "the report; the quote does not bind it", named)
    notes.asserted("custody", "the measured code's word: key_custody is not checked")


def _check_application(
    report: AciReport, measured: bytes, rules: AciPolicy, notes: Notebook
) -> None:
    shown = report.evidence_text("app_compose")
    if shown is not None and not equal(sha256(shown.encode(errors="surrogatepass")), measured):
        raise AttestationError(
            "app_compose is not what was measured",
            code="aci.application.preimage",
            expected=measured.hex(),
        )
    if not rules.applications:
        notes.asserted(
            "application", "compose-hash in RTMR3, compared with nothing", measured.hex()
        )
        return
    if measured.hex() not in rules.applications:
        raise PolicyError(
            "the policy does not accept the measured application",
            code="aci.application.refused",
            expected=sorted(rules.applications),
            actual=measured.hex(),
        )
    notes.proven("application", "compose-hash in RTMR3, accepted by the policy", measured.hex())
