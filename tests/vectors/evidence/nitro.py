"""Vectors of AWS Nitro documents and of software enclaves: every check broken alone.

Run by `tests/vectors/generate.py`. The numbered groups are the steps of `verify_nitro`; each
document is right and rightly signed but for the one thing that its name says.
"""

import dataclasses
from collections.abc import Callable
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID

from opengradient.core import cbor, cose
from opengradient.core.digests import keccak256, sha256
from opengradient.core.evidence import NITRO, SOFTWARE
from opengradient.core.keyset import Keyset
from opengradient.core.nitriding import encode_user_data
from opengradient.verify._x509 import ECDSA_P384_SHA384
from opengradient.verify.policy import RequiredRegister, TrustPolicy, UnsafeAnyMeasurement
from opengradient.verify.trust import TrustedRoot, UnsafeSimulatedRoot
from tests.unit.verify import nitro_forge as forge
from tests.unit.verify.nitro_forge import (
    CHAIN,
    HOUR,
    KEYSET,
    NOW,
    P384_ORDER,
    PCRS,
    Spec,
    document,
    seal,
    usage,
    with_chain,
)
from tests.vectors.evidence.vector_file import VectorFile

ANY = UnsafeAnyMeasurement()
MEASUREMENT = "0x" + keccak256(PCRS[0] + PCRS[1] + PCRS[2]).hex()
ZERO = dict.fromkeys(range(16), bytes(48))
NODE_ID = "0x" + KEYSET.signing.node_id.hex()
AGE = 60_000
REGIONAL, ZONAL, INSTANCE, LEAF = 1, 2, 3, 4
DAYS = 24 * HOUR


@cache
def simulated_chain() -> tuple[bytes, ...]:
    """A chain in Nitro's shape below a root that says SIMULATED."""
    first = dataclasses.replace(forge.specs()[0], label="SIMULATED root")
    return tuple(forge.chain([first, *forge.specs()[1:]]))


def policies() -> dict[str, TrustPolicy]:
    """Every policy that a vector names."""
    right = dataclasses.replace(forge.POLICY, measurements=frozenset({MEASUREMENT}))
    simulated = UnsafeSimulatedRoot(name="test network", certificate=simulated_chain()[0])

    def but(**changes: object) -> TrustPolicy:
        return dataclasses.replace(right, **changes)

    def register(name: str, value: bytes, kind: str | None = None) -> tuple[RequiredRegister, ...]:
        return (RequiredRegister(name=name, values=frozenset({value.hex()}), kind=kind),)

    other = TrustedRoot(kind=NITRO, name="other", certificate=CHAIN[1])
    return {
        "default": right,
        "any measurement": but(measurements=ANY),
        "no measurement": but(measurements=frozenset()),
        "revoked measurement": but(revoked_measurements=frozenset({MEASUREMENT})),
        "revoked measurement, any": but(
            measurements=ANY, revoked_measurements=frozenset({MEASUREMENT})
        ),
        "revoked key": but(revoked_keys=frozenset({NODE_ID})),
        "debug": but(measurements=ANY, allow_debug=True),
        "one minute": but(max_evidence_age_ms=AGE),
        "long": but(max_evidence_age_ms=10**12, clock_skew_ms=10**12),
        "PCR8 right": but(registers=register("PCR8", PCRS[8])),
        "PCR8 other": but(registers=register("PCR8", PCRS[9])),
        "PCR16 absent": but(registers=register("PCR16", PCRS[8])),
        "PCR8 other, of another kind": but(registers=register("PCR8", PCRS[9], "intel-tdx")),
        "no roots": but(roots=()),
        "another root": but(roots=(other,)),
        "two roots": but(roots=(other, forge.ROOT)),
        "root of another kind": but(roots=(dataclasses.replace(forge.ROOT, kind="intel-tdx"),)),
        "simulated": but(roots=(simulated,)),
    }


def but(position: int, **changes: object) -> bytes:
    """A document whose certificate at this position is made another way."""

    def change(specifications: list[Spec]) -> None:
        for name, value in changes.items():
            setattr(specifications[position], name, value)

    return with_chain(change)


def parts(**changes: object) -> bytes:
    """A document whose outer array has other items."""
    names = ("protected", "unprotected", "payload", "signature")
    right = dict(zip(names, cbor.decode(document()), strict=True))
    return cbor.encode(list((right | changes).values()))


