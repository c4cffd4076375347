"""Runtime measurement registers: how a hash is added to one.

The same rule extends a TPM's PCR, a Nitro PCR and a TDX RTMR (Intel TDX module specification,
TDG.MR.RTMR.EXTEND; TPM 2.0 part 1, "PCR operations"): ``register = SHA-384(register || digest)``.
"""

from collections.abc import Iterable
from typing import Final

from opengradient.core.digests import sha384
from opengradient.errors import MalformedError

REGISTER_BYTES: Final = 48
ZERO: Final = bytes(REGISTER_BYTES)
"""What a register holds after a reset."""


def extend(register: bytes, digest: bytes) -> bytes:
    """Add one measurement.

    Args:
        register: Its 48 bytes so far.
        digest: SHA-384 of what is measured.

    Returns:
        The 48 bytes after it.

    Raises:
        MalformedError: One of them has not 48 bytes.
    """
    if len(register) != REGISTER_BYTES or len(digest) != REGISTER_BYTES:
        raise MalformedError("a register and a measurement have 48 bytes", step="extend")
    return sha384(register + digest)


def replay(digests: Iterable[bytes], *, start: bytes = ZERO) -> bytes:
    """The value of a register after these measurements, in order."""
    register = start
    for digest in digests:
        register = extend(register, digest)
    return register
