"""Makes SEV-SNP reports, AMD-like certificates and revocation lists, byte for byte the same.

Everything is written by hand, so that one thing at a time can be wrong: RSASSA-PSS by a power of
integers with a salt that is a hash of what is signed, ECDSA with the nonce of RFC 6979.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, lru_cache
from hashlib import sha384

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.vectors.evidence.snp_keys import PRIMES

NOW = 1_760_000_000_000
DAY = 86_400_000
P384_ORDER = int("f" * 48 + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16)

AMD = "2b060104019c7801"
PSS = bytes.fromhex(
    "304606092a864886f70d01010a3039a00f300d06096086480165030402020500a11c301a06092a864886f70d0101"
    "08300d06096086480165030402020500a203020130a303020101"
)
"""As AMD writes it: with the default trailer field."""
PSS_DER = bytes.fromhex(
    "304106092a864886f70d01010a3034a00f300d06096086480165030402020500a11c301a06092a864886f70d0101"
    "08300d06096086480165030402020500a203020130"
)
PSS_WITHOUT_NULL = bytes.fromhex(
    "304206092a864886f70d01010a3035a00d300b0609608648016503040202a11a301806092a864886f70d010108"
    "300b0609608648016503040202a203020130a303020101"
)
PSS_SALT_32 = PSS.replace(bytes.fromhex("a203020130"), bytes.fromhex("a203020120"))
PSS_SHA256 = PSS.replace(bytes.fromhex("04020205"), bytes.fromhex("04020105"))
PKCS1_SHA384 = bytes.fromhex("300d06092a864886f70d01010c0500")


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    width = 1 if size < 0x100 else 2
    return bytes((tag, 0x80 | width)) + size.to_bytes(width) + body


def integer(value: int) -> bytes:
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, signed=True))


def bits(data: bytes) -> bytes:
    return der(0x03, b"\0", data)


def name(common: str) -> bytes:
    pairs = (("55040a", "OpenGradient test vectors"), ("550403", common))
    return der(
        0x30,
        *(
            der(0x31, der(0x30, der(0x06, bytes.fromhex(oid)), der(0x0C, text.encode())))
            for oid, text in pairs
        ),
    )


def moment(ms: int) -> bytes:
    return der(0x17, datetime.fromtimestamp(ms / 1000, UTC).strftime("%y%m%d%H%M%SZ").encode())


@dataclass(frozen=True)
class RsaKey:
    p: int
    q: int
    e: int = 65537

    @property
    def n(self) -> int:
        return self.p * self.q

    @property
    def spki(self) -> bytes:
        algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
        return der(0x30, algorithm, bits(der(0x30, integer(self.n), integer(self.e))))

    @lru_cache(maxsize=1024)  # noqa: B019 - a handful of keys, which live as long as the run
    def sign(self, message: bytes, salt_bytes: int = 48) -> bytes:
        """RSASSA-PSS with SHA-384 (RFC 8017 sections 8.1.1 and 9.1.1)."""
        size = (self.n.bit_length() + 7) // 8
        digest = sha384(message).digest()
        salt = sha384(b"salt" + message).digest()[:salt_bytes]
        inner = sha384(bytes(8) + digest + salt).digest()
        block = bytes(size - salt_bytes - 48 - 2) + b"\x01" + salt
        mask = b"".join(
            sha384(inner + counter.to_bytes(4)).digest() for counter in range(len(block) // 48 + 1)
        )
        masked = bytearray(a ^ b for a, b in zip(block, mask, strict=False))
        masked[0] &= 0xFF >> 8 * size - self.n.bit_length() + 1
        return self.power(int.from_bytes(bytes(masked) + inner + b"\xbc")).to_bytes(size)

    def power(self, message: int) -> int:
        """The private operation, by the Chinese remainder theorem (RFC 8017 section 5.1.2)."""
        d_p, d_q = pow(self.e, -1, self.p - 1), pow(self.e, -1, self.q - 1)
        m_p, m_q = pow(message, d_p, self.p), pow(message, d_q, self.q)
        return m_q + self.q * ((m_p - m_q) * pow(self.q, -1, self.p) % self.p)


@cache
def rsa(slot: str) -> RsaKey:
    return RsaKey(*PRIMES[slot])


@cache
def p384(slot: str) -> ec.EllipticCurvePrivateKey:
    secret = int.from_bytes(sha384(b"opengradient test key " + slot.encode()).digest())
    return ec.derive_private_key(secret % (P384_ORDER - 1) + 1, ec.SECP384R1())


def ec_spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def p256_spki() -> bytes:
    return ec_spki(ec.derive_private_key(7, ec.SECP256R1()))


Extensions = tuple[tuple[str, bool, bytes], ...]


def basic_constraints(*, ca: bool = True, path: int | None = None) -> bytes:
    return der(0x30, b"\x01\x01\xff" if ca else b"", b"" if path is None else integer(path))


def key_usage(octet: int) -> bytes:
    unused = (octet & -octet).bit_length() - 1
    return der(0x03, bytes((unused, octet)))


@dataclass(frozen=True, kw_only=True)
class Spec:
    """One certificate, and every way to make it wrong."""

    subject: bytes
    issuer: bytes
    spki: bytes
    signer: str
    serial: int
    start: int = NOW - 1000 * DAY
    end: int = NOW + 1000 * DAY
    extensions: Extensions = ()
    algorithm: bytes = PSS
    outer_algorithm: bytes | None = None
    salt_bytes: int = 48
    version: bytes = b"\x02\x01\x02"
    start_time: bytes | None = None
    third_time: bytes = b""
    behind_extensions: bytes = b""
    critical_flag: bytes = b"\x01\x01\xff"
    tail: bytes = b""

    def without(self, *oids: str) -> "Spec":
        return replace(self, extensions=tuple(e for e in self.extensions if e[0] not in oids))

    def having(self, oid: str, value: bytes, *, critical: bool = False) -> "Spec":
        """The extension with another value, in its place, or behind the others."""
        old = {e[0]: e for e in self.extensions}
        old[oid] = (oid, critical, value)
        return replace(self, extensions=tuple(old.values()))

    def build(self) -> bytes:
        extensions = der(
            0x30,
            *(
                der(
                    0x30,
                    der(0x06, bytes.fromhex(oid)),
                    self.critical_flag if critical else b"",
                    der(0x04, value),
                )
                for oid, critical, value in self.extensions
            ),
        )
        tbs = der(
            0x30,
            der(0xA0, self.version),
            integer(self.serial),
            self.algorithm,
            self.issuer,
            der(0x30, self.start_time or moment(self.start), moment(self.end), self.third_time),
            self.subject,
            self.spki,
            der(0xA3, extensions) if self.extensions else b"",
            self.behind_extensions,
        )
        signature = rsa(self.signer).sign(tbs, self.salt_bytes)
        return der(0x30, tbs, self.outer_algorithm or self.algorithm, bits(signature)) + self.tail


@dataclass(frozen=True, kw_only=True)
class ListSpec:
    """One revocation list, and every way to make it wrong."""

    issuer: bytes
    signer: str
    start: int = NOW - 10 * DAY
    end: int | None = NOW + 20 * DAY
    serials: tuple[int, ...] = ()
    critical: bool = False
    algorithm: bytes = PSS
    outer_algorithm: bytes | None = None
    version: bytes = b"\x02\x01\x01"
    unused_bits: int = 0
    bare: bool = False
    entry_time: bytes = moment(NOW - 20 * DAY)
    inside: bytes = b""
    tail: bytes = b""

    def build(self) -> bytes:
        revoked = (der(0x30, integer(s), self.entry_time) for s in self.serials)
        number = der(
            0x30,
            der(0x06, bytes.fromhex("551d14")),
            b"\x01\x01\xff" if self.critical else b"",
            der(0x04, integer(1)),
        )
        tbs = der(
            0x30,
            self.version,
            self.algorithm,
            self.issuer,
            moment(self.start),
            b"" if self.end is None else moment(self.end),
            der(0x30, *revoked) if self.serials else b"",
            b"" if self.bare else der(0xA0, der(0x30, number)),
        )
        signature = der(0x03, bytes((self.unused_bits,)), rsa(self.signer).sign(tbs))
        algorithm = self.outer_algorithm or self.algorithm
        return der(0x30, tbs, algorithm, signature, self.inside) + self.tail


@dataclass(frozen=True, kw_only=True)
class Line:
    """What one product line's reports and certificates have of their own."""

    product: str
    product_name: str
    cpuid: bytes
    chip: bytes
    struct_version: int
    tcb: bytes


