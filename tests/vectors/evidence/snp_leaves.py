"""The leaf's extensions, and what the report says of the same."""

from dataclasses import replace

from tests.vectors.evidence.snp_book import Book
from tests.vectors.evidence.snp_forge import AMD, CHIP, LINES, der, integer

LEAF = "6 leaf"
_EXTENSION = "snp.leaf.extension"


def _ia5(text: bytes) -> bytes:
    return der(0x16, text)


def write(book: Book) -> None:
    _form(book)
    _product(book)
    _kind(book)
    _levels(book)
    _chip(book)
    _cpuid(book)


def _having(oid: str, value: bytes) -> object:
    return lambda spec: spec.having(AMD + oid, value)


def _without(oid: str) -> object:
    return lambda spec: spec.without(AMD + oid)


def _form(book: Book) -> None:
    for oid in ("01", "02", "0301", "0302", "0303", "0304", "0305", "0306", "0307", "0308"):
        book.case(f"leaf without .{oid}", _EXTENSION, clause=LEAF, leaf=_without(oid))
    nothing = {"leaf": lambda spec: replace(spec, extensions=())}
    book.case("leaf without extensions", _EXTENSION, clause=LEAF, **nothing)
    title = "Turin without FMC"
    book.case(title, _EXTENSION, clause=LEAF, product="Turin", leaf=_without("0309"))
    fmc = _having("0309", integer(0))
    book.case("Genoa with FMC", _EXTENSION, clause=LEAF, leaf=fmc)
    title = "Turin with SPL 4"
    leaf = _having("0304", integer(0))
    book.case(title, _EXTENSION, clause=LEAF, product="Turin", leaf=leaf)
    for title, value in (
        ("above 255", integer(256)),
        ("negative", integer(-1)),
        ("least negative", der(0x02, b"\x80")),
        ("padded", der(0x02, b"\0\x0a")),
        ("empty", der(0x02)),
        ("as text", _ia5(b"\x0a")),
        ("with bytes after it", integer(10) + b"\0"),
    ):
        leaf = _having("0301", value)
        book.case(f"level {title}", _EXTENSION, clause=LEAF, leaf=leaf)
    for title, value in (("as UTF-8", der(0x0C, b"Genoa-B1")), ("beyond ASCII", _ia5(b"\xff"))):
        leaf = _having("02", value)
        book.case(f"product name {title}", _EXTENSION, clause=LEAF, leaf=leaf)
    for title, value in (
        ("a byte short", CHIP[:63]),
        ("a byte long", CHIP + b"\0"),
        ("in an octet string with a byte after it", der(0x04, CHIP) + b"\0"),
        ("in a wrong wrapping", der(0x05, CHIP)),
    ):
        book.case(f"chip {title}", _EXTENSION, clause=LEAF, leaf=_having("04", value))
    book.case("chip in an octet string", clause=LEAF, leaf=_having("04", der(0x04, CHIP)))
    title = "Turin's chip with 64 bytes"
    leaf = _having("04", CHIP[:8] + bytes(56))
    book.case(title, _EXTENSION, clause=LEAF, product="Turin", leaf=leaf)


def _product(book: Book) -> None:
    code = "snp.leaf.struct_version"
    for version in (1, 2):
        leaf = _having("01", integer(version))
        book.case(f"Genoa in structure {version}", code, clause=LEAF, leaf=leaf)
    leaf = _having("01", integer(0))
    book.case("Turin in structure 0", code, clause=LEAF, product="Turin", leaf=leaf)
    for text in (b"Milan-B0", b"Turin-B0", b"Venice-A0", b"genoa-B1", b"GenoaX", b""):
        leaf = _having("02", _ia5(text))
        title = f"product name {text.decode()!r}"
        book.case(title, "snp.leaf.product", clause=LEAF, leaf=leaf)
    for text in (b"Bergamo-A1", b"Siena-B1", b"Genoa"):
        leaf = _having("02", _ia5(text))
        book.case(f"product name {text.decode()!r}", clause=LEAF, leaf=leaf)


def _kind(book: Book) -> None:
    code = "snp.leaf.kind"
    book.case("VCEK without chip", code, clause=LEAF, leaf=_without("04"))
    book.case("VCEK with provider", code, clause=LEAF, leaf=_having("05", _ia5(b"cloud.test")))
    book.case("VLEK without provider", code, clause=LEAF, signer="vlek", leaf=_without("05"))
    book.case("VLEK with chip", code, clause=LEAF, signer="vlek", leaf=_having("04", CHIP))
    title = "VLEK of nobody"
    book.case(title, code, clause=LEAF, signer="vlek", leaf=_having("05", _ia5(b"")))


def _levels(book: Book) -> None:
    """Every level of the report one above, every level of the leaf one below."""
    code = "snp.leaf.tcb"
    for product in LINES:
        line = LINES[product]
        turin = product == "Turin"
        places = (0, 1, 2, 3, 7) if turin else (0, 1, 6, 7)
        for place in places:
            tcb = bytearray(line.tcb)
            tcb[place] += 1
            body = {offset: bytes(tcb) for offset in (0x38, 0x180, 0x1E0, 0x1F0)}
            title = f"{product} reports byte {place} above its certificate"
            book.case(title, code, clause=LEAF, product=product, body=body)
    tcb = LINES["Genoa"].tcb[:7] + b"\xff"
    body = dict.fromkeys((56, 384, 480, 496), tcb)
    leaf = _having("0308", integer(255))
    book.case("microcode at 255", clause=LEAF, body=body, leaf=leaf)
    for place in (4, 7):
        leaf = _having(f"03{place:02x}", integer(1))
        title = f"reserved level {place}"
        book.case(title, "snp.leaf.reserved", clause=LEAF, leaf=leaf)
    leaf = _having("0305", integer(1))
    title = "Turin's reserved level 5"
    book.case(title, "snp.leaf.reserved", clause=LEAF, product="Turin", leaf=leaf)


def _chip(book: Book) -> None:
    code = "snp.leaf.chip_id"
    for title, place in (("first", 0), ("last", 63)):
        changed = bytearray(CHIP)
        changed[place] ^= 1
        body = {0x1A0: bytes(changed)}
        book.case(f"another chip by its {title} byte", code, clause=LEAF, body=body)
    title = "Turin's chip with a ninth byte"
    book.case(title, code, clause=LEAF, product="Turin", version=5, body={0x1A8: b"\x01"})
    book.case("hidden chip under a VCEK", clause=LEAF, body={0x1A0: bytes(64)})
    body = {0x1A0: bytes(64)}
    book.case("hidden chip under a VLEK", clause=LEAF, signer="vlek", body=body)


def _cpuid(book: Book) -> None:
    code = "snp.leaf.cpuid"
    for title, cpuid in (
        ("of Milan", LINES["Milan"].cpuid),
        ("of Turin", LINES["Turin"].cpuid),
        ("of no line", bytes((0x17, 0x31, 0))),
        ("just above Genoa", bytes((0x19, 0x20, 0))),
        ("just below Genoa", bytes((0x19, 0x0F, 0))),
        ("just above Bergamo", bytes((0x19, 0xB0, 0))),
        ("just below Bergamo", bytes((0x19, 0x9F, 0))),
        ("of zeros", bytes(3)),
    ):
        book.case(f"CPUID {title}", code, clause=LEAF, body={0x188: cpuid})
    title = "CPUID just above Turin"
    body = {0x188: bytes((0x1A, 0x12, 0))}
    book.case(title, code, clause=LEAF, product="Turin", version=5, body=body)
