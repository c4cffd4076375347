"""X.509 certificates and revocation lists in DER, read without a general parser.

Genuine AMD certificates have serial number 0 and write a default value out, which RFC 5280 and DER
forbid and general parsers refuse or warn of. So the signed bytes are read here, strictly in
everything else; keys alone are left to the library. Names are only compared, as bytes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, final

from opengradient.verify._der import element, malformed, outline

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OID = 0x01, 0x02, 0x03, 0x04, 0x06
SEQUENCE, SET, UTC_TIME, GENERALIZED_TIME = 0x30, 0x31, 0x17, 0x18
_VERSION, _CRL_EXTENSIONS, _EXTENSIONS = 0xA0, 0xA0, 0xA3
_VERSION_3: Final = b"\x02\x01\x02"
_VERSION_2: Final = b"\x02\x01\x01"

BASIC_CONSTRAINTS: Final = bytes.fromhex("551d13")
KEY_USAGE: Final = bytes.fromhex("551d0f")
SUBJECT_KEY_ID: Final = bytes.fromhex("551d0e")
AUTHORITY_KEY_ID: Final = bytes.fromhex("551d23")
COMMON_NAME: Final = bytes.fromhex("550403")


@final
@dataclass(frozen=True, slots=True)
class Extension:
    """One extension.

    Attributes:
        critical: Whether who does not know it must refuse.
        value: Content of its OCTET STRING.
    """

    critical: bool
    value: bytes


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What certificates and revocation lists have in common.

    Attributes:
        tbs: The signed bytes.
        inner_algorithm: The AlgorithmIdentifier inside, whole.
        outer_algorithm: The AlgorithmIdentifier beside the signature, whole.
        issuer: The issuer's name, whole.
        signature: The signature.
        from_ms: NotBefore or thisUpdate, Unix milliseconds.
        until_ms: NotAfter or nextUpdate, both included, Unix milliseconds; None where a list
            does not say when the next comes.
        extensions: Content of the identifier to the extension.
    """

    tbs: bytes
    inner_algorithm: bytes
    outer_algorithm: bytes
    issuer: bytes
    signature: bytes
    from_ms: int
    until_ms: int | None
    extensions: Mapping[bytes, Extension]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFields:
    """A certificate of version 3.

    Attributes:
        signed: What it has in common with lists.
        serial: The serial number.
        serial_bytes: Its length as encoded, without a zero byte that keeps it positive.
        subject: The subject's name, whole.
        spki: SubjectPublicKeyInfo, whole.
        until_ms: NotAfter, included, Unix milliseconds.
    """

    signed: Signed
    serial: int
    serial_bytes: int
    subject: bytes
    spki: bytes
    until_ms: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationList:
    """A certificate revocation list of version 2.

    Attributes:
        signed: What it has in common with certificates.
        serials: Serial numbers that it revokes.
    """

    signed: Signed
    serials: frozenset[int]


def read_certificate(der: bytes) -> CertificateFields:
    """Read one certificate.

    Raises:
        CertificateChainError: With code ``x509.malformed``.
    """
    shape = outline(der)
    start, end = element(der, 0, len(der), SEQUENCE)
    tbs_start, tbs_end = element(der, start, end, SEQUENCE)
    version_start, at = element(der, tbs_start, tbs_end, _VERSION)
    if der[version_start:at] != _VERSION_3:
        raise malformed("not of version 3")
    _, at = element(der, at, tbs_end, INTEGER)
    for _ in ("algorithm", "issuer"):
        _, at = element(der, at, tbs_end, SEQUENCE)
    validity_start, at = element(der, at, tbs_end, SEQUENCE)
    from_ms, middle = _time(der, validity_start, at)
    until_ms, validity_end = _time(der, middle, at)
    if validity_end != at:
        raise malformed("more than two times of validity")
    _, spki_start = element(der, at, tbs_end, SEQUENCE)
    _, spki_end = element(der, spki_start, tbs_end, SEQUENCE)
    signed = Signed(
        tbs=der[start:tbs_end],
        inner_algorithm=shape.inner_algorithm,
        outer_algorithm=shape.outer_algorithm,
        issuer=shape.issuer,
        signature=_signature(der, tbs_end, end),
        from_ms=from_ms,
        until_ms=until_ms,
        extensions=_extensions(der, spki_end, tbs_end, _EXTENSIONS),
    )
    return CertificateFields(
        signed=signed,
        serial=int.from_bytes(shape.serial, signed=True),
        serial_bytes=len(shape.serial.removeprefix(b"\0")),
        subject=shape.subject,
        spki=der[spki_start:spki_end],
        until_ms=until_ms,
    )


