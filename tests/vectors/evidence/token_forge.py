"""Tokens of our own: fixed public test keys, and every way to sign or to spell a token wrongly."""

import hashlib
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from opengradient.core.digests import sha256
from opengradient.core.jwt import encode_part
from opengradient.core.keys import MemorySigner
from opengradient.core.keyset import Keyset
from opengradient.verify.token_keys import ES384, PS256, RS256, TokenKey

NOW_S = 1_760_000_000
NOW_MS = NOW_S * 1000
NONCE = sha256(b"opengradient test vector nonce")
KEYSET = Keyset(
    signing=MemorySigner(sha256(b"opengradient test vector token keyset")).public_key,
    tls_spki_sha256=sha256(b"tls"),
)
OTHER_KEYSET = Keyset(signing=KEYSET.signing, tls_spki_sha256=sha256(b"another tls key"))
REVOKED_KEY = "0x" + KEYSET.signing.node_id.hex()

_PRIMES = (
    (
        0xF75A8AC0536B982B280293E4A083EFC6058D0DB90924AC205FB018D1D272E850FDB25C722538C7C0E9B799916517E8A218BAB094B375E5118169CA29033E866C082CF8FEE5A31FC84B7CDB1151869B79673F53F779C00AA298511CAA921C03566E8557BC0AC21EE69704052933E47CD37FFB05A163F59DFCEFA628FA938D7DF1,
        0xD8CB9ECEC6F149FD38AC0DB8E099780ADB02D08DCFB729A702351F54B43408AD68126BB1719AA33317C918E8214F52C1F463BA005358E60BC9AD070B23DBF2A0EC2A23D6DBF2C1B5B5210E1F0C42BD2AB0F02F11E6DD992EA7B016A122DA67279E4EE10A4B9E8F1AF961C65B1CA78C42D08E02F81E6054E0F504E151E55D86C3,
    ),
    (
        0xE4B559E59E5AB7DD399245791A465CBA644AEBF805288814D453F56E9A76600DD74A06E286EEF4B350C8BB84C1FCCF99BDB810B6244B8D5E7FD57076B5DFE69547F234A601C37C07F05DED21309311E54DA2E96E32E1B00D72DC10459195656829B703361FA79656683E77C81817134585CA59E8694C9A01997B48C7402C382D,
        0xE3469DEB91E86CAE2AF36C113DE11B97EAF6C9270F9A5056162F40D039E50512070B6D91BB543E75D190BDAFBDDEC5B7306A3E7E4A1A8521F600EC55F04F81EB1E3381B7CFFC78B23A2AA287C65DD84A524529F7F6B50C596675F2B42DF03C9C272101FC0A00D41ADFE78BB49935970B25DD4CBD9056A593FC15938EEEA739CF,
    ),
)


def _rsa_key(index: int) -> rsa.RSAPrivateKey:
    p, q = _PRIMES[index]
    d = pow(65537, -1, (p - 1) * (q - 1))
    return rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(65537, p * q)
    ).private_key()


RSA_KEY, OTHER_RSA_KEY = _rsa_key(0), _rsa_key(1)
EC_KEY = ec.derive_private_key(int.from_bytes(sha256(b"opengradient token key")), ec.SECP384R1())
OTHER_EC_KEY = ec.derive_private_key(int.from_bytes(sha256(b"another token key")), ec.SECP384R1())


def spki(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


RS_PIN = TokenKey(kid="rs-1", algorithm=RS256, public_key=spki(RSA_KEY))
PS_PIN = TokenKey(kid="ps-1", algorithm=PS256, public_key=spki(OTHER_RSA_KEY))
ES_PIN = TokenKey(kid="es-1", algorithm=ES384, public_key=spki(EC_KEY))


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def sign_rs256(data: bytes, key: rsa.RSAPrivateKey = RSA_KEY) -> bytes:
    return key.sign(data, padding.PKCS1v15(), SHA256())


def sign_ps256(data: bytes, key: rsa.RSAPrivateKey = OTHER_RSA_KEY, salt_size: int = 32) -> bytes:
    """RFC 8017 section 9.1.1 with a salt that is always the same, so that bytes are stable."""
    salt = sha256(b"a fixed salt")[:salt_size]
    digest = sha256(bytes(8) + sha256(data) + salt)
    size = 256
    block = bytes(size - len(salt) - 32 - 2) + b"\x01" + salt
    mask = b"".join(sha256(digest + i.to_bytes(4)) for i in range(8))[: len(block)]
    masked = bytearray(a ^ b for a, b in zip(block, mask, strict=True))
    masked[0] &= 0x7F
    numbers = key.private_numbers()
    encoded = int.from_bytes(bytes(masked) + digest + b"\xbc")
    return pow(encoded, numbers.d, numbers.public_numbers.n).to_bytes(size)


def sign_es384(data: bytes, key: ec.EllipticCurvePrivateKey = EC_KEY) -> bytes:
    der = key.sign(data, ec.ECDSA(SHA384(), deterministic_signing=True))
    r, s = decode_dss_signature(der)
    return r.to_bytes(48) + s.to_bytes(48)


def sign_hs256(data: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, data, hashlib.sha256)


SIGNERS = {RS256: sign_rs256, PS256: sign_ps256, ES384: sign_es384}


def header_for(pin: TokenKey, **more: Any) -> dict[str, Any]:
    return {"alg": pin.algorithm, "kid": pin.kid, "typ": "JWT", **more}


def token(claims: Any, pin: TokenKey, *, header: Any = None, sign: Any = None) -> bytes:
    """A token over these claims; bytes for header or claims go in as they are."""
    head = header_for(pin) if header is None else header
    parts = [part if isinstance(part, bytes) else compact(part) for part in (head, claims)]
    signing_input = b".".join(map(encode_part, parts))
    signature = (sign or SIGNERS[pin.algorithm])(signing_input)
    return signing_input + b"." + encode_part(signature)


def without(value: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: item for name, item in value.items() if name not in names}


def put(value: dict[str, Any], path: str, item: Any) -> dict[str, Any]:
    """The object with the member at a path like ``submods/gce/zone`` set; ... removes it."""
    name, _, rest = path.partition("/")
    if rest:
        return {**value, name: put(value[name], rest, item)}
    return without(value, name) if item is ... else {**value, name: item}
