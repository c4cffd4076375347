"""Every check of a certificate chain, broken alone in an otherwise right and signed document."""

import itertools

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID

from opengradient.errors import CertificateChainError
from opengradient.verify._x509 import ECDSA_P384_SHA384, parse_certificate, verify_chain
from tests.unit.verify import nitro_forge as forge
from tests.unit.verify.nitro_forge import HOUR, NOW, Spec, document, usage, verify, with_chain

REGIONAL, ZONAL, INSTANCE, LEAF = 1, 2, 3, 4


def refused(code: str, forged: bytes, *, now_ms: int = NOW) -> None:
    with pytest.raises(CertificateChainError) as caught:
        verify(forged, now_ms=now_ms, clock_skew_ms=10**12, max_evidence_age_ms=10**12)
    assert caught.value.code == code


def spoiled(position: int, **changes: object) -> bytes:
    def change(specifications: list[Spec]) -> None:
        for name, value in changes.items():
            setattr(specifications[position], name, value)

    return with_chain(change)


def test_the_unspoiled_chain_passes():
    assert verify(spoiled(REGIONAL)).root == "forge"


def test_extensions_that_are_not_critical_are_ignored():
    extra = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    assert verify(spoiled(LEAF, extra=[(extra, False)])).root == "forge"


# Step 1


def test_length():
    verify(with_chain(lambda s: s.__delitem__(slice(1, 4))))  # root and leaf
    nine = [Spec(label="root"), *(Spec(label=f"ca{i}") for i in range(7)), forge.specs()[-1]]
    for length, good in ((8, True), (9, False)):
        chain = forge.chain([nine[0], *nine[9 - length + 1 :]])
        forged = document(cabundle=[forge.CHAIN[0], *chain[1:-1]], certificate=chain[-1])
        if good:
            verify(forged)
        else:
            refused("x509.length", forged)
    with pytest.raises(CertificateChainError) as caught:
        verify_chain(forge.CHAIN[0], [], profile=ECDSA_P384_SHA384, now_ms=NOW)
    assert caught.value.code == "x509.length"


# Step 2


def version_2(der: bytes) -> bytes:
    return der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x01", 1)


def long_length(der: bytes) -> bytes:
    assert der[:2] == b"\x30\x82"
    return b"\x30\x83\x00" + der[2:]


@pytest.mark.parametrize(
    "patch",
    [
        lambda der: der + b"\0",
        lambda der: der[:-1],
        lambda der: b"\x31" + der[1:],
        lambda der: b"\x30\x80" + der[4:],
        lambda der: der[:2] + (int.from_bytes(der[2:4]) + 2).to_bytes(2) + der[4:] + b"\5\0",
        long_length,
        version_2,
        lambda der: der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x00", 1),
    ],
)
def test_strict_der_of_version_3(patch):
    for position in (ZONAL, LEAF):
        refused("x509.malformed", spoiled(position, patch=patch))


def test_the_signature_is_whole_bytes():
    """A bit that does not count would give every certificate whose last bit is 0 a twin."""
    der, serial = b"\1", 1
    while der[-1] & 1:
        serial += 1
        der = forge.certificate(Spec(label="zonal", serial=serial), Spec(label="regional"))
    start = der.rindex(ECDSA_P384_SHA384.algorithm) + len(ECDSA_P384_SHA384.algorithm) + 2
    assert der[start] == 0
    with pytest.raises(CertificateChainError) as caught:
        parse_certificate(der[:start] + b"\1" + der[start + 1 :], ECDSA_P384_SHA384)
    assert caught.value.code == "x509.malformed"


def test_serial_numbers():
    largest = 2**159 - 1
    assert verify(spoiled(ZONAL, serial=largest)).root == "forge"
    for wrong in (b"\x02\x01\x00", b"\x02\x01\x81"):
        refused(
            "x509.serial",
            spoiled(ZONAL, serial=0x11, patch=lambda der, w=wrong: der.replace(b"\2\1\x11", w, 1)),
        )

    def longer(der: bytes) -> bytes:
        # 21 bytes of magnitude, with the lengths around it put right.
        at = der.index(b"\2\x14\x7f")
        grown = der[:at] + b"\2\x15\x7f" + der[at + 2 :]
        outer = int.from_bytes(grown[2:4]) + 1
        inner = int.from_bytes(grown[6:8]) + 1
        return grown[:2] + outer.to_bytes(2) + grown[4:6] + inner.to_bytes(2) + grown[8:]

    refused("x509.serial", spoiled(ZONAL, serial=largest, patch=longer))


def test_genuine_serials_of_twenty_bytes_and_a_zero():
    # The Nitro module's zonal and instance authorities use all 160 bits.
    def full(der: bytes) -> bytes:
        at = der.index(b"\2\x14\x7f")
        grown = der[:at] + b"\2\x15\x00\xff" + der[at + 3 :]
        outer = int.from_bytes(grown[2:4]) + 1
        inner = int.from_bytes(grown[6:8]) + 1
        return grown[:2] + outer.to_bytes(2) + grown[4:6] + inner.to_bytes(2) + grown[8:]

    der = forge.certificate(Spec(label="zonal", serial=2**159 - 1, patch=full), Spec(label="root"))
    parse_certificate(der, ECDSA_P384_SHA384)