def envelope_vectors(file: VectorFile) -> None:
    """Steps 1 and 2: size and COSE."""
    good = document()
    payload = cbor.decode(good)[2]
    r, s = forge.es384(payload)

    def add(name: str, document: bytes, expect: str = "accept", clause: str = "2") -> None:
        file.add(name, clause, document, expect=expect)

    room = 16 * 1024 - len(document(pad=b"x" * 12_000))
    full = document(pad=b"x" * (12_000 + room))
    add("right", good, clause="all")
    add("right, definite map", document(indefinite=False), clause="3")
    add("of 16384 bytes", full, clause="1")
    longer = document(pad=b"x" * (12_001 + room))
    add("of 16385 bytes", longer, "format.too_large", "1")
    add("with tag 18", cose.TAG + good)
    add("with tag 18 twice", cose.TAG * 2 + good, "cbor.malformed")
    add("with tag 17", b"\xd1" + good, "cbor.malformed")
    add("a byte after the end", good + b"\0", "cbor.malformed")
    add("without its last byte", good[:-1], "cbor.malformed")
    add("array of three", cbor.encode(list(cbor.decode(good))[:3]), "nitro.cose.structure")
    add("array of five", b"\x85" + good[1:] + b"\xf6", "nitro.cose.structure")
    add("no array", cbor.encode({}), "nitro.cose.structure")
    add("indefinite array", b"\x9f" + good[1:] + b"\xff", "nitro.cose.structure")
    at = good.index(b"\xa0")
    wide = good[:at] + b"\xbf\xff" + good[at + 1 :]
    add("indefinite unprotected header", wide, "nitro.cose.structure")
    add("payload null", parts(payload=None), "nitro.cose.structure")
    add("signature null", parts(signature=None), "nitro.cose.structure")
    for name, header in (
        ("empty", b""),
        ("empty map", b"\xa0"),
        ("ES256", bytes.fromhex("a10126")),
        ("ES512", bytes.fromhex("a1013823")),
        ("with a key id", bytes.fromhex("a2013822045f")),
        ("in a longer spelling", bytes.fromhex("a101390022")),
        ("as a map", {1: -35}),
    ):
        add(f"protected header {name}", parts(protected=header), "nitro.cose.protected_header")
    for name, header in (
        ("alg", {1: -35}),
        ("key id", {4: b"kid"}),
        ("a list", ()),
        ("null", None),
    ):
        code = "nitro.cose.unprotected_header"
        add(f"unprotected header {name}", parts(unprotected=header), code)
    raw = forge.raw(r, s)
    for name, form in (
        ("in DER", encode_dss_signature(r, s)),
        ("of 95 bytes", raw[:-1]),
        ("of 97 bytes", raw + b"\0"),
        ("empty", b""),
    ):
        add(f"signature {name}", cose.envelope(payload, form), "nitro.cose.signature_form")
    for name, pair in (
        ("r is zero", (0, s)),
        ("s is zero", (r, 0)),
        ("both zero", (0, 0)),
        ("r is the order", (P384_ORDER, s)),
        ("s is the order", (r, P384_ORDER)),
    ):
        forged = cose.envelope(payload, forge.raw(*pair))
        add(f"signature, {name}", forged, "nitro.cose.signature_range", "6")
    add("signature, the other s", cose.envelope(payload, forge.raw(r, P384_ORDER - s)), clause="6")


