"""Tokens of NVIDIA's Remote Attestation Service (NRAS): what NVIDIA says of GPUs.

The document is the service's answer as it came: ``[["JWT", overall], {"GPU-0": token, ...}]``, an
Entity Attestation Token whose submodules are detached and named by the SHA-256 of their tokens
(NVIDIA's "GPU Claims", versions 2.0 and 3.0). Every token is signed, and every one is checked.

None of it ties a GPU to a CPU: see `opengradient.core.devices`. A node has its GPUs attested with
its keyset's digest as nonce; that keeps a node from showing another node's tokens, and does not
keep it from renting a GPU elsewhere and having that one attested.
"""

import re
from types import MappingProxyType
from typing import Any, Final

from opengradient.core.canonical import parse_json
from opengradient.core.devices import _SEAL, VerifiedDevice
from opengradient.core.digests import equal, sha256
from opengradient.core.evidence import NVIDIA, Evidence
from opengradient.core.jwt import CompactToken, parse_token
from opengradient.errors import AttestationError, FreshnessError, MalformedError
from opengradient.verify.attestation._common import check_product
from opengradient.verify.attestation._token import Claims, Times, check_times, open_token
from opengradient.verify.platforms.nvidia import NvidiaPolicy
from opengradient.verify.policy import TrustPolicy

ISSUER: Final = "https://nras.attestation.nvidia.com"
SUBJECT: Final = "NVIDIA-PLATFORM-ATTESTATION"
SOURCE: Final = "NVIDIA NRAS"
MAX_GPUS: Final = 16
"""As many as one machine holds today; each costs a signature to check."""

NONCE_BYTES: Final = 32
"""The nonce of an SPDM measurement request (DSP0274), which the GPU signs."""

VERSION_2: Final = "2.0"
VERSION_3: Final = "3.0"

_NAME = re.compile(r"GPU-(?:0|[1-9][0-9]?)")
_G: Final = "x-nvidia-gpu-"
_REPORT: Final = (
    _G + "arch-check",
    _G + "attestation-report-parsed",
    _G + "attestation-report-nonce-match",
    _G + "attestation-report-signature-verified",
)
_FWID_MATCH: Final = _G + "attestation-report-cert-chain-fwid-match"
_REFERENCES: Final = (
    *(
        f"{_G}{what}-rim-{claim}"
        for what in ("driver", "vbios")
        for claim in ("fetched", "schema-validated", "signature-verified", "measurements-available")
    ),
    _G + "vbios-index-no-conflict",
)
_VERSION_MATCHES: Final = (_G + "driver-rim-version-match", _G + "vbios-rim-version-match")
_CHAINS: Final = (
    _G + "attestation-report-cert-chain",
    _G + "driver-rim-cert-chain",
    _G + "vbios-rim-cert-chain",
)
_VALIDATED: Final = (
    _G + "attestation-report-cert-chain-validated",
    _G + "driver-rim-cert-validated",
    _G + "vbios-rim-cert-validated",
)
_WARNINGS: Final = ("x-nvidia-attestation-warning", "x-nvidia-error-details")


