"""The configuration that evidence binds, and the one that a node says it has."""

from opengradient.core.canonical import JsonObject
from opengradient.core.claims import Claim, Status
from opengradient.core.configuration import configuration_digest
from opengradient.core.digests import equal
from opengradient.core.evidence import VerifiedEvidence
from opengradient.core.keyset import Keyset
from opengradient.errors import AttestationError


def configuration_claim(verified: VerifiedEvidence) -> Claim:
    """What evidence says about its node's configuration.

    The digest is what the measured code put there: it is as good as the measurement.
    """
    digest = verified.keyset.config_digest if verified.keyset else None
    if digest is None:
        return Claim("configuration", Status.ABSENT, "the evidence binds none")
    if verified.simulated:
        return Claim("configuration", Status.ASSERTED, "software enclave", f"0x{digest.hex()}")
    return Claim("configuration", Status.PROVEN, "digest in the keyset", f"0x{digest.hex()}")


def check_configuration(document: JsonObject | None, keyset: Keyset) -> None:
    """Require that a configuration is the one that the evidence binds.

    Args:
        document: What the node shows; None where it shows none, which proves nothing.
        keyset: The attested keyset.

    Raises:
        AttestationError: Code ``attestation.configuration``: it is another one, or none is bound.
        MalformedError: Code ``configuration.malformed``.
        UnsupportedError: A version that this release does not know.
    """
    if document is None:
        return
    digest = configuration_digest(document)
    if keyset.config_digest is None or not equal(digest, keyset.config_digest):
        raise AttestationError(
            "the node shows another configuration than its evidence binds",
            code="attestation.configuration",
            step="configuration",
            expected=keyset.config_digest and keyset.config_digest.hex(),
            actual=digest.hex(),
        )
