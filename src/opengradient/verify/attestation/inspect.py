"""What a document says about itself, with nothing verified: for people who look at a file."""

from typing import Any

from opengradient.core.digests import sha256
from opengradient.core.keyset import claims_keyset
from opengradient.core.nitro_document import parse_document
from opengradient.verify.attestation._sign1 import open_envelope
from opengradient.verify.attestation.nitro import check_size, is_debug, measurement_id


def inspect_nitro(document: bytes) -> dict[str, Any]:
    """Read a Nitro document, or a software enclave's, without verifying it.

    Only the form is checked (steps 1 to 4 of `verify_nitro`): anybody can write such a document.

    Args:
        document: The document as received.

    Returns:
        Its fields as JSON values, bytes in hex, the keyset as text, certificates as their
        fingerprints; ``verified`` is always False.

    Raises:
        VerificationError: It does not have the form of a Nitro document.
    """
    check_size(document)
    content = parse_document(open_envelope(document).payload)
    chain = (*content.cabundle, content.certificate)
    key = content.public_key
    return {
        "verified": False,
        "module_id": content.module_id,
        "timestamp_ms": content.timestamp_ms,
        "measurement": measurement_id(content),
        "debug": is_debug(content),
        "pcrs": {str(index): value.hex() for index, value in sorted(content.pcrs.items())},
        "certificate_sha256": [sha256(der).hex() for der in chain],
        "public_key": _hex(key),
        "keyset": key.decode("utf-8", "backslashreplace") if key and claims_keyset(key) else None,
        "user_data": _hex(content.user_data),
        "nonce": _hex(content.nonce),
        "unknown_keys": list(content.unknown_keys),
    }


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()
