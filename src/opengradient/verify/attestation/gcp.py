"""Tokens of Google Confidential Space: what Google's attestation service says of a container.

The service checks the hardware's evidence and says in a signed token which machine it was and
which container image runs; the hardware's own evidence is not in the token. So everything here
rests on Google's key, which the caller's policy pins, and the result says so. The form is that of
the token claims in Google's reference ("Attestation token claims" of Confidential Space).
"""

import re
from types import MappingProxyType
from typing import Any, Final

from opengradient.core.claims import Claim, Status
from opengradient.core.digests import equal, keccak256, sha256
from opengradient.core.evidence import _SEAL, GCP, Evidence, VerifiedEvidence
from opengradient.core.jwt import parse_token
from opengradient.core.keyset import Keyset
from opengradient.core.report_data import nonce_digest
from opengradient.errors import AttestationError, FreshnessError, MalformedError, PolicyError
from opengradient.verify.attestation._common import (
    check_key_not_revoked,
    check_measurement,
    check_product,
)
from opengradient.verify.attestation._token import Claims, check_times, open_token
from opengradient.verify.platforms.gcp import GcpPolicy
from opengradient.verify.policy import TrustPolicy

ISSUER: Final = "https://confidentialcomputing.googleapis.com"
SOFTWARE_NAME: Final = "CONFIDENTIAL_SPACE"
PRODUCTION: Final = "disabled-since-boot"
SERVICE: Final = "Google's attestation service"

MAX_NONCES: Final = 6
"""Google's reference: at most six nonces, of 8 to 88 bytes each."""

_IMAGE = re.compile(r"sha256:[0-9a-f]{64}")
_VERSION = re.compile(r"[0-9]{1,12}")
_KNOWN: Final = frozenset(
    {
        *("iss", "aud", "sub", "iat", "nbf", "exp", "eat_nonce", "eat_profile", "secboot"),
        *("oemid", "hwmodel", "swname", "swversion", "dbgstat", "google_service_accounts"),
        *("submods", "attester_tcb", "tdx"),
    }
)


