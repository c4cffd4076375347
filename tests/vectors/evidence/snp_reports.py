"""Reports: their form, their signature, what they bind."""

from opengradient.core.keyset import Keyset
from opengradient.core.report_data import report_data
from opengradient.core.snp_report import REPORT_BYTES
from tests.vectors.evidence.snp_book import KEYSET, NONCE, SIGNER, Book
from tests.vectors.evidence.snp_forge import P384_ORDER

FORM, SIGNATURE, BINDING = "1 form of the report", "3 signature", "12 binding"


def u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


def u64(value: int) -> bytes:
    return value.to_bytes(8, "little")


def write(book: Book) -> None:
    _sound(book)
    _form(book)
    _reserved(book)
    _signature(book)
    _binding(book)


def _sound(book: Book) -> None:
    for product, version, signer in (
        ("Genoa", 3, "vcek"),
        ("Genoa", 2, "vcek"),
        ("Genoa", 4, "vcek"),
        ("Genoa", 5, "vcek"),
        ("Milan", 2, "vcek"),
        ("Milan", 3, "vcek"),
        ("Turin", 2, "vcek"),
        ("Turin", 3, "vcek"),
        ("Turin", 5, "vcek"),
        ("Genoa", 3, "vlek"),
        ("Milan", 3, "vlek"),
        ("Turin", 5, "vlek"),
    ):
        name = f"sound {product} v{version} {signer}"
        book.case(name, clause="all", product=product, version=version, signer=signer)
    book.case("vectors in version 4", clause=FORM, version=4, body={0x1F8: u64(5) * 2})
    book.case("Genoa by CPUID a0", clause="6 leaf", body={0x188: bytes((0x19, 0xA0, 2))})
    book.case("no author key", clause=FORM, body={0x48: u32(0), 0x110: bytes(48)})
    book.case("report id of migration agent zero", clause="7 guest", body={0x160: bytes(32)})


def _form(book: Book) -> None:
    size = "snp.report.size"
    book.case("one byte short", size, clause=FORM, document=lambda d: d[:-1])
    book.case("one byte long", size, clause=FORM, document=lambda d: d + b"\0")
    book.case("signed part only", size, clause=FORM, document=lambda d: d[:0x2A0])
    for version in (0, 1, 6, 0x0003_0003):
        book.case(
            f"version {version}", "snp.report.version", clause=FORM, body={0x00: u32(version)}
        )
    for algorithm in (0, 2):
        code = "snp.report.signature_algorithm"
        book.case(f"algorithm {algorithm}", code, clause=FORM, body={0x34: u32(algorithm)})
    for flags, code in (
        (1 << 5, "flags"),
        (1 << 31, "flags"),
        (7 << 2, "unsigned"),
        (2 << 2, "signing_key"),
        (6 << 2, "signing_key"),
        (1 << 1, "masked_key"),
    ):
        body = {0x48: u32(flags | 1)}
        book.case(f"flags {flags:#x}", f"snp.report.{code}", clause=FORM, body=body)
    book.case(
        "author key that the flags deny",
        "snp.report.author_key",
        clause=FORM,
        body={0x48: u32(0)},
    )
    book.case("policy bit 17 zero", "snp.report.policy_one", clause=FORM, body={0x08: u64(1 << 16)})
    for bit in (26, 63):
        body = {0x08: u64(0x3_0000 | 1 << bit)}
        book.case(f"policy bit {bit}", "snp.report.policy_bits", clause=FORM, body=body)
    for vmpl in (4, 0xFFFF_FFFF):
        name = f"privilege level {vmpl:#x}"
        book.case(name, "snp.report.vmpl", clause=FORM, body={0x30: u32(vmpl)})


def _reserved(book: Book) -> None:
    """The first and the last byte of each reserved range."""
    code = "snp.report.reserved"
    for version, offsets in (
        (2, (0x188, 0x189, 0x18A, 0x1F8, 0x207)),
        (3, (0x4C, 0x4F, 0x18B, 0x19F, 0x1EB, 0x1EF, 0x1F8, 0x200, 0x208, 0x29F)),
        (5, (0x208, 0x29F)),
    ):
        for offset in offsets:
            name = f"reserved byte {offset:#x} in v{version}"
            book.case(name, code, clause=FORM, version=version, body={offset: b"\x01"})


def _signature(book: Book) -> None:
    r, s = 0x2A0, 0x2E8
    for label, start in (("r", r), ("s", s)):
        for value, word in ((0, "zero"), (P384_ORDER, "order"), (2**384 - 1, "all ones")):
            after = {start: value.to_bytes(48, "little")}
            book.case(f"{label} {word}", "snp.signature.range", clause=SIGNATURE, after=after)
        for offset in (48, 71):
            name = f"{label} with byte {offset}"
            after = {start + offset: b"\x01"}
            book.case(name, "snp.signature.unused", clause=SIGNATURE, after=after)
        name = f"{label} is one"
        after = {start: (1).to_bytes(48, "little")}
        book.case(name, "snp.signature.mismatch", clause=SIGNATURE, after=after)
    for offset in (0x330, REPORT_BYTES - 1):
        name = f"byte {offset:#x} behind the signature"
        book.case(name, "snp.signature.reserved", clause=SIGNATURE, after={offset: b"\x01"})
    mismatch = "snp.signature.mismatch"
    book.case("signed by a stranger", mismatch, clause=SIGNATURE, report_key="stranger")
    book.case("changed after signing", mismatch, clause=SIGNATURE, after={0x90: b"\0"})
    book.case("signed by another line's key", mismatch, clause=SIGNATURE, report_key="vcek Milan")
    book.case("twin with high s", clause="survivor: ECDSA is malleable", high_s=True)


def _binding(book: Book) -> None:
    code = "attestation.report_data"
    other = Keyset(signing=SIGNER.public_key, tls_spki_sha256=bytes(32))
    bound = KEYSET.digest()
    book.case("another keyset", code, clause=BINDING, runtime=other.encode())
    data = bytes((bound[0] ^ 1,)) + report_data(bound, NONCE)[1:]
    book.case("first byte of report data", code, clause=BINDING, data=data)
    data = report_data(bound[:31] + bytes((bound[31] ^ 1,)), NONCE)
    book.case("last byte of the keyset's half", code, clause=BINDING, data=data)
    book.case("another nonce", "attestation.nonce", clause=BINDING, asked=b"another")
    book.case("standing report, nonce asked", "attestation.nonce", clause=BINDING, nonce=None)
    data = report_data(bound, NONCE)
    data = data[:63] + bytes((data[63] ^ 1,))
    book.case("last byte of the nonce's half", "attestation.nonce", clause=BINDING, data=data)
    book.case("standing report", clause=BINDING, nonce=None, asked=None)
    book.case("nonce answered but not asked", clause=BINDING, asked=None)
    book.case("foreign report", clause=BINDING, runtime=b"", asked=None)
    raw = bytes(range(64))
    book.case("foreign report, 64 bytes asked", clause=BINDING, runtime=b"", data=raw, asked=raw)
    name = "foreign report, other 64 bytes asked"
    code = "attestation.nonce"
    book.case(name, code, clause=BINDING, runtime=b"", data=raw, asked=raw[::-1])
    book.case("keyset that is none", "keyset.malformed", clause=BINDING, runtime=_without_signing())
    revoked = frozenset({"0x" + SIGNER.public_key.node_id.hex()})
    book.case(
        "revoked key",
        "attestation.revoked_key",
        clause=BINDING,
        policy={"revoked_keys": revoked},
    )


def _without_signing() -> bytes:
    return KEYSET.encode().replace(b'"signing"', b'"signing_"')
