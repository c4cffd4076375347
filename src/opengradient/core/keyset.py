"""The keys that one enclave speaks with, as its evidence binds them.

The encoding is RFC 8785 JSON and goes into the ``public_key`` field of the attestation document
(at most 1,024 bytes). A keyset has exactly one encoding: `Keyset.parse` refuses every other.

There are two versions. The second one binds the digest of the node's configuration beside the
keys; a keyset without such a digest has the first one, and only that (ADR 0007).
"""

from dataclasses import dataclass
from typing import Any, Final, final

from opengradient.core.canonical import JsonObject, canonical_json, parse_json_object
from opengradient.core.digests import Domain, tagged_sha256
from opengradient.core.keys import PublicKey
from opengradient.errors import MalformedError, UnsupportedError

KEYSET_VERSION: Final = "opengradient.keyset/1"
KEYSET_VERSION_2: Final = "opengradient.keyset/2"
"""With ``config_digest``, which is never null."""

MAX_KEYSET_BYTES: Final = 1024
"""Size of the ``public_key`` field of a Nitro document (AWS, "Verifying the root of trust")."""

SIGNING_ALGORITHM: Final = "secp256k1"
KEM_X25519: Final = 0x0020
KDF_HKDF_SHA256: Final = 0x0001
AEADS: Final = frozenset({0x0001, 0x0002, 0x0003})
"""AES-128-GCM, AES-256-GCM, ChaCha20-Poly1305 (RFC 9180 section 7.3)."""

_MARK = b'"opengradient.keyset/'
_FIELDS: Final = ("version", "signing", "tls_spki_sha256", "hpke", "legacy_rsa_spki_sha256")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class HpkeKey:
    """The key that Oblivious HTTP requests are encrypted to (RFC 9458 section 3).

    Attributes:
        key_id: Key identifier, 0 to 255.
        public_key: 32-byte X25519 key.
        kem_id: RFC 9180 KEM; X25519 only.
        kdf_id: RFC 9180 KDF; HKDF-SHA256 only.
        aead_id: RFC 9180 AEAD.
    """

    key_id: int
    public_key: bytes
    kem_id: int = KEM_X25519
    kdf_id: int = KDF_HKDF_SHA256
    aead_id: int = 0x0003

    def __post_init__(self) -> None:
        """Refuse what has no meaning in RFC 9180."""
        if not 0 <= self.key_id <= 255 or len(self.public_key) != 32:
            raise _malformed("an HPKE key has an id of one byte and 32 bytes of X25519 key")
        suite = (self.kem_id, self.kdf_id)
        if suite != (KEM_X25519, KDF_HKDF_SHA256) or self.aead_id not in AEADS:
            raise UnsupportedError("the keyset names an HPKE suite that this release does not know")

    def encode(self) -> bytes:
        """The key configuration of RFC 9458 section 3.1, with this one suite."""
        return (
            self.key_id.to_bytes(1)
            + self.kem_id.to_bytes(2)
            + self.public_key
            + (4).to_bytes(2)
            + self.kdf_id.to_bytes(2)
            + self.aead_id.to_bytes(2)
        )

    def digest(self) -> bytes:
        """What names the key in receipts whose channel it is, 32 bytes."""
        return tagged_sha256(Domain.HPKE_KEY, self.encode())


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Keyset:
    """Every key of one enclave.

    Attributes:
        signing: The key that signs receipts.
        tls_spki_sha256: SHA-256 of the SubjectPublicKeyInfo of the TLS key; None without TLS.
        hpke: The key for Oblivious HTTP; None where it is not served.
        legacy_rsa_spki_sha256: SHA-256 of the SubjectPublicKeyInfo of the RSA key that signs the
            public network's ``tee_*`` fields; None where they are not signed.
        config_digest: `configuration_digest` of the node's configuration; None where
            the enclave vouches for none.
    """

    signing: PublicKey
    tls_spki_sha256: bytes | None = None
    hpke: HpkeKey | None = None
    legacy_rsa_spki_sha256: bytes | None = None
    config_digest: bytes | None = None

    def __post_init__(self) -> None:
        """Refuse hashes of the wrong size."""
        for digest in (self.tls_spki_sha256, self.legacy_rsa_spki_sha256, self.config_digest):
            if digest is not None and len(digest) != 32:
                raise _malformed("a SHA-256 has 32 bytes")

    def encode(self) -> bytes:
        """The one encoding of this keyset: RFC 8785 JSON."""
        hpke = self.hpke and {
            "aead_id": self.hpke.aead_id,
            "kdf_id": self.hpke.kdf_id,
            "kem_id": self.hpke.kem_id,
            "key_id": self.hpke.key_id,
            "public_key": self.hpke.public_key.hex(),
        }
        fields: JsonObject = {
            "version": KEYSET_VERSION,
            "signing": {
                "alg": SIGNING_ALGORITHM,
                "public_key": self.signing.compressed.hex(),
            },
            "tls_spki_sha256": _hex_or_null(self.tls_spki_sha256),
            "hpke": hpke,
            "legacy_rsa_spki_sha256": _hex_or_null(self.legacy_rsa_spki_sha256),
        }
        if self.config_digest is not None:
            fields["version"] = KEYSET_VERSION_2
            fields["config_digest"] = self.config_digest.hex()
        return canonical_json(fields)

    def digest(self) -> bytes:
        """SHA-256 under the keyset's domain; the node registry carries it."""
        return tagged_sha256(Domain.KEYSET, self.encode())

    @classmethod
    def parse(cls, data: bytes) -> "Keyset":
        """Read the encoding of a keyset.

        Raises:
            MalformedError: Code ``keyset.malformed`` for wrong fields or values,
                ``keyset.not_canonical`` for another spelling of a right one, ``format.*`` for
                what is not strict JSON.
            UnsupportedError: A version, algorithm or suite that this release does not know.
        """
        raw = parse_json_object(data, what="keyset", max_bytes=MAX_KEYSET_BYTES)
        version = raw.get("version")
        if version not in (KEYSET_VERSION, KEYSET_VERSION_2):
            raise UnsupportedError(f"a keyset of version {version!r}")
        with_config = version == KEYSET_VERSION_2
        _require_fields(raw, *_FIELDS, *(("config_digest",) if with_config else ()))
        keyset = cls(
            signing=_parse_signing(raw["signing"]),
            tls_spki_sha256=_optional_bytes(raw["tls_spki_sha256"]),
            hpke=_parse_hpke(raw["hpke"]),
            legacy_rsa_spki_sha256=_optional_bytes(raw["legacy_rsa_spki_sha256"]),
            config_digest=_bytes(raw["config_digest"]) if with_config else None,
        )
        if keyset.encode() != data:
            raise MalformedError("a keyset in a second spelling", code="keyset.not_canonical")
        return keyset


