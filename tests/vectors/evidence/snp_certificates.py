"""Certificates: each by itself, the authorities, the links, the windows, the names."""

from dataclasses import replace

from opengradient.core.evidence import NITRO, SNP
from opengradient.verify.trust import TrustedRoot
from tests.vectors.evidence.snp_book import Book
from tests.vectors.evidence.snp_forge import (
    LINES,
    NOW,
    PKCS1_SHA384,
    PSS_DER,
    PSS_SALT_32,
    PSS_SHA256,
    PSS_WITHOUT_NULL,
    RsaKey,
    Spec,
    ark_spec,
    basic_constraints,
    der,
    ec_spki,
    key_usage,
    moment,
    name,
    p256_spki,
    p384,
    rsa,
)

CHAIN = "4 chain"
_ED25519 = bytes.fromhex(
    "302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325"
) + (bytes.fromhex("af021a68f707511a"))
"""SubjectPublicKeyInfo of the first key in RFC 8032 section 7.1."""

CONSTRAINTS, USAGE, SUBJECT_ID, AUTHORITY_ID = "551d13", "551d0f", "551d0e", "551d23"


def write(book: Book) -> None:
    _alone(book)
    _keys(book)
    _authorities(book)
    _links(book)
    _windows(book)
    _names(book)
    _roots(book)


def _change(**fields: object) -> object:
    return lambda spec: replace(spec, **fields)


def _having_flag(flag: bytes) -> object:
    """A flag is there only where it is true (X.690 section 11.5), and true is all ones."""
    return lambda s: replace(s, critical_flag=flag).having("2a03", b"\x05\x00", critical=True)


def _padded(spec: Spec, size: int) -> Spec:
    """The certificate with an extension that makes it this long."""
    short = spec.having("2a03", bytes(1000))
    return spec.having("2a03", bytes(1000 + size - len(short.build())))


def _alone(book: Book) -> None:
    for what, change in (
        ("bytes after it", _change(tail=b"\0")),
        ("version 1", _change(version=b"\x02\x01\x00")),
        ("month 13", _change(start_time=der(0x17, b"251301000000Z"))),
        ("time without seconds", _change(start_time=der(0x17, b"2501010000Z"))),
        ("time with an offset", _change(start_time=der(0x17, b"250101000000+0100"))),
        ("extension twice", lambda s: replace(s, extensions=s.extensions + s.extensions[:1])),
        ("a third time", _change(third_time=moment(NOW))),
        ("time in no zone", _change(start_time=der(0x17, b"2501010000000"))),
        ("time in no digits", _change(start_time=der(0x17, b"25010100000\xffZ"))),
        ("fields behind its extensions", _change(behind_extensions=der(0xA4))),
        ("a flag that is false", _having_flag(b"\x01\x01\x00")),
        ("a flag that is two", _having_flag(b"\x01\x01\x02")),
        ("4,097 bytes", lambda s: _padded(s, 4097)),
        ("padding to 5 KiB", lambda s: s.having("2a03", bytes(5000))),
    ):
        for part in ("leaf", "issuer"):
            title = f"{part} with {what}"
            book.case(title, "x509.malformed", clause=CHAIN, **{part: change})
    for part in ("leaf", "issuer"):
        for what, algorithm in (
            ("SHA-256", PSS_SHA256),
            ("a salt of 32", PSS_SALT_32),
            ("PKCS #1", PKCS1_SHA384),
        ):
            title = f"{part} that says {what}"
            change = _change(algorithm=algorithm)
            book.case(title, "x509.algorithm", clause=CHAIN, **{part: change})
        title = f"{part} with two algorithms"
        change = _change(outer_algorithm=PSS_DER)
        book.case(title, "x509.algorithm", clause=CHAIN, **{part: change})
        book.case(
            f"{part} without default trailer", clause=CHAIN, **{part: _change(algorithm=PSS_DER)}
        )
        title = f"{part} without parameters of its hashes"
        book.case(title, clause=CHAIN, **{part: _change(algorithm=PSS_WITHOUT_NULL)})
        for what, serial in (("negative", -1), ("of 21 bytes", 1 << 160)):
            title = f"{part} with a serial number {what}"
            book.case(title, "x509.serial", clause=CHAIN, **{part: _change(serial=serial)})
        title = f"{part} with a serial number of 20 bytes"
        book.case(title, clause=CHAIN, **{part: _change(serial=(1 << 160) - 1)})
        change = lambda s: s.having("2a03", b"\x05\x00", critical=True)  # noqa: E731
        title = f"{part} with an unknown critical extension"
        book.case(title, "x509.critical_extension", clause=CHAIN, **{part: change})
        title = f"{part} with 4,096 bytes"
        book.case(title, clause=CHAIN, **{part: lambda s: _padded(s, 4096)})
        change = lambda s: s.having("2a03", b"\x05\x00")  # noqa: E731
        book.case(f"{part} with an unknown extension", clause=CHAIN, **{part: change})
    title = "issuer with serial number 0"
    book.case(title, "x509.serial", clause=CHAIN, issuer=_change(serial=0))
    title = "time in the long form"
    long_form = der(0x18, b"20230101000000Z")
    book.case(title, clause=CHAIN, leaf=_change(start_time=long_form))