def verify_gcp(
    evidence: Evidence, /, *, policy: TrustPolicy, now_ms: int, nonce: bytes | None = None
) -> VerifiedEvidence:
    """Verify a token of Google Confidential Space.

    1. Nothing stands beside the token but a keyset (``evidence.malformed``).
    2. It is a token in its one form, signed by a key that the policy pins
       (``policy.no_trust``, ``format.too_large``, ``jwt.*``). There is no ``jku``.
    3. Google issued it (``gcp.issuer``), for the policy's audience (``gcp.audience``).
    4. It holds now and is not too old (``jwt.time.*``).
    5. It is of a Confidential Space image (``gcp.software``) that started with secure boot
       (``gcp.secure_boot``), is no debug image (``gcp.debug``), has every support attribute that
       the policy demands (``gcp.support``) and no version below its minimum
       (``gcp.software_version``).
    6. The hardware is accepted (``gcp.hardware``) and not revoked
       (``attestation.revoked_product``, for example ``gcp-confidential-space/GCP_AMD_SEV``).
    7. Project, zone and service accounts are those that the policy lists, where it lists any
       (``gcp.project``, ``gcp.zone``, ``gcp.service_account``).
    8. The image digest (``gcp.image_digest``) is accepted and not revoked
       (``attestation.measurement``, ``attestation.revoked_measurement``,
       ``attestation.register``).
    9. The operator replaced neither the image's command (``gcp.command``) nor its environment
       (``gcp.environment``), except as the policy allows.
    10. Where a keyset came with it, ``eat_nonce`` holds the hex of its digest
        (``gcp.nonce.form``, ``gcp.nonce.keyset``, ``keyset.*``), and its key is not revoked
        (``attestation.revoked_key``).
    11. Where a nonce was sent, ``eat_nonce`` holds the hex of its digest; without a keyset, of the
        nonce itself (``gcp.nonce.mismatch``).

    Args:
        evidence: The token, and the keyset's encoding as runtime data; that may be empty.
        policy: What the caller accepts; its `GcpPolicy` pins keys and audience.
        now_ms: The time to verify at, Unix milliseconds.
        nonce: The nonce that the token must answer; None where none was sent.

    Returns:
        What the token says. Its measurement is keccak256 of the image digest's 32 bytes.

    Raises:
        VerificationError: A step failed; the code says which.
        UnsupportedError: It comes with a keyset of a version that this release does not know.
        ConfigurationError: The nonce is empty or too long.
    """
    settings = policy.platform(GcpPolicy)
    if evidence.collateral:  # step 1
        raise MalformedError("a token has no collateral", code="evidence.malformed")
    token = open_token(evidence.document, kind=GCP, keys=settings.keys)  # step 2
    claims = Claims(token.claims)
    _check_addressee(claims, settings)  # step 3
    times = check_times(claims, policy, now_ms)  # step 4
    submods = claims.child("submods", "gcp.image_digest")
    debug = _check_software(claims, submods, settings, policy)  # step 5
    product = claims.require_one("hwmodel", settings.hardware, "gcp.hardware")  # step 6
    check_product(GCP, product, policy)
    where = _check_place(claims, submods, settings)  # step 7
    container = submods.child("container", "gcp.image_digest")
    image = _image_digest(container)
    registers = {"IMAGE_DIGEST": image.hex()}
    measurement = "0x" + keccak256(image).hex()
    accepted, source = check_measurement(  # step 8
        GCP, measurement, registers, policy, now_ms=now_ms
    )
    _check_overrides(container, settings)  # step 9
    nonces = _nonces(claims)
    keyset = _check_keyset(nonces, evidence.runtime_data, policy)  # step 10
    _check_nonce(nonces, nonce, bound=keyset is not None)  # step 11
    return VerifiedEvidence(
        kind=GCP,
        simulated=False,
        root=f"{SERVICE}, key {token.header['kid']}",
        evidence_digest=evidence.digest(),
        statement_digest=sha256(token.signing_input),
        keyset=keyset,
        measurements=MappingProxyType(registers),
        measurement=measurement,
        measurement_accepted=accepted,
        measurement_source=source,
        debug=debug,
        issued_at_ms=times.issued_ms,
        valid_from_ms=times.from_ms,
        valid_until_ms=times.until_ms,
        module_id=where,
        product=product,
        nonce=nonce,
        nonce_checked=nonce is not None,
        public_key=None,
        user_data=None,
        unknown_keys=tuple(sorted(claims.names() - _KNOWN)),
        claims=_claims(product, submods, where),
        seal=_SEAL,
    )


def inspect_gcp(document: bytes) -> dict[str, Any]:
    """Read a token without verifying it: anybody can write one.

    Args:
        document: The token as received.

    Returns:
        Header and claims as they are; ``verified`` is always False.

    Raises:
        VerificationError: It has not the form of a token.
    """
    token = parse_token(document)
    return {"verified": False, "header": token.header, "claims": token.claims}


def _check_addressee(claims: Claims, settings: GcpPolicy) -> None:
    claims.require("iss", ISSUER, "gcp.issuer")
    if not settings.audience:
        raise PolicyError("the policy names no audience for tokens", code="gcp.audience")
    claims.require("aud", settings.audience, "gcp.audience")


def _check_software(
    claims: Claims, submods: Claims, settings: GcpPolicy, policy: TrustPolicy
) -> bool:
    claims.require("swname", SOFTWARE_NAME, "gcp.software")
    claims.require("secboot", True, "gcp.secure_boot")  # noqa: FBT003
    debug = claims.raw("dbgstat") != PRODUCTION
    if debug and not policy.allow_debug:
        claims.require("dbgstat", PRODUCTION, "gcp.debug")
    if debug:  # a debug image has no support attributes and runs whatever version
        return True
    space = submods.child("confidential_space", "gcp.support")
    missing = settings.support_attributes - set(space.texts("support_attributes", "gcp.support"))
    if missing:
        raise AttestationError(
            "the image lacks a support attribute",
            code="gcp.support",
            expected=sorted(settings.support_attributes),
            actual=space.raw("support_attributes"),
        )
    versions = claims.texts("swversion", "gcp.software_version")
    fits = len(versions) == 1 and _VERSION.fullmatch(versions[0])
    if not fits or int(versions[0]) < settings.min_software_version:
        raise AttestationError(
            "the image's version is missing or too low",
            code="gcp.software_version",
            expected=f">= {settings.min_software_version}",
            actual=versions,
        )
    return False


