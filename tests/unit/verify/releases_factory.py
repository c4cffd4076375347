"""Manifests and revocation lists with fixed keys; change one thing, then sign."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from opengradient.core.canonical import canonical_json
from opengradient.core.digests import sha256
from opengradient.core.measurements import measurement_id
from opengradient.core.releases import ReleaseManifest
from opengradient.core.revocations import RevocationList
from opengradient.core.signed_files import KeySignature, Signatures, signing_bytes

NOW = 1_790_000_000_000
DAY = 24 * 3600 * 1000
SECRETS = [Ed25519PrivateKey.from_private_bytes(sha256(f"release {n}".encode())) for n in range(3)]
KEYS = [secret.public_key().public_bytes_raw() for secret in SECRETS]
PCRS = {f"PCR{index}": (bytes([index + 1]) * 48).hex() for index in range(3)}
MEASUREMENT = measurement_id("aws-nitro", PCRS)


def measured(kind: str = "software-enclave", registers: dict | None = None) -> dict[str, Any]:
    registers = PCRS if registers is None else registers
    return {
        "kind": kind,
        "measurement": measurement_id(kind, registers),
        "registers": registers,
    }


def release(**changes: Any) -> dict[str, Any]:
    return {
        "name": "llm-proxy 1.4.0",
        "date": "2026-08-20",
        "source": {"repository": "https://example.org/node", "commit": "ab" * 20},
        "build": {
            "image_digest": "sha256:" + "cd" * 32,
            "builder": "nitro-cli 1.3.1",
            "toolchain": "python 3.12.4, linux 6.6.9",
        },
        "measurements": [measured(), measured("aws-nitro")],
        **changes,
    }


def revoked(**changes: Any) -> dict[str, Any]:
    return {"measurements": [], "keys": [], "products": [], **changes}


def manifest(**changes: Any) -> dict[str, Any]:
    return {
        "version": "opengradient.releases/1",
        "number": 7,
        "issued_at": NOW - DAY,
        "expires_at": NOW + 30 * DAY,
        "releases": [release()],
        "revoked": revoked(),
        **changes,
    }


def revocations(**changes: Any) -> dict[str, Any]:
    return {
        "version": "opengradient.revocations/1",
        "number": 3,
        "issued_at": NOW - DAY,
        "expires_at": NOW + DAY,
        "revoked": revoked(),
        **changes,
    }


def type_of(value: dict[str, Any]) -> str:
    lists = value["version"].startswith("opengradient.revocations")
    return (RevocationList if lists else ReleaseManifest).PAYLOAD_TYPE


def signed(
    value: dict[str, Any], signers: tuple[int, ...] = (0, 1), kind: str | None = None
) -> tuple[bytes, bytes]:
    """The file and its signatures."""
    payload = canonical_json(value)
    kind = kind or type_of(value)
    signatures = Signatures(payload_type=kind, items=())
    for number in signers:
        signature = SECRETS[number].sign(signing_bytes(kind, payload))
        signatures = signatures.added(KeySignature(key=KEYS[number], signature=signature))
    return payload, signatures.encode()