def _keys(book: Book) -> None:
    p384_as_issuer = ec_spki(p384("issuer"))
    small = rsa("small")
    odd = replace(rsa("ask"), e=3)
    assert isinstance(odd, RsaKey)
    for title, part, spki in (
        ("leaf's key on P-256", "leaf", p256_spki()),
        ("leaf's key of RSA", "leaf", rsa("ask").spki),
        ("issuer's key on P-384", "issuer", p384_as_issuer),
        ("issuer's key of Ed25519", "issuer", _ED25519),
        ("issuer's key of RSA-2048", "issuer", small.spki),
        ("issuer's key with exponent 3", "issuer", odd.spki),
    ):
        book.case(title, "x509.key", clause=CHAIN, **{part: _change(spki=spki)})
    broken = bytes.fromhex("300d06092a864886f70d010101") + b"\x05\x00"
    title = "leaf's key unreadable"
    spki = der(0x30, broken, der(0x03, b"\0\0"))
    book.case(title, "x509.malformed", clause=CHAIN, leaf=_change(spki=spki))


def _authorities(book: Book) -> None:
    for part in ("issuer", "ark"):
        for what, code, change in (
            ("without constraints", "x509.ca", lambda s: s.without(CONSTRAINTS)),
            (
                "that is no CA",
                "x509.ca",
                lambda s: s.having(CONSTRAINTS, basic_constraints(ca=False), critical=True),
            ),
            (
                "with constraints not critical",
                "x509.ca",
                lambda s: s.having(CONSTRAINTS, basic_constraints()),
            ),
            ("without key usage", "x509.key_usage", lambda s: s.without(USAGE)),
            (
                "that may not sign certificates",
                "x509.key_usage",
                lambda s: s.having(USAGE, key_usage(0x02), critical=True),
            ),
        ):
            book.case(f"{part} {what}", code, clause=CHAIN, **{part: change})
    book.case(
        "ark with path length 0",
        "x509.path_length",
        clause=CHAIN,
        ark=lambda s: s.having(CONSTRAINTS, basic_constraints(path=0), critical=True),
    )
    book.case(
        "ark with path length 1",
        clause=CHAIN,
        ark=lambda s: s.having(CONSTRAINTS, basic_constraints(path=1), critical=True),
    )
    nine = der(0x03, bytes((7, 0x04, 0x80)))
    book.case(
        "issuer with a usage of nine bits",
        clause=CHAIN,
        issuer=lambda s: s.having(USAGE, nine, critical=True),
    )
    book.case(
        "leaf that is a CA",
        "x509.leaf_ca",
        clause=CHAIN,
        leaf=lambda s: s.having(CONSTRAINTS, basic_constraints(), critical=True),
    )
    book.case(
        "issuer that only enciphers",
        "x509.key_usage",
        clause=CHAIN,
        issuer=lambda s: s.having(USAGE, key_usage(0x01), critical=True),
    )
    for title, octet in (
        ("that signs certificates", 0x84),
        ("that signs nothing", 0x20),
        ("that only enciphers", 0x01),
    ):
        book.case(
            f"leaf {title}",
            "x509.leaf_key_usage",
            clause=CHAIN,
            leaf=lambda s, octet=octet: s.having(USAGE, key_usage(octet), critical=True),
        )
    book.case(
        "leaf that says what it is",
        clause=CHAIN,
        leaf=lambda s: s.having(USAGE, key_usage(0x80), critical=True).having(
            CONSTRAINTS, basic_constraints(ca=False), critical=True
        ),
    )


def _links(book: Book) -> None:
    title = "leaf of another issuer by name"
    book.case(title, "x509.name_chain", clause=CHAIN, leaf=_change(issuer=name("SEV-Milan")))
    wrong = der(0x30, der(0x80, bytes(20)))
    for part in ("leaf", "issuer"):
        book.case(
            f"{part} of another key by identifier",
            "x509.key_identifier",
            clause=CHAIN,
            **{part: lambda s: s.having(AUTHORITY_ID, wrong)},
        )
        title = f"{part} signed by a stranger"
        book.case(title, "x509.signature", clause=CHAIN, **{part: _change(signer="stranger")})
        for salt in (0, 32, 47, 49):
            title = f"{part} signed with a salt of {salt}"
            book.case(title, "x509.signature", clause=CHAIN, **{part: _change(salt_bytes=salt)})
    title = "leaf that names its issuer's key, which does not"
    named = der(0x30, der(0x80, bytes(20)))
    book.case(
        title,
        clause=CHAIN,
        leaf=lambda s: s.having(AUTHORITY_ID, named),
        issuer=lambda s: s.without(SUBJECT_ID),
    )
    title = "leaf signed by the ARK"
    book.case(title, "x509.signature", clause=CHAIN, leaf=_change(signer="ark_genoa"))
    title = "leaf signed by an RSA-2048 key"
    book.case(title, "x509.signature", clause=CHAIN, leaf=_change(signer="small"))


