"""What a policy can require of the code that runs."""

import logging
import re
from dataclasses import dataclass
from typing import Final, final

from opengradient.errors import ConfigurationError
from opengradient.verify._fields import require_form

_log = logging.getLogger("opengradient.verify")

_REGISTER: Final = re.compile(r"[A-Z][A-Z0-9_]{1,31}")
_VALUE: Final = re.compile(r"(?:[0-9a-f]{2}){1,64}")


@final
@dataclass(frozen=True, slots=True)
class UnsafeAnyMeasurement:
    """Accept enclaves whatever code they run. Making one logs a warning."""

    def __post_init__(self) -> None:
        """Say loudly what this is."""
        _log.warning("UNSAFE: accepting enclaves whatever code they run")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredRegister:
    """A register that must have one of these values, beside the measurement.

    Nitro: PCR3 is the instance's IAM role, PCR4 the instance, PCR8 the certificate that signed the
    image. TDX: ``RTMR3`` holds what the guest extended, ``MRCONFIGID`` what its owner configured.
    SEV-SNP: ``HOST_DATA`` is what the host was asked to bind at launch.

    Attributes:
        name: As `VerifiedEvidence.measurements` names it, for example ``"PCR8"``.
        values: Whole values in lower-case hex.
        kind: The kind of evidence that it is required of; None for every kind.
    """

    name: str
    values: frozenset[str]
    kind: str | None = None

    def __post_init__(self) -> None:
        """Refuse a requirement that nothing, or everything, could meet."""
        if not _REGISTER.fullmatch(self.name) or not self.values:
            raise ConfigurationError("a required register has a name and values")
        require_form(_VALUE, self.values, "register value")