def test_algorithm():
    refused("x509.algorithm", spoiled(ZONAL, hash_type=SHA256))
    oid = ECDSA_P384_SHA384.algorithm
    with_null = bytes.fromhex("300c06082a8648ce3d0403020500")

    def inner(der: bytes) -> bytes:
        return der.replace(oid, oid[:-1] + b"\4", 1)

    def outer(der: bytes) -> bytes:
        at = der.rindex(oid)
        return der[:at] + oid[:-1] + b"\4" + der[at + len(oid) :]

    def parameters(der: bytes) -> bytes:
        at = der.rindex(oid)
        grown = der[:at] + with_null[:-3] + b"\3\5\0" + der[at + len(oid) :]
        return grown[:2] + (int.from_bytes(grown[2:4]) + 2).to_bytes(2) + grown[4:]

    for patch in (inner, outer, parameters):
        refused("x509.algorithm", spoiled(ZONAL, patch=patch))


def test_key():
    p256 = forge.key("p256", ec.SECP256R1).public_key()
    refused("x509.key", spoiled(LEAF, public_key=p256))
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    refused("x509.key", spoiled(LEAF, public_key=rsa_key))


def test_unknown_critical_extension():
    extra = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    constraint = x509.NameConstraints([x509.DNSName("example.org")], None)
    refused("x509.critical_extension", spoiled(LEAF, extra=[(extra, True)]))
    refused("x509.critical_extension", spoiled(REGIONAL, extra=[(constraint, True)]))


# Step 3


@pytest.mark.parametrize("position", [REGIONAL, ZONAL, INSTANCE])
def test_issuers_are_authorities(position):
    refused("x509.ca", spoiled(position, ca=False))
    refused("x509.ca", spoiled(position, constraints=False))
    refused("x509.ca", spoiled(position, constraints_critical=False))


@pytest.mark.parametrize("position", [REGIONAL, ZONAL, INSTANCE])
def test_issuers_may_sign_certificates(position):
    refused("x509.key_usage", spoiled(position, usage=None))
    refused("x509.key_usage", spoiled(position, usage=usage(sign=True, issue=False)))


def test_path_length():
    refused("x509.path_length", spoiled(REGIONAL, path_length=1))
    refused("x509.path_length", spoiled(ZONAL, path_length=0))
    assert verify(spoiled(INSTANCE, path_length=None)).root == "forge"


def test_a_leaf_cannot_issue_another_leaf():
    specifications = forge.specs()
    for spec in specifications:
        spec.path_length = None
    below = Spec(label="below", ca=False, usage=usage(sign=True, issue=False))
    chain = forge.chain([*specifications, below])
    content = forge.fields(cabundle=[forge.CHAIN[0], *chain[1:-1]], certificate=chain[-1])
    refused("x509.ca", forge.seal(forge.cbor.encode(content), forge.key("below")))


# Step 4


def test_the_leaf_is_no_authority():
    refused("x509.leaf_ca", spoiled(LEAF, ca=True, path_length=0))
    refused("x509.leaf_ca", spoiled(LEAF, constraints=False))


def test_the_leaf_signs_data_and_no_certificates():
    refused("x509.leaf_key_usage", spoiled(LEAF, usage=None))
    refused("x509.leaf_key_usage", spoiled(LEAF, usage=usage(sign=False, issue=False)))
    refused("x509.leaf_key_usage", spoiled(LEAF, usage=usage(sign=True, issue=True)))


# Step 5


@pytest.mark.parametrize("position", [REGIONAL, ZONAL, INSTANCE, LEAF])
def test_links(position):
    refused("x509.name_chain", spoiled(position, issuer="somebody else"))
    other = forge.key("other")
    refused("x509.key_identifier", spoiled(position, authority_key=other.public_key()))
    refused("x509.signature", spoiled(position, signed_by=other))


def test_order():
    for order in itertools.permutations(forge.CHAIN[1:-1]):
        if list(order) == forge.CHAIN[1:-1]:
            continue
        with pytest.raises(CertificateChainError):
            verify(document(cabundle=[forge.CHAIN[0], *order]))


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_missing_link(missing):
    cabundle = [der for i, der in enumerate(forge.CHAIN[:-1]) if i != missing]
    refused("x509.name_chain", document(cabundle=cabundle))


# Step 6


@pytest.mark.parametrize("position", [REGIONAL, ZONAL, INSTANCE, LEAF])
def test_every_certificate_is_valid_now(position):
    late = spoiled(position, start_ms=NOW - 60_000)
    verify(late, now_ms=NOW - 60_000)
    refused("x509.not_yet_valid", late, now_ms=NOW - 60_001)
    early = spoiled(position, end_ms=NOW + 60_000)
    verify(early, now_ms=NOW + 60_000)
    refused("x509.expired", early, now_ms=NOW + 60_001)


def test_the_root_too_is_valid_now():
    for now_ms, code in ((NOW - 1001 * HOUR, "not_yet_valid"), (NOW + 1001 * HOUR, "expired")):
        windows = {"start_ms": NOW - 2000 * HOUR, "end_ms": NOW + 2000 * HOUR}
        specifications = forge.specs()
        for spec in specifications[1:]:
            spec.start_ms, spec.end_ms = windows["start_ms"], windows["end_ms"]
        chain = forge.chain(specifications)
        refused(
            f"x509.{code}",
            document(cabundle=[forge.CHAIN[0], *chain[1:-1]], certificate=chain[-1]),
            now_ms=now_ms,
        )


def test_window_is_the_intersection():
    forged = spoiled(ZONAL, start_ms=NOW - 2000, end_ms=NOW + 3000)
    verified = verify(forged)
    assert (verified.valid_from_ms, verified.valid_until_ms) == (NOW - 2000, NOW + 3000)