CHIP = sha384(b"chip").digest() + sha384(b"of test vectors").digest()[:16]
LINES = {
    "Milan": Line(
        product="Milan",
        product_name="Milan-B0",
        cpuid=bytes((0x19, 0x01, 0x01)),
        chip=CHIP,
        struct_version=0,
        tcb=bytes((4, 1, 0, 0, 0, 0, 24, 219)),
    ),
    "Genoa": Line(
        product="Genoa",
        product_name="Genoa-B1",
        cpuid=bytes((0x19, 0x11, 0x01)),
        chip=CHIP,
        struct_version=0,
        tcb=bytes((10, 1, 0, 0, 0, 0, 23, 84)),
    ),
    "Turin": Line(
        product="Turin",
        product_name="Turin-B0",
        cpuid=bytes((0x1A, 0x02, 0x01)),
        chip=CHIP[:8],
        struct_version=1,
        tcb=bytes((3, 2, 1, 4, 0, 0, 0, 77)),
    ),
}


def levels(line: Line) -> dict[int, int]:
    """Number of an SPL extension to its value."""
    raw = line.tcb
    if line.struct_version:
        return {9: raw[0], 1: raw[1], 2: raw[2], 3: raw[3], 5: 0, 6: 0, 7: 0, 8: raw[7]}
    return {1: raw[0], 2: raw[1], 4: 0, 5: 0, 6: 0, 7: 0, 3: raw[6], 8: raw[7]}


