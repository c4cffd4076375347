"""Keys of attestation services, pinned by the policy: the only keys that a token is checked with.

A token's own header may name a key (``kid``) and nothing else: ``jku``, ``jwk``, ``x5u`` and
``x5c`` are never a source of keys, and the algorithm is the one that stands here beside the key
(RFC 8725 section 3.1), so that a token cannot choose how it is checked.
"""

import base64
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from opengradient.core.canonical import JsonObject
from opengradient.core.jwt import decode_part
from opengradient.errors import ConfigurationError, MalformedError, SignatureError
from opengradient.verify._fields import Fields, malformed
from opengradient.verify.signatures import verify_ecdsa_raw, verify_rsa_pkcs1, verify_rsa_pss

RS256: Final = "RS256"
PS256: Final = "PS256"
ES384: Final = "ES384"
ALGORITHMS: Final = frozenset({RS256, PS256, ES384})
"""RFC 7518 sections 3.3, 3.5 and 3.4. ``none`` and every HMAC are not there and cannot be named."""

MIN_RSA_BITS: Final = 2048
"""RFC 7518 section 3.3."""

MAX_RSA_BITS: Final = 4096
"""Larger keys cost time and no service uses them."""

_PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """A public key and the one algorithm that it is used with.

    Attributes:
        kid: The name by which a token's header selects it.
        algorithm: ``"RS256"``, ``"PS256"`` or ``"ES384"``.
        public_key: DER of its SubjectPublicKeyInfo.
    """

    kid: str
    algorithm: str
    public_key: bytes

    def __post_init__(self) -> None:
        """Refuse a key that its algorithm cannot use, or that is too weak.

        Raises:
            ConfigurationError: Code ``policy.malformed``.
        """
        if not self.kid or self.algorithm not in ALGORITHMS:
            raise _unusable("it needs a kid, and RS256, PS256 or ES384 as algorithm")
        key = self._load()
        if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != self.public_key:
            raise _unusable("it is written in a second way")
        if isinstance(key, rsa.RSAPublicKey):
            strong = MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS
            if self.algorithm == ES384 or not strong or key.public_numbers().e < 65537:
                raise _unusable("RSA keys have 2048 to 4096 bits, an exponent from 65537 on")
        elif self.algorithm != ES384 or not isinstance(key.curve, ec.SECP384R1):
            raise _unusable("elliptic keys are of P-384, for ES384")

    @classmethod
    def from_jwk(cls, jwk: JsonObject, *, algorithm: str) -> "TokenKey":
        """Take a key out of a service's published key set (RFC 7517).

        Args:
            jwk: One entry of the set. Take it from the service itself, never from a token.
            algorithm: The algorithm to pin it with; the entry's own ``alg`` must agree.

        Raises:
            ConfigurationError: Code ``policy.malformed``.
        """
        if jwk.get("alg", algorithm) != algorithm or not isinstance(jwk.get("kid"), str):
            raise _unusable("the entry has no kid, or is for another algorithm")
        try:
            key = _key_of(jwk)
        except (MalformedError, ValueError, UnsupportedAlgorithm) as error:
            raise _unusable(f"not a key: {error}") from error
        return cls(
            kid=jwk["kid"],
            algorithm=algorithm,
            public_key=key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        )

    def verify(self, signing_input: bytes, signature: bytes) -> None:
        """Check a signature.

        Both values of ``s`` of an ECDSA signature verify, so a signature is never an identity.

        Raises:
            MalformedError: Code ``jwt.signature_form``.
            SignatureError: Code ``jwt.signature``.
        """
        key = self._load()
        try:
            if isinstance(key, rsa.RSAPublicKey):
                _verify_rsa(key, self.algorithm, signing_input, signature)
            else:
                _verify_es384(key, signing_input, signature)
        except SignatureError as error:
            if error.code == "signature.range":
                raise _form("r and s in 1..n-1", signature.hex()) from error
            raise SignatureError(
                "the token is not signed by the pinned key", code="jwt.signature", actual=self.kid
            ) from error

    def _load(self) -> _PublicKey:
        try:
            key = load_der_public_key(self.public_key)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise _unusable("not a SubjectPublicKeyInfo in DER") from error
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise _unusable("neither RSA nor elliptic")
        return key

    def to_json(self) -> JsonObject:
        """The key as a JSON object, for a policy file."""
        return {
            "kid": self.kid,
            "alg": self.algorithm,
            "public_key": base64.b64encode(self.public_key).decode(),
        }

    @classmethod
    def from_json(cls, raw: Any) -> "TokenKey":
        """Read what `to_json` writes, strictly.

        Raises:
            MalformedError: Code ``policy.malformed``.
            ConfigurationError: Code ``policy.malformed``: no key that could be used.
        """
        fields = Fields(raw, frozenset({"kid", "alg", "public_key"}))
        try:
            public_key = base64.b64decode(fields.get("public_key", str), validate=True)
        except ValueError as error:
            raise malformed("public_key must be base64 of DER") from error
        return cls(
            kid=fields.get("kid", str), algorithm=fields.get("alg", str), public_key=public_key
        )


def require_distinct(keys: tuple[TokenKey, ...]) -> None:
    """Refuse two keys of one name: a token could choose between them.

    Raises:
        ConfigurationError: Code ``policy.malformed``.
    """
    if len({key.kid for key in keys}) != len(keys):
        raise _unusable("two keys of one kid")


def _verify_rsa(key: rsa.RSAPublicKey, algorithm: str, data: bytes, signature: bytes) -> None:
    size = (key.key_size + 7) // 8
    if len(signature) != size:  # RFC 8017 section 8.2.2 step 1
        raise _form(size, len(signature))
    if algorithm == PS256:
        verify_rsa_pss(key, signature, data, hash_type=SHA256, salt_bytes=SHA256.digest_size)
    else:
        verify_rsa_pkcs1(key, signature, data, hash_type=SHA256)


def _verify_es384(key: ec.EllipticCurvePublicKey, data: bytes, signature: bytes) -> None:
    if len(signature) != 96:  # RFC 7518 section 3.4: r || s, never DER
        raise _form(96, len(signature))
    verify_ecdsa_raw(key, signature, data, hash_type=SHA384)


def _key_of(jwk: JsonObject) -> _PublicKey:
    if jwk.get("kty") == "RSA":
        return rsa.RSAPublicNumbers(_number(jwk, "e"), _number(jwk, "n")).public_key()
    if jwk.get("kty") == "EC" and jwk.get("crv") == "P-384":
        x, y = _number(jwk, "x"), _number(jwk, "y")
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP384R1()).public_key()
    raise _unusable("neither RSA nor P-384")


def _number(jwk: JsonObject, name: str) -> int:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise _unusable(f"the entry has no {name}")
    return int.from_bytes(decode_part(value.encode()))


def _form(expected: object, actual: object) -> MalformedError:
    return MalformedError(
        "the token's signature has a wrong size or range",
        code="jwt.signature_form",
        expected=expected,
        actual=actual,
    )


def _unusable(why: str) -> ConfigurationError:
    return ConfigurationError(f"not a key for tokens: {why}", code="policy.malformed")