def verify_nvidia(
    evidence: Evidence, /, *, policy: TrustPolicy, now_ms: int, nonce: bytes | None = None
) -> tuple[VerifiedDevice, ...]:
    """Verify NRAS's answer on the GPUs of one machine.

    1. Nothing stands beside the document (``evidence.malformed``), which is an overall token and
       one for each of 1 to 16 GPUs (``gpu.structure``).
    2. Every token has its one form and is signed by a key that the policy pins
       (``policy.no_trust``, ``format.too_large``, ``jwt.*``). There is no ``jku``.
    3. NVIDIA issued every token (``gpu.issuer``) for the policy's audience (``gpu.audience``), and
       every one holds now and is not too old (``jwt.time.*``).
    4. The overall token is of a platform (``gpu.subject``), in a version of claims that is known
       (``gpu.version``), and says that the platform is genuine (``gpu.overall``).
    5. It names the tokens that are there (``gpu.submodules``) by their SHA-256 (``gpu.digest``).
    6. All tokens answer one nonce, and ours where one was given (``gpu.nonce``).
    7. Every GPU: its firmware is that of the reference (``gpu.measurements``), it started with
       secure boot (``gpu.secure_boot``) and without debugging (``gpu.debug``); its report
       (``gpu.report``), the references of driver and VBIOS (``gpu.reference``) and all
       certificates (``gpu.certificate``) were verified, without a warning (``gpu.warning``).
    8. Every GPU has model, number and versions, and no number stands twice (``gpu.identity``);
       they are those that the policy accepts (``gpu.model``, ``gpu.driver``, ``gpu.vbios``,
       ``attestation.revoked_product``).

    Args:
        evidence: The document.
        policy: What the caller accepts; its `NvidiaPolicy` pins keys.
        now_ms: The time to verify at, Unix milliseconds.
        nonce: The 32 bytes that ``eat_nonce`` must be the hex of; None compares it with nothing.

    Returns:
        The GPUs, in the order of their names.

    Raises:
        VerificationError: A step failed; the code says which.
    """
    settings = policy.platform(NvidiaPolicy)
    if evidence.collateral or evidence.runtime_data:  # step 1
        raise MalformedError("a GPU's evidence is a document alone", code="evidence.malformed")
    overall_bytes, gpus = parse_nras(evidence.document)
    overall = _open(overall_bytes, settings)  # step 2
    claims = Claims(overall.claims)
    times = _check_token(claims, settings, policy, now_ms)  # step 3
    version = _check_overall(claims)  # step 4
    _check_digests(claims, gpus)  # step 5
    answered = _check_nonce(claims, nonce)
    devices = []
    for name, token in gpus.items():
        gpu = Claims(_open(token, settings).claims)
        _check_token(gpu, settings, policy, now_ms)
        gpu.require("eat_nonce", answered, "gpu.nonce")  # step 6
        _check_gpu(gpu, version)  # step 7
        devices.append(_device(name, gpu, settings, evidence, times, asked=nonce is not None))
        check_product(NVIDIA, devices[-1].model, policy)
    if len({device.identity for device in devices}) != len(devices):  # step 8
        raise AttestationError("one GPU stands under two names", code="gpu.identity")
    return tuple(devices)


def inspect_nvidia(document: bytes) -> dict[str, Any]:
    """Read NRAS's answer without verifying it: anybody can write one.

    Args:
        document: The document as received.

    Returns:
        The claims of every token as they are; ``verified`` is always False.

    Raises:
        VerificationError: It has not the form of such an answer.
    """
    overall, gpus = parse_nras(document)
    return {
        "verified": False,
        "overall": parse_token(overall).claims,
        "gpus": {name: parse_token(token).claims for name, token in gpus.items()},
    }