def payload_vectors(file: VectorFile) -> None:
    """Step 3: the form of the payload."""

    def add(name: str, payload: bytes, expect: str = "cbor.malformed") -> None:
        file.add(f"payload {name}", "3", seal(payload), expect=expect)

    good = cbor.encode_indefinite_map(forge.fields())
    add("is a list", cbor.encode([1]), "nitro.payload.structure")
    add("is a list of names", cbor.encode(["digest"]), "nitro.payload.structure")
    add("is an empty list", cbor.encode([]), "nitro.payload.structure")
    add("is a text", cbor.encode("digest"), "nitro.payload.structure")
    add("is empty", b"")
    inside = good[1:-1]
    add("has a number as key", b"\xbf" + inside + b"\x01\x02\xff", "nitro.payload.structure")
    add("has a key twice", b"\xbf" + inside + cbor.encode("nonce") + b"\xf6\xff")
    add("has an unknown key twice", b"\xbf" + inside + b"\x61x\x00\x61x\x00\xff")
    pcrs = cbor.encode(PCRS)
    add("has a PCR twice", good.replace(pcrs, b"\xb1" + pcrs[1:] + b"\0" + cbor.encode(PCRS[0])))
    add("has a byte after it", good + b"\0")
    add("has no end", good[:-1])
    for name, item in (
        ("a float", b"\xf9\x00\x00"),
        ("undefined", b"\xf7"),
        ("a tag", b"\xc0\x60"),
        ("a string in chunks", b"\x5f\x41\x00\xff"),
        ("text that is not UTF-8", b"\x61\xff"),
        ("a long head", b"\x18\x17"),
        ("bytes as key", b"\xa1\x41\x00\x00"),
        ("nesting of nine", b"\x81" * 8 + b"\0"),
        ("a length past the end", b"\x5b\x7f" + b"\xff" * 7),
    ):
        add(f"has {name}", b"\xbf" + inside + b"\x61x" + item + b"\xff")
    file.add("unknown key", "3", document(extra=1))


def field_vectors(file: VectorFile) -> None:
    """Step 4: types and sizes of the fields."""

    def add(name: str, field: str, value: object, code: str = "") -> None:
        what = code or f"nitro.payload.{field}"
        file.add(f"{field} {name}", "4", document(**{field: value}), expect=what)

    absent = ("absent", ...)
    wrong: dict[str, list[tuple[str, object]]] = {
        "module_id": [absent, ("empty", ""), ("of 257 bytes", "x" * 257), ("as bytes", b"i")],
        "digest": [absent, ("SHA256", "SHA256"), ("SHA512", "SHA512"), ("null", None)],
        "timestamp": [
            absent, ("zero", 0), ("negative", -1), ("true", True), ("text", "1"), ("2^53", 2**53),
        ],
        "certificate": [absent, ("empty", b""), ("of 1025 bytes", b"x" * 1025), ("text", "der")],
        "cabundle": [absent, ("empty", []), ("null", None), ("one certificate", CHAIN[0])],
        "public_key": [("of 1025 bytes", b"x" * 1025), ("text", "k"), ("false", False)],
        "user_data": [("of 513 bytes", b"x" * 513), ("text", "u"), ("zero", 0)],
        "nonce": [("of 513 bytes", b"x" * 513), ("text", "n"), ("zero", 0)],
    }  # fmt: skip
    for field, cases in wrong.items():
        for name, value in cases:
            add(name, field, value)
    for name, item in (("empty", b""), ("null", None), ("of 1025 bytes", b"x" * 1025)):
        bundle = [CHAIN[0], item, *CHAIN[2:-1]]
        add(f"with a certificate {name}", "cabundle", bundle, "nitro.payload.certificate")
    right = {"public_key": b"k" * 1024, "user_data": b"u" * 512, "module_id": "m" * 256}
    for field, value in right.items():
        file.add(f"{field} as large as can be", "4", document(**{field: value}))
    for field in ("public_key", "user_data"):
        for name, value in (("null", None), ("absent", ...), ("empty", b"")):
            file.add(f"{field} {name}", "4", document(**{field: value}))
    largest = b"n" * 512
    file.add("nonce as large as can be", "4", document(nonce=largest), nonce=largest)
    pcrs: list[tuple[str, str, object]] = [
        ("absent", "map", ...),
        ("empty", "map", {}),
        ("a list", "map", [bytes(48)]),
        ("33 of them", "map", dict.fromkeys(range(33), b"\1" * 48)),
        ("index 32", "index", PCRS | {32: PCRS[0]}),
        ("index -1", "index", PCRS | {-1: PCRS[0]}),
        ("index as text", "index", PCRS | {"16": PCRS[0]}),
        ("of 47 bytes", "length", PCRS | {5: b"\1" * 47}),
        ("of 49 bytes", "length", PCRS | {5: b"\1" * 49}),
        ("of 32 bytes", "length", PCRS | {5: b"\1" * 32}),
        ("of 64 bytes", "length", PCRS | {5: b"\1" * 64}),
        ("as text", "length", PCRS | {5: "x" * 48}),
        *((f"{i} missing", "missing", {k: v for k, v in PCRS.items() if k != i}) for i in range(3)),
    ]
    for name, code, value in pcrs:
        add(name, "pcrs", value, f"nitro.pcr.{code}")
    file.add("pcrs with index 31", "4", document(pcrs=PCRS | {31: PCRS[0]}))
    all_32 = {index: PCRS.get(index, b"\7" * 48) for index in range(32)}
    file.add("pcrs all 32", "4", document(pcrs=all_32))


