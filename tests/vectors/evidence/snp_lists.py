"""The revocation list: there, signed, current, and silent about the chain."""

from dataclasses import replace

from tests.vectors.evidence.snp_book import Book
from tests.vectors.evidence.snp_forge import (
    DAY,
    NOW,
    PKCS1_SHA384,
    PSS_DER,
    PSS_SALT_32,
    PSS_WITHOUT_NULL,
    key_usage,
    name,
)

LIST = "5 revocation list"


def _change(**fields: object) -> object:
    return lambda spec: replace(spec, **fields)


def write(book: Book) -> None:
    book.case("no list", "snp.crl.missing", clause=LIST, without=("crl",))
    relaxed = {"require_crl": False}
    book.case("no list where none is asked", clause=LIST, without=("crl",), settings=relaxed)
    title = "revoked where no list is asked"
    revoking = _change(serials=(0x77, 0x010001))
    book.case(title, "snp.crl.revoked", clause=LIST, settings=relaxed, crl=revoking)
    book.case("issuer revoked", "snp.crl.revoked", clause=LIST, crl=revoking)
    book.case(
        "issuer of VLEKs revoked", "snp.crl.revoked", clause=LIST, signer="vlek", crl=revoking
    )
    leaf = _change(serials=(0x5EED,))
    book.case("VLEK revoked", "snp.crl.revoked_leaf", clause=LIST, signer="vlek", crl=leaf)
    book.case("serial number 0 listed", clause=LIST, crl=_change(serials=(0,)))
    for title, algorithm in (("default trailer", PSS_DER), ("parameters", PSS_WITHOUT_NULL)):
        book.case(f"list without {title}", clause=LIST, crl=_change(algorithm=algorithm))
    bare = _change(serials=(), bare=True)
    book.case("list of two times and nothing else", clause=LIST, crl=bare)
    book.case("empty list", clause=LIST, crl=_change(serials=()))
    for title, change in (
        ("bytes after it", _change(tail=b"\0")),
        ("version 1", _change(version=b"\x02\x01\x00")),
        ("an entry without date", _change(entry_time=b"")),
        ("an entry whose date is none", _change(entry_time=b"\x05\x00")),
        ("fields behind its signature", _change(inside=b"\x05\x00")),
        ("a signature that is not whole bytes", _change(unused_bits=1)),
    ):
        book.case(f"list with {title}", "snp.crl.malformed", clause=LIST, crl=change)
    title = "list that is none"
    book.case(title, "snp.crl.malformed", clause=LIST, beside={"crl": b"\x30\x00"})
    for title, change in (
        ("that says a salt of 32", _change(algorithm=PSS_SALT_32)),
        ("that says PKCS #1", _change(algorithm=PKCS1_SHA384)),
        ("with two algorithms", _change(outer_algorithm=PSS_DER)),
    ):
        book.case(f"list {title}", "snp.crl.algorithm", clause=LIST, crl=change)
    title = "list of another line"
    other = _change(issuer=name("ARK-Milan"), signer="ark_milan")
    book.case(title, "snp.crl.issuer", clause=LIST, crl=other)
    title = "list with a critical extension"
    book.case(title, "snp.crl.critical_extension", clause=LIST, crl=_change(critical=True))
    for title, octet in (("certificates only", 0x04), ("certificates and enciphers", 0x05)):
        book.case(
            f"ARK that signs {title}",
            "snp.crl.key_usage",
            clause=LIST,
            ark=lambda s, octet=octet: s.having("551d0f", key_usage(octet), critical=True),
        )
    for title, signer in (("a stranger", "stranger"), ("the ASK", "ask")):
        book.case(
            f"list signed by {title}", "snp.crl.signature", clause=LIST, crl=_change(signer=signer)
        )
    book.case("list without end", "snp.crl.next_update", clause=LIST, crl=_change(end=None))
    _windows(book)


def _windows(book: Book) -> None:
    for what, field, code, off in (
        ("begins", "start", "snp.crl.not_yet_valid", -1000),
        ("ends", "end", "snp.crl.expired", 1000),
    ):
        change = _change(**{field: NOW})
        book.case(f"list {what} now", clause=LIST, crl=change)
        book.case(f"list {what} a second off", code, clause=LIST, crl=change, now_ms=NOW + off)
    aged = {"max_crl_age_ms": 10 * DAY}
    book.case("list as old as it may be", clause=LIST, settings=aged)
    title = "list a millisecond too old"
    book.case(title, "snp.crl.stale", clause=LIST, settings=aged, now_ms=NOW + 1)