def _windows(book: Book) -> None:
    """The edges of each certificate's window, to the second."""
    for part in ("leaf", "issuer", "ark"):
        for what, field, code, early in (
            ("begins", "start", "x509.not_yet_valid", -1000),
            ("ends", "end", "x509.expired", 1000),
        ):
            change = _change(**{field: NOW})
            book.case(f"{part} {what} now", clause=CHAIN, **{part: change})
            title = f"{part} {what} a second off"
            book.case(title, code, clause=CHAIN, now_ms=NOW + early, **{part: change})
            title = f"{part} {what} a millisecond off"
            now_ms = NOW + early // 1000
            book.case(title, code, clause=CHAIN, now_ms=now_ms, **{part: change})


def _names(book: Book) -> None:
    book.case(
        "ARK of an unknown line",
        "snp.chain.product",
        clause=CHAIN,
        ark=_change(subject=name("ARK-Venice"), issuer=name("ARK-Venice")),
        issuer=_change(issuer=name("ARK-Venice")),
        crl=_change(issuer=name("ARK-Venice")),
    )
    two = der(0x30, name("ARK-Genoa")[2:], name("ARK-Genoa")[2:])
    book.case(
        "ARK with two common names",
        "snp.chain.product",
        clause=CHAIN,
        ark=_change(subject=two, issuer=two),
        issuer=_change(issuer=two),
        crl=_change(issuer=two),
    )
    for title, subject in (
        ("issuer of another line", "SEV-Milan"),
        ("issuer of VLEKs over a VCEK", "SEV-VLEK-Genoa"),
    ):
        book.case(
            title,
            "snp.chain.issuer",
            clause=CHAIN,
            issuer=_change(subject=name(subject)),
            leaf=_change(issuer=name(subject)),
        )
    book.case(
        "issuer of VCEKs over a VLEK",
        "snp.chain.issuer",
        clause=CHAIN,
        signer="vlek",
        issuer=_change(subject=name("SEV-Genoa")),
        leaf=_change(issuer=name("SEV-Genoa")),
    )
    title = "VLEK by name as a VCEK"
    leaf = _change(subject=name("SEV-VLEK"))
    book.case(title, "snp.chain.leaf", clause=CHAIN, leaf=leaf)
    title = "VCEK by name as a VLEK"
    leaf = _change(subject=name("SEV-VCEK"))
    book.case(title, "snp.chain.leaf", clause=CHAIN, signer="vlek", leaf=leaf)


def _root(spec: Spec, title: str) -> TrustedRoot:
    return TrustedRoot(kind=SNP, name=title, certificate=spec.build())


def _roots(book: Book) -> None:
    milan = _root(ark_spec(LINES["Milan"]), "test ARK Milan")
    false = replace(ark_spec(LINES["Genoa"]), spki=rsa("stranger").spki, signer="stranger")
    namesake = _root(false, "namesake")
    book.case("policy without roots", "policy.no_trust", clause=CHAIN, policy={"roots": ()})
    title = "policy with the root of another line"
    book.case(title, "x509.root", clause=CHAIN, policy={"roots": (milan,)})
    title = "policy with a namesake of the root"
    book.case(title, "x509.signature", clause=CHAIN, policy={"roots": (namesake,)})
    book.case("policy with root and namesake", clause=CHAIN, extra_roots=(namesake,))
    genoa = _root(ark_spec(LINES["Genoa"]), "test ARK Genoa")
    both = {"roots": (genoa, namesake)}
    book.case("policy with root before its namesake", clause=CHAIN, policy=both)
    other = TrustedRoot(kind=NITRO, name="no certificate", certificate=b"none")
    title = "policy with another kind's root that is no certificate"
    book.case(title, clause=CHAIN, extra_roots=(other,))
    other = TrustedRoot(kind=NITRO, name="ARK", certificate=genoa.certificate)
    title = "policy with the ARK for another kind"
    book.case(title, "policy.no_trust", clause=CHAIN, policy={"roots": (other,)})
    title = "policy that excludes the product line"
    book.case(
        title,
        "attestation.revoked_product",
        clause=CHAIN,
        product="Milan",
        version=2,
        policy={"revoked_products": frozenset({"amd-sev-snp/Milan"})},
    )
    title = "policy that excludes another line"
    excluded = {"revoked_products": frozenset({"amd-sev-snp/Milan"})}
    book.case(title, clause=CHAIN, policy=excluded)
