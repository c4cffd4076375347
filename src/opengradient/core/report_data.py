"""How a quote or report with 64 free bytes binds a keyset and answers a nonce.

REPORT_DATA is the keyset's digest (32 bytes) and then the nonce's digest (32 bytes), or zeros
where no nonce was asked for (docs/spec/evidence.md, clause 2). Nodes write it, verifiers expect
it: this is the one place that says what it is.
"""

from typing import Final

from opengradient.core.digests import ZERO32, Domain, tagged_sha256
from opengradient.errors import ConfigurationError

REPORT_DATA_BYTES: Final = 64
MAX_NONCE_BYTES: Final = 512
"""As long as a Nitro document's nonce may be, so that a nonce serves for every kind."""


def nonce_digest(nonce: bytes | None) -> bytes:
    """The second half of REPORT_DATA.

    Args:
        nonce: 1 to 512 bytes; None for zeros.

    Raises:
        ConfigurationError: The nonce is empty or too long.
    """
    if nonce is None:
        return ZERO32
    if not 1 <= len(nonce) <= MAX_NONCE_BYTES:
        raise ConfigurationError(f"a nonce has 1 to {MAX_NONCE_BYTES} bytes")
    return tagged_sha256(Domain.REPORT_NONCE, nonce)


def report_data(keyset_digest: bytes, nonce: bytes | None) -> bytes:
    """The 64 bytes that an enclave has its hardware sign.

    Args:
        keyset_digest: `Keyset.digest` of its keys, 32 bytes.
        nonce: The nonce to answer; None for standing evidence.
    """
    return keyset_digest + nonce_digest(nonce)