def root_vectors(file: VectorFile) -> None:
    """Steps 5 and 6: the root, the signature."""

    def add(name: str, document: bytes, expect: str, **rest: object) -> None:
        file.add(name, "5", document, expect=expect, **rest)

    other = [dataclasses.replace(forge.specs()[0], serial=99), *forge.specs()[1:]]
    chain = forge.chain(other)
    twin = document(cabundle=chain[:-1], certificate=chain[-1])
    add("root's name and key, another certificate", twin, "x509.root")
    add("chain without its root", document(cabundle=CHAIN[1:-1]), "x509.root")
    late = document(cabundle=[*CHAIN[1:-1], CHAIN[0]])
    add("root in the last place", late, "x509.root")
    add("policy with another root", document(), "x509.root", policy="another root")
    add("policy with two roots", document(), "accept", policy="two roots")
    add("policy without roots", document(), "policy.no_trust", policy="no roots")
    of_tdx = "root of another kind"
    add("root for another kind", document(), "policy.no_trust", policy=of_tdx)
    good = cbor.decode(document())
    payload, signature = good[2], good[3]
    for name, forged in (
        ("by an issuer's key", seal(payload, forge.key("zonal"))),
        ("by a stranger's key", seal(payload, forge.key("stranger"))),
        ("of another payload", cose.envelope(payload.replace(b"i-0123", b"i-0124"), signature)),
        ("of the bare payload", _signed_bare(payload)),
        ("with r and s exchanged", cose.envelope(payload, signature[48:] + signature[:48])),
    ):
        file.add(f"signature {name}", "6", forged, expect="nitro.cose.signature")


def _signed_bare(payload: bytes) -> bytes:
    scheme = ec.ECDSA(ECDSA_P384_SHA384.hash_type(), deterministic_signing=True)
    r, s = forge.decode_dss_signature(forge.key("leaf").sign(payload, scheme))
    return cose.envelope(payload, forge.raw(r, s))


def _resized(der: bytes, by: int) -> bytes:
    """Put the two outermost lengths right after the signed part has grown."""
    outer, inner = int.from_bytes(der[2:4]) + by, int.from_bytes(der[6:8]) + by
    return der[:2] + outer.to_bytes(2) + der[4:6] + inner.to_bytes(2) + der[8:]


def _replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def patch(der: bytes) -> bytes:
        if old not in der:
            raise ValueError("nothing to replace")
        return _resized(der.replace(old, new, 1), len(new) - len(old))

    return patch


def _outer_algorithm(der: bytes) -> bytes:
    oid = ECDSA_P384_SHA384.algorithm
    at = der.rindex(oid)
    return der[:at] + oid[:-1] + b"\4" + der[at + len(oid) :]


