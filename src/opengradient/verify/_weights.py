"""Step 11 for a model that the node ran itself: which bytes were loaded, and who says so."""

import re
from typing import Final

from opengradient.core.bundle import WEIGHTS
from opengradient.core.commitments import Disclosed, Section
from opengradient.core.evidence import VerifiedEvidence
from opengradient.core.modes import VerificationMode
from opengradient.core.receipts import Receipt
from opengradient.errors import VerificationError
from opengradient.verify._claims import Notebook
from opengradient.verify._sections import WITHHELD, value_of
from opengradient.verify._trust_steps import SIGNATURE_ONLY

_NAMES: Final = WEIGHTS | {"requested", "served"}
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def check_weights(
    receipt: Receipt, section: Section | None, verified: VerifiedEvidence, notes: Notebook
) -> None:
    """The model's root, the same wherever it stands, and the file that was loaded.

    Raises:
        VerificationError: Code ``receipt.model``.
    """
    if section is None:
        notes.absent("model", WITHHELD)
        notes.absent("weights", WITHHELD)
        return
    if section.keys() != _NAMES:
        raise _wrong("does not say which model ran", sorted(_NAMES), sorted(section))
    for name, field in section.items():
        value = field.value if isinstance(field, Disclosed) else None
        form = _DIGEST if name != "engine" else None
        if value is not None and not (
            isinstance(value, str) and (form is None or form.fullmatch(value))
        ):
            raise _wrong(f"has no {name} in its one form", "64 hex digits", value)
    roots = {value_of(section, name) for name in ("requested", "served", "root")} - {None}
    if len(roots) > 1:
        raise _wrong("names two models", None, sorted(roots))
    root, file = value_of(section, "root"), value_of(section, "file_sha256")
    engine = value_of(section, "engine") or "a withheld engine"
    _note("model", WITHHELD if root is None else f"root {root}", receipt, verified, notes)
    loaded = WITHHELD if file is None else f"file {file}"
    _note("weights", f"{loaded}, {engine}", receipt, verified, notes)


def _note(
    name: str, detail: str, receipt: Receipt, verified: VerifiedEvidence, notes: Notebook
) -> None:
    """Proven where hardware vouches for code that hashes what it loads."""
    if receipt.verification_mode == VerificationMode.VANILLA:
        notes.asserted(name, SIGNATURE_ONLY, detail)
    elif verified.simulated:
        notes.asserted(name, "the node; no hardware stands behind it", detail)
    elif verified.debug or not verified.measurement_accepted:
        notes.asserted(name, "the node; any code is accepted, or a debug enclave", detail)
    elif verified.by_service:
        notes.asserted(name, f"{verified.root}; code that it attests loaded these bytes", detail)
    else:
        notes.proven(name, "attested code loaded these bytes", detail)


def _wrong(why: str, expected: object, actual: object) -> VerificationError:
    return VerificationError(
        f"the receipt {why}", code="receipt.model", expected=expected, actual=actual
    )