def _check_place(claims: Claims, submods: Claims, settings: GcpPolicy) -> str:
    gce = submods.child("gce", "gcp.project")
    project = gce.text("project_id", "gcp.project")
    zone = gce.text("zone", "gcp.zone")
    if settings.projects is not None:
        gce.require_one("project_id", settings.projects, "gcp.project")
    if settings.zones is not None:
        gce.require_one("zone", settings.zones, "gcp.zone")
    accounts = claims.texts("google_service_accounts", "gcp.service_account")
    allowed = settings.service_accounts
    if allowed is not None and (not accounts or not allowed.issuperset(accounts)):
        raise AttestationError(
            "the machine runs with other service accounts",
            code="gcp.service_account",
            expected=sorted(allowed),
            actual=accounts,
        )
    return f"{project}/{zone}"


def _image_digest(container: Claims) -> bytes:
    digest = container.text("image_digest", "gcp.image_digest")
    if not _IMAGE.fullmatch(digest):
        raise MalformedError("the image digest is no SHA-256", code="gcp.image_digest")
    return bytes.fromhex(digest.removeprefix("sha256:"))


def _check_overrides(container: Claims, settings: GcpPolicy) -> None:
    command = container.texts("cmd_override", "gcp.command")
    if command != (settings.command or ()):
        raise AttestationError(
            "the operator replaced the container's command",
            code="gcp.command",
            expected=settings.command or (),
            actual=command,
        )
    given = container.raw("env_override") if "env_override" in container else {}
    if not _is_environment(given) or not given.items() <= settings.environment:
        raise AttestationError(
            "the operator set variables that the policy does not allow",
            code="gcp.environment",
            expected=sorted(settings.environment),
            actual=given,
        )


def _is_environment(given: Any) -> bool:
    return isinstance(given, dict) and all(isinstance(value, str) for value in given.values())


def _nonces(claims: Claims) -> tuple[bytes, ...]:
    given = claims.raw("eat_nonce")
    nonces = [given] if isinstance(given, str) else [] if given is None else given
    if (
        not isinstance(nonces, list)
        or len(nonces) > MAX_NONCES
        or not all(isinstance(item, str) and 8 <= len(item) <= 88 for item in nonces)
    ):
        raise MalformedError("eat_nonce is no nonce of 8 to 88 bytes", code="gcp.nonce.form")
    return tuple(item.encode() for item in nonces)


def _check_keyset(
    nonces: tuple[bytes, ...], runtime_data: bytes, policy: TrustPolicy
) -> Keyset | None:
    if not runtime_data:
        return None
    keyset = Keyset.parse(runtime_data)
    wanted = keyset.digest().hex().encode()
    if not any(equal(item, wanted) for item in nonces):
        raise AttestationError(
            "the token binds another keyset than the one that came with it",
            code="gcp.nonce.keyset",
            expected=wanted.decode(),
            actual=[item.decode() for item in nonces],
        )
    check_key_not_revoked(keyset, policy)
    return keyset


def _check_nonce(nonces: tuple[bytes, ...], nonce: bytes | None, *, bound: bool) -> None:
    if nonce is None:
        return
    digest = nonce_digest(nonce)
    wanted = (digest if bound else nonce).hex().encode()
    if not any(equal(item, wanted) for item in nonces):
        raise FreshnessError(
            "the token does not answer our nonce",
            code="gcp.nonce.mismatch",
            expected=wanted.decode(),
            actual=[item.decode() for item in nonces],
        )


def _claims(product: str, submods: Claims, where: str) -> tuple[Claim, ...]:
    space = submods.raw("confidential_space")
    attributes = space.get("support_attributes") if isinstance(space, dict) else None
    return (
        Claim(
            "attester",
            Status.ASSERTED,
            SERVICE,
            "it checked the hardware's evidence, which is not in the token",
        ),
        Claim("platform", Status.ASSERTED, SERVICE, f"{product}, image {attributes or 'unknown'}"),
        Claim("place", Status.ASSERTED, SERVICE, where),
    )