def certificate_vectors(file: VectorFile) -> None:
    """Step 7: each certificate by itself."""

    def add(name: str, document: bytes, expect: str = "accept") -> None:
        file.add(name, "7", document, expect=expect)

    version = b"\xa0\x03\x02\x01\x02"
    serial = b"\2\1\x11"
    for position, label in ((ZONAL, "zonal"), (LEAF, "leaf")):
        for name, patch in (
            ("a byte after its end", lambda der: der + b"\0"),
            ("cut", lambda der: der[:-1]),
            ("no sequence", lambda der: b"\x31" + der[1:]),
            ("an indefinite length", lambda der: b"\x30\x80" + der[4:]),
            ("a length too long", lambda der: b"\x30\x83\0" + der[2:]),
            ("version 2", _replaced(version, version[:-1] + b"\1")),
        ):
            add(f"{label} with {name}", but(position, patch=patch), "x509.malformed")
        for name, number in (("zero", b"\2\1\0"), ("negative", b"\2\1\x81")):
            forged = but(position, serial=0x11, patch=_replaced(serial, number))
            add(f"{label}, serial {name}", forged, "x509.serial")
        long = but(position, serial=0x11, patch=_replaced(serial, b"\2\x15\1" + bytes(20)))
        add(f"{label}, serial of 161 bits", long, "x509.serial")
        add(f"{label}, serial of 159 bits", but(position, serial=2**159 - 1))
        add(f"{label} signed with SHA-256", but(position, hash_type=SHA256), "x509.algorithm")
        oid = ECDSA_P384_SHA384.algorithm
        inner = but(position, patch=_replaced(oid, oid[:-1] + b"\4"))
        add(f"{label}, other inner algorithm", inner, "x509.algorithm")
        outer = but(position, patch=_outer_algorithm)
        add(f"{label}, other outer algorithm", outer, "x509.algorithm")
    p256 = forge.key("p256", ec.SECP256R1).public_key()
    modulus = rsa.RSAPublicNumbers(65537, 2**2047 + 1).public_key()
    add("leaf with a P-256 key", but(LEAF, public_key=p256), "x509.key")
    add("leaf with an RSA key", but(LEAF, public_key=modulus), "x509.key")
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    names = x509.NameConstraints([x509.DNSName("example.org")], None)
    code = "x509.critical_extension"
    add("leaf, unknown critical extension", but(LEAF, extra=[(purpose, True)]), code)
    add("regional, critical name constraints", but(REGIONAL, extra=[(names, True)]), code)
    add("leaf, unknown extension, not critical", but(LEAF, extra=[(purpose, False)]))


def chain_vectors(file: VectorFile) -> None:
    """Step 7: the certificates together."""

    def add(name: str, document: bytes, expect: str = "accept") -> None:
        file.add(name, "7", document, expect=expect)

    for label, length, code in (("8", 8, "accept"), ("9", 9, "x509.length")):
        authorities = [Spec(label=f"authority {i}") for i in range(length - 2)]
        made = forge.chain([forge.specs()[0], *authorities, forge.specs()[-1]])
        add(
            f"chain of {label}",
            document(cabundle=[CHAIN[0], *made[1:-1]], certificate=made[-1]),
            code,
        )
    other = forge.key("other")
    for position, label in ((REGIONAL, "regional"), (ZONAL, "zonal"), (INSTANCE, "instance")):
        add(f"{label} is no CA", but(position, ca=False), "x509.ca")
        add(f"{label} without constraints", but(position, constraints=False), "x509.ca")
        soft = but(position, constraints_critical=False)
        add(f"{label}, constraints not critical", soft, "x509.ca")
        add(f"{label} without key usage", but(position, usage=None), "x509.key_usage")
        signs = but(position, usage=usage(sign=True, issue=False))
        add(f"{label} may not sign certificates", signs, "x509.key_usage")
    add("regional, path too short", but(REGIONAL, path_length=1), "x509.path_length")
    add("zonal, path too short", but(ZONAL, path_length=0), "x509.path_length")
    add("instance, no path length", but(INSTANCE, path_length=None))
    add("zonal without a key identifier", but(ZONAL, subject_key=False))
    add("zonal with serial 1", but(ZONAL, serial=1))
    add("leaf is a CA", but(LEAF, ca=True, path_length=0), "x509.leaf_ca")
    add("leaf without constraints", but(LEAF, constraints=False), "x509.leaf_ca")
    add("leaf without key usage", but(LEAF, usage=None), "x509.leaf_key_usage")
    idle = but(LEAF, usage=usage(sign=False, issue=False))
    add("leaf may not sign data", idle, "x509.leaf_key_usage")
    both = but(LEAF, usage=usage(sign=True, issue=True))
    add("leaf may sign certificates", both, "x509.leaf_key_usage")
    for position, label in enumerate(("regional", "zonal", "instance", "leaf"), start=1):
        add(f"{label} names another issuer", but(position, issuer="x"), "x509.name_chain")
        wrong = but(position, authority_key=other.public_key())
        add(f"{label} names another key", wrong, "x509.key_identifier")
        add(f"{label} signed by another key", but(position, signed_by=other), "x509.signature")
    swapped = [CHAIN[0], CHAIN[2], CHAIN[1], CHAIN[3]]
    add("two authorities exchanged", document(cabundle=swapped), "x509.path_length")
    for missing in (REGIONAL, ZONAL, INSTANCE):
        bundle = [der for i, der in enumerate(CHAIN[:-1]) if i != missing]
        add(f"authority {missing} missing", document(cabundle=bundle), "x509.name_chain")