def parse_nras(document: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Take the answer apart; nothing of it is checked.

    Returns:
        The overall token, and each GPU's by its name, in the order of their numbers.

    Raises:
        MalformedError: Code ``gpu.structure``.
    """
    try:
        value = parse_json(document, what="GPU evidence")
    except MalformedError as error:
        raise _structure(error.message) from error
    match value:
        case [["JWT", str(overall)], dict(gpus)] if overall.isascii():
            pass
        case _:
            raise _structure("not an overall token and detached ones")
    if not 1 <= len(gpus) <= MAX_GPUS or not all(_is_gpu(*item) for item in gpus.items()):
        raise _structure(f"not 1 to {MAX_GPUS} tokens named GPU-0 and so on")
    names = sorted(gpus, key=lambda name: int(name.removeprefix("GPU-")))
    return overall.encode(), {name: gpus[name].encode() for name in names}


def _is_gpu(name: str, token: Any) -> bool:
    return bool(_NAME.fullmatch(name)) and isinstance(token, str) and token.isascii()


def _open(token: bytes, settings: NvidiaPolicy) -> CompactToken:
    return open_token(token, kind=NVIDIA, keys=settings.keys)


def _check_token(claims: Claims, settings: NvidiaPolicy, policy: TrustPolicy, now_ms: int) -> Times:
    claims.require("iss", ISSUER, "gpu.issuer")
    if settings.audience is not None:
        claims.require("aud", settings.audience, "gpu.audience")
    elif "aud" in claims:  # RFC 7519 section 4.1.3: meant for somebody else
        raise AttestationError("the token is meant for an audience", code="gpu.audience")
    return check_times(claims, policy, now_ms)


def _check_overall(claims: Claims) -> str:
    claims.require("sub", SUBJECT, "gpu.subject")
    version = claims.require_one("x-nvidia-ver", (VERSION_2, VERSION_3), "gpu.version")
    claims.require("x-nvidia-overall-att-result", True, "gpu.overall")  # noqa: FBT003
    return version


def _check_digests(claims: Claims, gpus: dict[str, bytes]) -> None:
    submods = claims.child("submods", "gpu.submodules")
    if submods.names() != gpus.keys():
        raise AttestationError(
            "the overall token names other GPUs",
            code="gpu.submodules",
            expected=sorted(submods.names()),
            actual=sorted(gpus),
        )
    for name, token in gpus.items():
        wanted = ["DIGEST", ["SHA-256", sha256(token).hex()]]
        if submods.raw(name) != wanted:
            raise AttestationError(
                f"the token of {name} is not the one that the overall token names",
                code="gpu.digest",
                expected=submods.raw(name),
                actual=wanted,
            )


def _check_nonce(claims: Claims, nonce: bytes | None) -> str:
    answered = claims.text("eat_nonce", "gpu.nonce")
    if nonce is not None and not equal(answered.encode(), nonce.hex().encode()):
        raise FreshnessError(
            "the GPU's evidence does not answer the nonce",
            code="gpu.nonce",
            expected=nonce.hex(),
            actual=answered,
        )
    return answered


def _check_gpu(gpu: Claims, version: str) -> None:
    gpu.require("measres", "success", "gpu.measurements")
    gpu.require("secboot", True, "gpu.secure_boot")  # noqa: FBT003
    gpu.require("dbgstat", "disabled", "gpu.debug")
    for name in _REPORT:
        gpu.require(name, True, "gpu.report")  # noqa: FBT003
    for name in _REFERENCES:
        gpu.require(name, True, "gpu.reference")  # noqa: FBT003
    if version == VERSION_2:
        for name in _VALIDATED:
            gpu.require(name, True, "gpu.certificate")  # noqa: FBT003
    else:
        _check_version_3(gpu)
    for name in _WARNINGS:
        if gpu.raw(name) not in (None, "", []):
            raise AttestationError(
                "the service warns of the GPU", code="gpu.warning", actual=gpu.raw(name)
            )


def _check_version_3(gpu: Claims) -> None:
    gpu.require(_FWID_MATCH, True, "gpu.report")  # noqa: FBT003
    for name in _VERSION_MATCHES:
        gpu.require(name, True, "gpu.reference")  # noqa: FBT003
    for name in _CHAINS:
        chain = gpu.child(name, "gpu.certificate")
        chain.require("x-nvidia-cert-status", "valid", "gpu.certificate")
        chain.require("x-nvidia-cert-ocsp-status", "good", "gpu.certificate")


def _device(
    name: str,
    gpu: Claims,
    settings: NvidiaPolicy,
    evidence: Evidence,
    times: Times,
    *,
    asked: bool,
) -> VerifiedDevice:
    driver = gpu.text(_G + "driver-version", "gpu.identity")
    vbios = gpu.text(_G + "vbios-version", "gpu.identity")
    model = gpu.text("hwmodel", "gpu.identity")
    identity = gpu.text("ueid", "gpu.identity")
    settings.check(name, model, {"driver": driver, "vbios": vbios})
    return VerifiedDevice(
        kind=NVIDIA,
        name=name,
        model=model,
        identity=identity,
        versions=MappingProxyType({"driver": driver, "vbios": vbios}),
        source=SOURCE,
        evidence_digest=evidence.digest(),
        issued_at_ms=times.issued_ms,
        valid_from_ms=times.from_ms,
        valid_until_ms=times.until_ms,
        nonce_checked=asked,
        seal=_SEAL,
    )


def _structure(why: str) -> MalformedError:
    return MalformedError(f"not an answer of NRAS: {why}", code="gpu.structure")