def leaf_spec(line: Line, signer: str) -> Spec:
    vcek = signer == "vcek"
    product = line.product_name if vcek else line.product
    extensions: Extensions = (
        (AMD + "01", False, integer(line.struct_version)),
        (AMD + "02", False, der(0x16, product.encode())),
        *((f"{AMD}03{n:02x}", False, integer(level)) for n, level in levels(line).items()),
        (AMD + "04", False, line.chip) if vcek else (AMD + "05", False, der(0x16, b"cloud.test")),
    )
    return Spec(
        subject=name("SEV-VCEK" if vcek else "SEV-VLEK"),
        issuer=name(("SEV-" if vcek else "SEV-VLEK-") + line.product),
        spki=ec_spki(p384(f"{signer} {line.product}")),
        signer="ask" if vcek else "asvk",
        serial=0 if vcek else 0x5EED,
        extensions=extensions,
    )


def key_id(slot: str) -> bytes:
    return sha384(rsa(slot).spki).digest()[:20]


def issuer_spec(line: Line, signer: str) -> Spec:
    slot = "ask" if signer == "vcek" else "asvk"
    ark = f"ark_{line.product.lower()}"
    return Spec(
        subject=name(("SEV-" if signer == "vcek" else "SEV-VLEK-") + line.product),
        issuer=name(f"ARK-{line.product}"),
        spki=rsa(slot).spki,
        signer=ark,
        serial=0x010001,
        extensions=(
            ("551d0e", False, der(0x04, key_id(slot))),
            ("551d23", False, der(0x30, der(0x80, key_id(ark)))),
            ("551d13", True, basic_constraints(path=0)),
            ("551d0f", True, key_usage(0x04)),
        ),
    )


def ark_spec(line: Line) -> Spec:
    slot = f"ark_{line.product.lower()}"
    return Spec(
        subject=name(f"ARK-{line.product}"),
        issuer=name(f"ARK-{line.product}"),
        spki=rsa(slot).spki,
        signer=slot,
        serial=0x010000,
        extensions=(
            ("551d0f", True, key_usage(0x06)),
            ("551d0e", False, der(0x04, key_id(slot))),
            ("551d13", True, basic_constraints()),
        ),
    )


def list_spec(line: Line) -> ListSpec:
    return ListSpec(
        issuer=name(f"ARK-{line.product}"), signer=f"ark_{line.product.lower()}", serials=(0x77,)
    )


def report_body(line: Line, version: int, signer: str, report_data: bytes) -> bytearray:
    """The first 672 bytes of a sound report."""
    body = bytearray(0x2A0)
    fields = {
        0x00: version.to_bytes(4, "little"),
        0x04: (7).to_bytes(4, "little"),
        0x08: (0x3_0000 | 1 << 8 | 51).to_bytes(8, "little"),
        0x10: sha384(b"family").digest()[:16],
        0x20: sha384(b"image").digest()[:16],
        0x34: (1).to_bytes(4, "little"),
        0x38: line.tcb,
        0x40: (0b10_0101).to_bytes(8, "little"),
        0x48: (1 | (0 if signer == "vcek" else 1) << 2).to_bytes(4, "little"),
        0x50: report_data,
        0x90: sha384(b"measurement").digest(),
        0xC0: sha384(b"host data").digest()[:32],
        0xE0: sha384(b"id key").digest(),
        0x110: sha384(b"author key").digest(),
        0x140: sha384(b"report id").digest()[:32],
        0x160: b"\xff" * 32,
        0x180: line.tcb,
        0x188: line.cpuid if version >= 3 else b"",
        0x1A0: line.chip,
        0x1E0: line.tcb,
        0x1E8: bytes((4, 55, 1)),
        0x1EC: bytes((4, 55, 1)),
        0x1F0: line.tcb,
        0x1F8: (0b101).to_bytes(8, "little") * 2 if version >= 5 else b"",
    }
    for offset, value in fields.items():
        body[offset : offset + len(value)] = value
    return body


def sign_report(body: bytes, key: ec.EllipticCurvePrivateKey, *, high_s: bool = False) -> bytes:
    """The whole report: R and S little-endian, 72 bytes each, behind it zeros."""
    made = key.sign(body, ec.ECDSA(SHA384(), deterministic_signing=True))
    r, s = decode_dss_signature(made)
    s = max(s, P384_ORDER - s) if high_s else min(s, P384_ORDER - s)
    return body + r.to_bytes(72, "little") + s.to_bytes(72, "little") + bytes(368)
