"""Checks that evidence of every kind has to pass, written once."""

from collections.abc import Mapping
from typing import Final

from opengradient.core.digests import equal
from opengradient.core.keyset import Keyset
from opengradient.core.report_data import REPORT_DATA_BYTES, nonce_digest
from opengradient.errors import (
    AttestationError,
    FreshnessError,
    MeasurementMismatchError,
    PolicyError,
)
from opengradient.verify.policy import TrustPolicy, UnsafeAnyMeasurement
from opengradient.verify.releases import VerifiedReleases

NOT_COMPARED: Final = "any measurement is accepted"
LISTED: Final = "measurement that the policy lists"


def check_measurement(
    kind: str,
    measurement: str,
    registers: Mapping[str, str],
    policy: TrustPolicy,
    *,
    now_ms: int,
) -> tuple[bool, str]:
    """Require code that the policy accepts and nobody revoked, and the registers it requires.

    Args:
        kind: Kind of the evidence.
        measurement: The id of the code.
        registers: Every register by name, in hex.
        policy: What the caller accepts.
        now_ms: Unix milliseconds; a release manifest is good for a time only.

    Returns:
        Whether the measurement was compared with anything, and what vouches for it.

    Raises:
        PolicyError: Code ``attestation.revoked_measurement``.
        MeasurementMismatchError: Code ``attestation.measurement`` or ``attestation.register``.
        VerificationError: Code ``releases.*``: the policy rests on a release manifest, which has
            expired, does not list the code, or revokes it.
    """
    if measurement in policy.revoked_measurements:
        raise PolicyError(
            "the enclave's code was revoked",
            code="attestation.revoked_measurement",
            actual=measurement,
        )
    accepted, source = _check_listed(kind, measurement, registers, policy, now_ms)
    for required in policy.registers:
        if required.kind not in (None, kind):
            continue
        value = registers.get(required.name)
        if value not in required.values:
            raise MeasurementMismatchError(
                f"{required.name} is not what the policy requires",
                code="attestation.register",
                expected=sorted(required.values),
                actual=value,
            )
    return accepted, source


def _check_listed(
    kind: str, measurement: str, registers: Mapping[str, str], policy: TrustPolicy, now_ms: int
) -> tuple[bool, str]:
    accepted = policy.measurements
    if isinstance(accepted, UnsafeAnyMeasurement):
        return False, NOT_COMPARED
    if isinstance(accepted, VerifiedReleases):
        release = accepted.require_release(kind, measurement, registers, now_ms=now_ms)
        number = accepted.manifest.number
        return True, f"release {release.name} in signed manifest {number}: {release.source}"
    if measurement not in accepted:
        raise MeasurementMismatchError(
            "the enclave runs code that the policy does not list",
            code="attestation.measurement",
            expected=sorted(accepted),
            actual=measurement,
        )
    return True, LISTED


def check_product(kind: str, product: str, policy: TrustPolicy) -> None:
    """Refuse a product line that was revoked.

    Args:
        kind: Kind of the evidence.
        product: The product line, for example ``"Milan"``.
        policy: What the caller accepts.

    Raises:
        PolicyError: Code ``attestation.revoked_product`` or ``releases.revoked_product``.
    """
    if f"{kind}/{product}" in policy.revoked_products:
        raise PolicyError(
            f"the policy excludes the product line {product}",
            code="attestation.revoked_product",
            actual=f"{kind}/{product}",
        )
    if isinstance(policy.measurements, VerifiedReleases):
        policy.measurements.require_product(f"{kind}/{product}")


def check_key_not_revoked(keyset: Keyset, policy: TrustPolicy) -> None:
    """Refuse a signing key that was revoked.

    Raises:
        PolicyError: Code ``attestation.revoked_key`` or ``releases.revoked_key``.
    """
    node_id = "0x" + keyset.signing.node_id.hex()
    if node_id in policy.revoked_keys:
        raise PolicyError(
            "the signing key was revoked", code="attestation.revoked_key", actual=node_id
        )
    if isinstance(policy.measurements, VerifiedReleases):
        policy.measurements.require_key(node_id)


def check_report_data(
    actual: bytes, *, runtime_data: bytes, nonce: bytes | None, policy: TrustPolicy
) -> Keyset | None:
    """Require that the 64 signed bytes bind the keyset and answer the nonce.

    Without runtime data the document binds no keyset of ours; a nonce must then be all 64 bytes.

    Args:
        actual: REPORT_DATA of the quote or report, 64 bytes.
        runtime_data: The keyset's encoding that came with it; may be empty.
        nonce: The nonce that was sent; None where none was, and then nothing is compared with it.
        policy: Names revoked keys.

    Returns:
        The keyset that is bound; None where there is none.

    Raises:
        AttestationError: Code ``attestation.report_data``: another keyset is bound.
        FreshnessError: Code ``attestation.nonce``: another nonce, or none, is answered.
        MalformedError: The runtime data is no keyset.
        UnsupportedError: It is one of a version that this release does not know.
        PolicyError: Its signing key is revoked.
    """
    half = REPORT_DATA_BYTES // 2
    if not runtime_data:
        if nonce is not None and not equal(actual, nonce):
            raise _other_nonce(nonce, actual)
        return None
    keyset = Keyset.parse(runtime_data)
    if not equal(actual[:half], keyset.digest()):
        raise AttestationError(
            "the document binds another keyset than the one that came with it",
            code="attestation.report_data",
            expected=keyset.digest().hex(),
            actual=actual[:half].hex(),
        )
    if nonce is not None and not equal(actual[half:], nonce_digest(nonce)):
        raise _other_nonce(nonce_digest(nonce), actual[half:])
    check_key_not_revoked(keyset, policy)
    return keyset


def _other_nonce(expected: bytes, actual: bytes) -> FreshnessError:
    return FreshnessError(
        "the document does not answer our nonce",
        code="attestation.nonce",
        expected=expected.hex(),
        actual=actual.hex(),
    )
