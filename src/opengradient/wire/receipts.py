"""Receipts as JSON: attached to an answer, and as a self-contained file. Strict both ways."""

import re
from collections.abc import Mapping
from typing import Any, Final

from opengradient.core.bundle import (
    FIELD_NAMES,
    SECTIONS,
    AttachedReceipt,
    ReceiptBundle,
    StreamDisclosure,
)
from opengradient.core.canonical import JsonObject, canonical_json, parse_json_object
from opengradient.core.commitments import Disclosed, FieldValue, Section, Withheld
from opengradient.core.keys import Signature
from opengradient.core.receipts import (
    FIELDS,
    RECEIPT_VERSION,
    Receipt,
    ReceiptDomain,
    SignedReceipt,
)
from opengradient.errors import MalformedError, UnsupportedError
from opengradient.wire.fields import decode_value, encode_value, members, parse_hex, to_hex
from opengradient.wire.settlement import (
    decode_evidence,
    decode_inclusion,
    encode_evidence,
    encode_inclusion,
)

FILE_VERSION: Final = "opengradient.receipt-file/1"
MAX_FILE_BYTES: Final = 64 * 1024 * 1024
_RESPONSE_FIELD: Final = re.compile(
    r"id|created|model|usage|system_fingerprint|error|status|embedding\.\d{1,7}"
    r"|output\.[^\x00-\x1f\x7f]{1,248}"
    r"|choice\.\d{1,3}\.(text|reasoning|refusal|tool_calls|finish_reason|logprobs|annotations"
    r"|image\.\d{1,3})"
)


def encode_receipt(receipt: Receipt) -> JsonObject:
    """The struct as JSON: bytes32 as hex, uint256 as a decimal string, the rest as numbers."""
    encoded: JsonObject = {}
    for field in FIELDS:
        value = getattr(receipt, field.name)
        if field.size is None:
            encoded[field.wire] = "0x" + value.hex()
        else:
            encoded[field.wire] = str(value) if field.size > 8 else value
    return encoded


_RECEIPT_MEMBERS: Final = tuple(field.wire for field in FIELDS)
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,77}")


def decode_receipt(value: Any) -> Receipt:
    """Read the struct from JSON and check every word."""
    members(value, "receipt", _RECEIPT_MEMBERS)
    words: dict[str, Any] = {}
    for field in FIELDS:
        item = value[field.wire]
        if field.size is None:
            words[field.name] = parse_hex(item, f"receipt.{field.wire}", 32)
        elif field.size > 8:
            if not isinstance(item, str) or not _DECIMAL.fullmatch(item):
                raise MalformedError(f"receipt.{field.wire} must be a decimal string")
            words[field.name] = int(item)
        else:
            words[field.name] = item
    receipt = Receipt(**words)
    receipt.check()
    return receipt


def _encode_signed(signed: SignedReceipt) -> JsonObject:
    return {
        "domain": {
            "chainId": signed.domain.chain_id,
            "settlementContract": to_hex(signed.domain.settlement_contract),
        },
        "receipt": encode_receipt(signed.receipt),
        "signature": to_hex(signed.signature.encode()),
    }


def encode_signed(signed: SignedReceipt) -> JsonObject:
    """A signed receipt alone, as nodes hand it to the full node."""
    return {"version": RECEIPT_VERSION, **_encode_signed(signed)}


def decode_signed(value: Any) -> SignedReceipt:
    """Read a signed receipt alone."""
    members(value, "signed receipt", ("version", "domain", "receipt", "signature"))
    _version(value, RECEIPT_VERSION)
    return _decode_signed(value)


def _version(value: JsonObject, known: str) -> None:
    if value["version"] != known:
        raise UnsupportedError(
            f"version {value['version']!r} is not known; this release reads {known!r}",
            code="receipt.version",
        )


def _decode_signed(value: JsonObject) -> SignedReceipt:
    domain = members(value["domain"], "domain", ("chainId", "settlementContract"))
    chain_id = domain["chainId"]
    if type(chain_id) is not int:
        raise MalformedError("domain.chainId must be a whole number")
    return SignedReceipt(
        domain=ReceiptDomain(
            chain_id=chain_id,
            settlement_contract=parse_hex(
                domain["settlementContract"], "domain.settlementContract", 20
            ),
        ),
        receipt=decode_receipt(value["receipt"]),
        signature=Signature.parse(parse_hex(value["signature"], "signature", 65)),
    )


def _encode_values(fields: Mapping[str, FieldValue]) -> JsonObject:
    return {name: encode_value(value) for name, value in fields.items()}


def _check_name(section: str, name: str) -> None:
    known = FIELD_NAMES.get(section)
    ok = name in known if known is not None else _RESPONSE_FIELD.fullmatch(name) is not None
    if not ok:
        raise MalformedError(
            f"section {section!r} has an unknown field {name!r}",
            code="format.unknown_field",
            actual=name,
        )