def read_revocation_list(der: bytes) -> RevocationList:
    """Read one revocation list (RFC 5280 section 5.1).

    Raises:
        CertificateChainError: With code ``x509.malformed``.
    """
    start, end = element(der, 0, len(der), SEQUENCE)
    if end != len(der):
        raise malformed("bytes after its end")
    tbs_start, tbs_end = element(der, start, end, SEQUENCE)
    _, outer_end = element(der, tbs_end, end, SEQUENCE)
    _, at = element(der, tbs_start, tbs_end, INTEGER)
    if der[tbs_start:at] != _VERSION_2:
        raise malformed("a list that is not of version 2")
    _, inner_end = element(der, at, tbs_end, SEQUENCE)
    _, issuer_end = element(der, inner_end, tbs_end, SEQUENCE)
    from_ms, after = _time(der, issuer_end, tbs_end)
    until_ms: int | None = None
    if after < tbs_end and der[after] in (UTC_TIME, GENERALIZED_TIME):
        until_ms, after = _time(der, after, tbs_end)
    serials, after = _revoked(der, after, tbs_end)
    return RevocationList(
        signed=Signed(
            tbs=der[start:tbs_end],
            inner_algorithm=der[at:inner_end],
            outer_algorithm=der[tbs_end:outer_end],
            issuer=der[inner_end:issuer_end],
            signature=_signature(der, tbs_end, end),
            from_ms=from_ms,
            until_ms=until_ms,
            extensions=_extensions(der, after, tbs_end, _CRL_EXTENSIONS),
        ),
        serials=serials,
    )


def items(data: bytes, tag: int) -> Iterator[bytes]:
    """The contents of elements of one tag that fill the data, one after the other.

    Raises:
        CertificateChainError: With code ``x509.malformed``.
    """
    offset = 0
    while offset < len(data):
        start, offset = element(data, offset, len(data), tag)
        yield data[start:offset]


def only(data: bytes, tag: int) -> bytes:
    """The content of the one element of this tag that the data is.

    Raises:
        CertificateChainError: With code ``x509.malformed``.
    """
    start, end = element(data, 0, len(data), tag)
    if end != len(data):
        raise malformed("bytes after an element")
    return data[start:end]


def unsigned(data: bytes) -> int:
    """The number that the data, one INTEGER, is.

    Raises:
        CertificateChainError: With code ``x509.malformed`` also for negative or padded numbers.
    """
    content = only(data, INTEGER)
    padded = len(content) > 1 and content[0] == 0 and content[1] < 0x80
    if not content or content[0] >= 0x80 or padded:
        raise malformed("a number that is negative or written longer than needed")
    return int.from_bytes(content)


def common_names(name: bytes) -> tuple[str, ...]:
    """Every common name in a name, in order; printable ASCII only.

    Raises:
        CertificateChainError: With code ``x509.malformed``.
    """
    found = []
    for part in items(only(name, SEQUENCE), SET):
        for pair in items(part, SEQUENCE):
            start, end = element(pair, 0, len(pair), OID)
            if pair[start:end] == COMMON_NAME:
                tag = pair[end] if end < len(pair) else 0
                text = only(pair[end:], tag)
                if not all(0x20 <= byte < 0x7F for byte in text):
                    raise malformed("a common name that is not printable")
                found.append(text.decode("ascii"))
    return tuple(found)


def _revoked(der: bytes, offset: int, limit: int) -> tuple[frozenset[int], int]:
    """The serial numbers of revokedCertificates, if the list has any, and where it ends."""
    if offset >= limit or der[offset] != SEQUENCE:
        return frozenset(), offset
    start, end = element(der, offset, limit, SEQUENCE)
    serials = set()
    for entry in items(der[start:end], SEQUENCE):
        first, last = element(entry, 0, len(entry), INTEGER)
        serials.add(int.from_bytes(entry[first:last], signed=True))
        _time(entry, last, len(entry))
    return frozenset(serials), end


def _extensions(der: bytes, offset: int, limit: int, tag: int) -> Mapping[bytes, Extension]:
    if offset == limit:
        return MappingProxyType({})
    start, end = element(der, offset, limit, tag)
    if end != limit:
        raise malformed("fields after its extensions")
    found: dict[bytes, Extension] = {}
    for entry in items(only(der[start:end], SEQUENCE), SEQUENCE):
        oid_start, at = element(entry, 0, len(entry), OID)
        oid = entry[oid_start:at]
        critical = at < len(entry) and entry[at] == BOOLEAN
        if critical:
            flag_start, at = element(entry, at, len(entry), BOOLEAN)
            if entry[flag_start:at] != b"\xff":  # false is the default, and so left out
                raise malformed("an extension's flag that is not true")
        if oid in found:
            raise malformed("an extension twice")
        found[oid] = Extension(critical=critical, value=only(entry[at:], OCTET_STRING))
    return MappingProxyType(found)


def _signature(der: bytes, tbs_end: int, end: int) -> bytes:
    _, outer_end = element(der, tbs_end, end, SEQUENCE)
    start, last = element(der, outer_end, end, BIT_STRING)
    if last != end or der[start : start + 1] != b"\0":
        raise malformed("a signature that is not whole bytes, or fields after it")
    return der[start + 1 : last]


def _time(der: bytes, offset: int, limit: int) -> tuple[int, int]:
    """The time at ``offset`` in Unix milliseconds, and where it ends (RFC 5280 4.1.2.5)."""
    short = offset < limit and der[offset] == UTC_TIME
    start, end = element(der, offset, limit, UTC_TIME if short else GENERALIZED_TIME)
    text = der[start:end]
    if len(text) != (13 if short else 15) or text[-1:] != b"Z" or not text[:-1].isdigit():
        raise malformed("a time that is not written to the second in UTC")
    digits = text[:-1].decode("ascii")
    if short:
        digits = ("19" if int(digits[:2]) >= 50 else "20") + digits
    try:
        moment = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise malformed("a time that does not exist") from error
    return int(moment.timestamp()) * 1000, end
