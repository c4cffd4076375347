"""Reading the shown sections of a bundle, each checked against its commitment first."""

from collections.abc import Mapping
from typing import Any, Final

from opengradient.core.bundle import ReceiptBundle
from opengradient.core.commitments import Disclosed, Section, check_section
from opengradient.errors import VerificationError

WITHHELD: Final = "withheld by the holder"


def shown(bundle: ReceiptBundle, name: str, commitment: bytes, code: str) -> Section | None:
    """The section if it is shown and matches; None if it is withheld as a whole."""
    section = bundle.sections.get(name)
    if section is None:
        return None
    check_section(name, section, commitment, code=code)
    return section


def value_of(section: Section | None, name: str) -> Any:
    """The value of a shown field; None if it is withheld or not there."""
    field = section.get(name) if section is not None else None
    return field.value if isinstance(field, Disclosed) else None


def compare(section: Section, expected: Mapping[str, Any], *, what: str, code: str) -> None:
    """Compare every shown field with what the caller knows."""
    actual = {name: field.value for name, field in section.items() if isinstance(field, Disclosed)}
    for name in sorted(set(actual) | set(expected)):
        if name not in actual or name not in expected or actual[name] != expected[name]:
            raise VerificationError(
                f"the {what} that was signed differs in {name!r}",
                code=code,
                step=what,
                expected=expected.get(name),
                actual=actual.get(name),
            )