def _decode_values(value: Any, section: str) -> dict[str, FieldValue]:
    if not isinstance(value, dict):
        raise MalformedError(f"section {section!r} must be an object")
    fields: dict[str, FieldValue] = {}
    for name, item in value.items():
        _check_name(section, name)
        what = f"{section}.{name}"
        members(item, what, (), ("utf8", "base64", "text", "json"))
        fields[name] = decode_value(item, what)
    return fields


def encode_attached(attached: AttachedReceipt) -> JsonObject:
    """The member that a node adds to its answer."""
    return {
        "version": RECEIPT_VERSION,
        **_encode_signed(attached.signed),
        "seed": to_hex(attached.seed),
        "upstream": _encode_values(attached.upstream),
        "model": _encode_values(attached.model),
        "payment": _encode_values(attached.payment),
    }


def decode_attached(value: Any) -> AttachedReceipt:
    """Read the member that a node added to its answer.

    Raises:
        MalformedError: Not of this form.
        UnsupportedError: Of a version that this release does not know.
    """
    members(
        value,
        "attached receipt",
        ("version", "domain", "receipt", "signature", "seed", "upstream", "model", "payment"),
    )
    _version(value, RECEIPT_VERSION)
    return AttachedReceipt(
        signed=_decode_signed(value),
        seed=parse_hex(value["seed"], "seed", 32),
        upstream=_decode_values(value["upstream"], "upstream"),
        model=_decode_values(value["model"], "model"),
        payment=_decode_values(value["payment"], "payment"),
    )


def _encode_section(section: Section) -> JsonObject:
    return {
        name: {"commitment": to_hex(field.commitment)}
        if isinstance(field, Withheld)
        else {"salt": to_hex(field.salt), **encode_value(field.value)}
        for name, field in section.items()
    }


def _decode_section(value: Any, section: str) -> Section:
    if not isinstance(value, dict):
        raise MalformedError(f"section {section!r} must be an object")
    fields: dict[str, Disclosed | Withheld] = {}
    for name, item in value.items():
        _check_name(section, name)
        what = f"{section}.{name}"
        if isinstance(item, dict) and "commitment" in item:
            members(item, what, ("commitment",))
            fields[name] = Withheld(parse_hex(item["commitment"], what, 32))
        else:
            members(item, what, ("salt",), ("utf8", "base64", "text", "json"))
            salt = parse_hex(item["salt"], f"{what}.salt", 32)
            fields[name] = Disclosed(salt, decode_value(item, what))
    return fields


def encode_bundle(bundle: ReceiptBundle) -> bytes:
    """Write a receipt file: RFC 8785 JSON."""
    body: JsonObject = {
        "version": FILE_VERSION,
        **_encode_signed(bundle.signed),
        "sections": {name: _encode_section(fields) for name, fields in bundle.sections.items()},
    }
    if bundle.stream is not None:
        body["stream"] = {
            "saltSeed": to_hex(bundle.stream.salt_seed),
            "chunkDigests": [to_hex(digest) for digest in bundle.stream.chunk_digests],
        }
    if bundle.evidence is not None:
        body["evidence"] = encode_evidence(bundle.evidence)
    if bundle.inclusion is not None:
        body["inclusion"] = encode_inclusion(bundle.inclusion)
    return canonical_json(body)


def decode_bundle(data: bytes | JsonObject) -> ReceiptBundle:
    """Read a receipt file. Nothing of it is verified yet.

    Raises:
        MalformedError: Not a receipt file, or with a field that this release does not know.
        UnsupportedError: Of a version that this release does not know.
    """
    value = data
    if isinstance(value, bytes):
        value = parse_json_object(value, what="the receipt file", max_bytes=MAX_FILE_BYTES)
    members(
        value,
        "receipt file",
        ("version", "domain", "receipt", "signature", "sections"),
        ("stream", "evidence", "inclusion"),
    )
    _version(value, FILE_VERSION)
    sections = value["sections"]
    members(sections, "sections", (), SECTIONS)
    return ReceiptBundle(
        signed=_decode_signed(value),
        sections={name: _decode_section(fields, name) for name, fields in sections.items()},
        stream=_decode_stream(value["stream"]) if "stream" in value else None,
        evidence=decode_evidence(value["evidence"]) if "evidence" in value else None,
        inclusion=decode_inclusion(value["inclusion"]) if "inclusion" in value else None,
    )


def _decode_stream(value: Any) -> StreamDisclosure:
    members(value, "stream", ("saltSeed", "chunkDigests"))
    if not isinstance(value["chunkDigests"], list):
        raise MalformedError("stream.chunkDigests must be a list")
    return StreamDisclosure(
        salt_seed=parse_hex(value["saltSeed"], "stream.saltSeed", 32),
        chunk_digests=tuple(
            parse_hex(digest, "stream.chunkDigests", 32) for digest in value["chunkDigests"]
        ),
    )