def window_vectors(file: VectorFile) -> None:
    """Steps 7 and 8: times."""
    edge = NOW - 60_000
    for position, label in enumerate(("regional", "zonal", "instance", "leaf"), start=1):
        late, early = but(position, start_ms=edge), but(position, end_ms=NOW + 60_000)
        for name, forged, now_ms, code in (
            ("at its first second", late, edge, "accept"),
            ("before its first second", late, edge - 1, "x509.not_yet_valid"),
            ("at its last second", early, NOW + 60_000, "accept"),
            ("after its last second", early, NOW + 60_001, "x509.expired"),
        ):
            file.add(f"{label} {name}", "7", forged, expect=code, policy="long", now_ms=now_ms)

    def widen(specifications: list[Spec]) -> None:
        for spec in specifications[1:]:
            spec.start_ms, spec.end_ms = NOW - 2000 * HOUR, NOW + 2000 * HOUR

    wide = with_chain(widen)
    for name, now_ms, code in (
        ("before the root", NOW - 1000 * HOUR - 1, "x509.not_yet_valid"),
        ("after the root", NOW + 1000 * HOUR + 1, "x509.expired"),
    ):
        file.add(f"all valid {name}", "7", wide, expect=code, policy="long", now_ms=now_ms)
    skew = forge.POLICY.clock_skew_ms
    made = document(timestamp=NOW)
    for name, now_ms, code in (
        ("as far ahead as allowed", NOW - skew, "accept"),
        ("too far ahead", NOW - skew - 1, "nitro.timestamp.future"),
        ("as old as allowed", NOW + AGE, "accept"),
        ("too old", NOW + AGE + 1, "nitro.timestamp.stale"),
    ):
        file.add(f"time {name}", "8", made, expect=code, policy="one minute", now_ms=now_ms)


def policy_vectors(file: VectorFile) -> None:
    """Steps 9 to 11: debug, measurement, nonce."""
    file.add("debug", "9", document(pcrs=ZERO), expect="nitro.debug")
    file.add("debug that any measurement allows", "9", document(pcrs=ZERO), expect="nitro.debug",
             policy="any measurement")  # fmt: skip
    file.add("debug that the policy allows", "9", document(pcrs=ZERO), policy="debug")
    for index in range(3):
        barely = document(pcrs=ZERO | {index: bytes(47) + b"\1"})
        file.add(f"no debug: PCR{index} is not zero", "9", barely, policy="any measurement")
        changed = document(pcrs=PCRS | {index: PCRS[index][:-1] + b"\0"})
        file.add(f"PCR{index} other", "10", changed, expect="attestation.measurement")
    swapped = document(pcrs=PCRS | {0: PCRS[1], 1: PCRS[0]})
    file.add("PCR0 and PCR1 exchanged", "10", swapped, expect="attestation.measurement")
    for policy, code in (
        ("no measurement", "attestation.measurement"),
        ("any measurement", "accept"),
        ("revoked measurement", "attestation.revoked_measurement"),
        ("revoked measurement, any", "attestation.revoked_measurement"),
        ("PCR8 right", "accept"),
        ("PCR8 other", "attestation.register"),
        ("PCR16 absent", "attestation.register"),
        ("PCR8 other, of another kind", "accept"),
        ("revoked key", "attestation.revoked_key"),
    ):
        file.add(f"policy: {policy}", "10", document(), expect=code, policy=policy)
    asked = b"n" * 32
    file.add("nonce answered", "11", document(), nonce=asked)
    for name, value, code in (
        ("absent", ..., "nitro.nonce.absent"),
        ("null", None, "nitro.nonce.absent"),
        ("empty", b"", "nitro.nonce.mismatch"),
        ("another", b"m" * 32, "nitro.nonce.mismatch"),
        ("cut", asked[:-1], "nitro.nonce.mismatch"),
        ("longer", asked + b"n", "nitro.nonce.mismatch"),
    ):
        file.add(
            f"nonce {name}, one was sent", "11", document(nonce=value), nonce=asked, expect=code
        )
    for name, nonce in (("empty", b""), ("of 513 bytes", b"n" * 513)):
        file.add(f"asked with a nonce {name}", "11", document(), nonce=nonce,
                 expect="config.invalid")  # fmt: skip


