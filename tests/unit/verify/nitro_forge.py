"""Makes Nitro documents that break exactly one rule each, below a root of its own.

Keys are derived from their names and signatures are deterministic (RFC 6979), so that the same
document comes out every time: `tests/vectors/evidence/nitro.py` writes them into a file.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384, HashAlgorithm
from cryptography.x509.oid import NameOID

from opengradient.core import cbor, cose
from opengradient.core.digests import sha256
from opengradient.core.evidence import NITRO, VerifiedEvidence
from opengradient.core.keys import MemorySigner
from opengradient.core.keyset import Keyset
from opengradient.verify.attestation import verify_nitro
from opengradient.verify.policy import TrustPolicy, UnsafeAnyMeasurement
from opengradient.verify.trust import TrustedRoot

NOW = 1_760_000_000_000
HOUR = 3_600_000
PCRS = {index: bytes([index + 1]) * 48 for index in range(16)}
SIGNER = MemorySigner(b"\x07" * 32)
KEYSET = Keyset(signing=SIGNER.public_key)
P384_ORDER = int("f" * 48 + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16)


@cache
def key(slot: object, curve: type[ec.EllipticCurve] = ec.SECP384R1) -> ec.EllipticCurvePrivateKey:
    """One key per slot and curve, always the same."""
    scalar = int.from_bytes(sha256(f"test key {slot} on {curve.name}".encode()))
    return ec.derive_private_key(scalar % 2**255 + 1, curve())


def at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def usage(*, sign: bool, issue: bool) -> x509.KeyUsage:
    others = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(digital_signature=sign, key_cert_sign=issue, **others)


@dataclass(kw_only=True)
class Spec:
    """One certificate, and every way to make it wrong."""

    label: str
    ca: bool = True
    path_length: int | None = None
    constraints: bool = True
    constraints_critical: bool = True
    usage: x509.KeyUsage | None = field(default_factory=lambda: usage(sign=False, issue=True))
    serial: int = 0x0F00_0000_0000_0001
    start_ms: int = NOW - HOUR
    end_ms: int = NOW + HOUR
    extra: Sequence[tuple[x509.ExtensionType, bool]] = ()
    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey | None = None
    hash_type: type[HashAlgorithm] = SHA384
    issuer: str | None = None
    signed_by: ec.EllipticCurvePrivateKey | None = None
    authority_key: ec.EllipticCurvePublicKey | None = None
    subject_key: bool = True
    patch: Callable[[bytes], bytes] = lambda der: der


def specs() -> list[Spec]:
    """A right chain in Nitro's shape."""
    return [
        Spec(label="root", start_ms=NOW - 1000 * HOUR, end_ms=NOW + 1000 * HOUR),
        Spec(label="regional", path_length=2),
        Spec(label="zonal", path_length=1),
        Spec(label="instance", path_length=0),
        Spec(label="leaf", ca=False, usage=usage(sign=True, issue=False)),
    ]


def certificate(spec: Spec, parent: Spec) -> bytes:
    signer = spec.signed_by or key(parent.label)
    public = spec.public_key or key(spec.label).public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(spec.label))
        .issuer_name(name(spec.issuer or parent.label))
        .public_key(public)
        .serial_number(spec.serial)
        .not_valid_before(at(spec.start_ms))
        .not_valid_after(at(spec.end_ms))
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(
                spec.authority_key or key(parent.label).public_key()
            ),
            critical=False,
        )
    )
    if spec.subject_key:
        identifier = x509.SubjectKeyIdentifier.from_public_key(public)
        builder = builder.add_extension(identifier, critical=False)
    if spec.constraints:
        constraints = x509.BasicConstraints(
            ca=spec.ca, path_length=spec.path_length if spec.ca else None
        )
        builder = builder.add_extension(constraints, critical=spec.constraints_critical)
    if spec.usage is not None:
        builder = builder.add_extension(spec.usage, critical=False)
    for extension, critical in spec.extra:
        builder = builder.add_extension(extension, critical=critical)
    made = builder.sign(signer, spec.hash_type(), ecdsa_deterministic=True)
    der = made.public_bytes(serialization.Encoding.DER)
    return spec.patch(der)


def chain(specifications: Sequence[Spec]) -> list[bytes]:
    parents = [specifications[0], *specifications[:-1]]
    return [certificate(spec, parent) for spec, parent in zip(specifications, parents, strict=True)]


CHAIN = chain(specs())
ROOT = TrustedRoot(kind=NITRO, name="forge", certificate=CHAIN[0])
POLICY = TrustPolicy(roots=(ROOT,), measurements=UnsafeAnyMeasurement())


def fields(**changes: object) -> dict[str, object]:
    """The fields of a right payload, some replaced; ``...`` removes one."""
    right: dict[str, object] = {
        "module_id": "i-0123456789abcdef0-enc0123456789abcdef",
        "digest": "SHA384",
        "timestamp": NOW - 1000,
        "pcrs": PCRS,
        "certificate": CHAIN[-1],
        "cabundle": CHAIN[:-1],
        "public_key": KEYSET.encode(),
        "user_data": None,
        "nonce": b"n" * 32,
    }
    right.update(changes)
    return {k: v for k, v in right.items() if v is not ...}


def es384(payload: bytes, signer: ec.EllipticCurvePrivateKey | None = None) -> tuple[int, int]:
    scheme = ec.ECDSA(SHA384(), deterministic_signing=True)
    made = (signer or key("leaf")).sign(cose.signing_bytes(payload), scheme)
    return decode_dss_signature(made)


def raw(r: int, s: int) -> bytes:
    return r.to_bytes(48) + s.to_bytes(48)


def seal(payload: bytes, signer: ec.EllipticCurvePrivateKey | None = None) -> bytes:
    return cose.envelope(payload, raw(*es384(payload, signer)))


def document(*, indefinite: bool = True, **changes: object) -> bytes:
    """A rightly signed document over `fields`."""
    content = fields(**changes)
    return seal(cbor.encode_indefinite_map(content) if indefinite else cbor.encode(content))


def with_chain(change: Callable[[list[Spec]], None]) -> bytes:
    """A rightly signed document over a chain that `change` has spoiled; the root stays."""
    specifications = specs()
    change(specifications)
    made = chain(specifications)
    return document(cabundle=[CHAIN[0], *made[1:-1]], certificate=made[-1])


def verify(
    forged: bytes,
    *,
    now_ms: int = NOW,
    nonce: bytes | None = None,
    policy: TrustPolicy = POLICY,
    **changes: object,
) -> VerifiedEvidence:
    return verify_nitro(
        forged, policy=dataclasses.replace(policy, **changes), now_ms=now_ms, nonce=nonce
    )