def claims_keyset(public_key: bytes) -> bool:
    """Say whether a ``public_key`` field claims to be a keyset of ours, of whatever version.

    Third-party documents carry other things there; one that names our format must be read
    strictly, and one that does not binds none of our keys.
    """
    return _MARK in public_key


def _parse_signing(raw: Any) -> PublicKey:
    fields = _require_fields(raw, "alg", "public_key")
    if fields["alg"] != SIGNING_ALGORITHM:
        raise UnsupportedError(f"a keyset whose signing algorithm is {fields['alg']!r}")
    return PublicKey.parse(_bytes(fields["public_key"]))


def _parse_hpke(raw: Any) -> HpkeKey | None:
    if raw is None:
        return None
    names = ("key_id", "kem_id", "kdf_id", "aead_id")
    fields = _require_fields(raw, "public_key", *names)
    if any(type(fields[name]) is not int for name in names):
        raise _malformed("HPKE identifiers are integers")
    return HpkeKey(
        public_key=_bytes(fields["public_key"]), **{name: fields[name] for name in names}
    )


def _require_fields(raw: Any, *names: str) -> dict[str, Any]:
    if not isinstance(raw, dict) or raw.keys() != set(names):
        raise _malformed(f"must be an object with exactly the fields {', '.join(names)}")
    return raw


def _optional_bytes(raw: Any) -> bytes | None:
    return None if raw is None else _bytes(raw)


def _bytes(raw: Any) -> bytes:
    if not isinstance(raw, str):
        raise _malformed("bytes are written as hex text")
    try:
        return bytes.fromhex(raw)
    except ValueError as error:
        raise _malformed("not hex") from error


def _hex_or_null(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


def _malformed(why: str) -> MalformedError:
    return MalformedError(f"not a keyset: {why}", code="keyset.malformed")