def keyset_vectors(file: VectorFile) -> None:
    """Step 12: the keyset."""
    plain = KEYSET.encode()
    with_rsa = Keyset(signing=KEYSET.signing, legacy_rsa_spki_sha256=sha256(b"rsa")).encode()

    def add(name: str, key: bytes, expect: str = "accept", user_data: bytes | None = None) -> None:
        forged = document(public_key=key, user_data=user_data)
        file.add(f"keyset {name}", "12", forged, expect=expect)

    for name, old, new, code in (
        ("of version 3", b"keyset/1", b"keyset/3", "format.unsupported"),
        ("with a field more", b'{"hpke"', b'{"extra":1,"hpke"', "keyset.malformed"),
        ("with a field less", b'"hpke":null,', b"", "keyset.malformed"),
        ("of another algorithm", b'"secp256k1"', b'"ed25519"', "format.unsupported"),
        ("in capitals", KEYSET.signing.compressed.hex().encode(),
         KEYSET.signing.compressed.hex().upper().encode(), "keyset.not_canonical"),
        ("with a blank", b'{"hpke"', b'{ "hpke"', "keyset.not_canonical"),
        ("with a key twice", b'{"hpke":null', b'{"hpke":null,"hpke":null', "format.malformed"),
        ("whose key is no point", KEYSET.signing.compressed.hex().encode(),
         b"02" + b"ff" * 32, "format.malformed"),
        ("with a hash of 31 bytes", b'"tls_spki_sha256":null',
         b'"tls_spki_sha256":"' + b"00" * 31 + b'"', "keyset.malformed"),
        ("with an HPKE key of no fields", b'"hpke":null', b'"hpke":{}', "keyset.malformed"),
    ):  # fmt: skip
        if old not in plain:
            raise ValueError(name)
        add(name, plain.replace(old, new), code)
    add("that is none of ours", b"\4" * 64)
    hashes = encode_user_data(tls_certificate_der=b"tls", signing_key_der=b"rsa")
    others = encode_user_data(tls_certificate_der=b"rsa", signing_key_der=b"tls")
    add("with an RSA key, named in user_data", with_rsa, user_data=hashes)
    add("with an RSA key, another in user_data", with_rsa, "keyset.user_data", others)
    add("with an RSA key, no user_data", with_rsa, "nitriding.layout")
    add("with an RSA key, user_data cut", with_rsa, "nitriding.layout", hashes[:-1])
    add("with an RSA key, user_data of other tags", with_rsa, "nitriding.layout",
        b"\x13" + hashes[1:])  # fmt: skip


def kind_vectors(file: VectorFile) -> None:
    """Around the document: its kind and what came beside it."""
    chain = simulated_chain()
    soft = document(cabundle=list(chain[:-1]), certificate=chain[-1])

    def add(name: str, document: bytes, expect: str = "accept", **rest: object) -> None:
        file.add(name, "kind", document, expect=expect, **rest)

    add("software enclave", soft, kind=SOFTWARE, policy="simulated")
    add("software enclave, no such root", soft, "policy.simulated", kind=SOFTWARE)
    add("software enclave said to be Nitro", soft, "x509.root")
    add("software enclave said to be Nitro, simulated root trusted", soft, "policy.no_trust",
        policy="simulated")  # fmt: skip
    add("Nitro said to be a software enclave", document(), "x509.root", kind=SOFTWARE,
        policy="simulated")  # fmt: skip
    add("of an unknown kind", document(), "attestation.kind", kind="arm-cca")
    add("runtime data beside it", document(), "evidence.malformed", runtime_data=KEYSET.encode())
    add("collateral beside it", document(), "evidence.malformed", collateral={"vcek": b"x"})
    add("no document", b"", "evidence.malformed")
    add("of 64 KiB and a byte", bytes(64 * 1024 + 1), "format.too_large")


def render() -> str:
    """The file `nitro.json`."""
    file = VectorFile(
        kind=NITRO,
        about="made by tests/vectors/evidence/nitro.py; keys are public test keys",
        policies=policies(),
        now_ms=NOW,
    )
    for part in (
        envelope_vectors,
        payload_vectors,
        field_vectors,
        root_vectors,
        certificate_vectors,
        chain_vectors,
        window_vectors,
        policy_vectors,
        keyset_vectors,
        kind_vectors,
    ):
        part(file)
    return file.render()
