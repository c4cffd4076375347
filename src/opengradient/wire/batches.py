"""The data of a batch as bytes: RFC 8785 JSON, so that an id names one batch only (clause 7.5)."""

from collections.abc import Sequence
from typing import Final

from opengradient.core.batches import MAX_BATCH, BatchData
from opengradient.core.canonical import MAX_SAFE_INTEGER, compact_json, parse_json_object
from opengradient.core.receipts import FIELDS, RECEIPT_VERSION, SignedReceipt
from opengradient.errors import MalformedError, UnsupportedError
from opengradient.wire.fields import members
from opengradient.wire.receipts import MAX_FILE_BYTES, decode_bundle, decode_signed, encode_bundle

BATCH_VERSION: Final = "opengradient.batch/1"
MAX_BATCH_BYTES: Final = MAX_FILE_BYTES + MAX_BATCH * 4096

_RECEIPT_FIELDS: Final = tuple(sorted(FIELDS, key=lambda field: field.wire))


def canonical_signed(signed: SignedReceipt) -> bytes:
    """RFC 8785 JSON of `wire.receipts.encode_signed`, four times as fast as the general way.

    Every name and value is ASCII and every number an integer, so sorting the names of a fixed
    struct is all that RFC 8785 asks for; a test compares the two ways.

    Raises:
        MalformedError: A number is larger than JSON carries exactly.
    """
    words: dict[str, str | int] = {}
    for field in _RECEIPT_FIELDS:
        value = getattr(signed.receipt, field.name)
        if field.size is None:
            words[field.wire] = "0x" + value.hex()
        elif field.size > 8:
            words[field.wire] = str(value)
        else:
            words[field.wire] = _exact(value, field.wire)
    domain = signed.domain
    return compact_json(
        {
            "domain": {
                "chainId": _exact(domain.chain_id, "chainId"),
                "settlementContract": "0x" + domain.settlement_contract.hex(),
            },
            "receipt": words,
            "signature": "0x" + signed.signature.encode().hex(),
            "version": RECEIPT_VERSION,
        }
    )


def _exact(value: int, what: str) -> int:
    if value > MAX_SAFE_INTEGER:
        raise MalformedError(f"{what} is larger than JSON carries exactly", step="canonical json")
    return value


def join_batch(receipts: Sequence[bytes], bundle: bytes | None = None) -> bytes:
    """Put the canonical bytes of receipts, ascending by digest, together to a batch.

    Args:
        receipts: `canonical_signed` of each.
        bundle: `wire.receipts.encode_bundle` of an INDIVIDUAL_FULL receipt.
    """
    head = b"{" if bundle is None else b'{"bundle":' + bundle + b","
    version = compact_json(BATCH_VERSION)
    return head + b'"receipts":[' + b",".join(receipts) + b'],"version":' + version + b"}"


def encode_batch(batch: BatchData) -> bytes:
    """The one encoding of a batch."""
    return join_batch(
        [canonical_signed(signed) for signed in batch.receipts],
        None if batch.bundle is None else encode_bundle(batch.bundle),
    )


def decode_batch(data: bytes) -> BatchData:
    """Read the data of a batch; nothing of it is verified yet.

    Raises:
        MalformedError: Not a batch, or not in its one encoding.
        UnsupportedError: Of a version that this release does not know.
    """
    value = parse_json_object(data, what="the batch", max_bytes=MAX_BATCH_BYTES)
    members(value, "batch", ("receipts", "version"), ("bundle",))
    if value["version"] != BATCH_VERSION:
        raise UnsupportedError(f"batch version {value['version']!r} is not known")
    if not isinstance(value["receipts"], list) or len(value["receipts"]) > MAX_BATCH:
        raise MalformedError(f"batch.receipts must be a list of at most {MAX_BATCH}")
    batch = BatchData(
        receipts=tuple(decode_signed(item) for item in value["receipts"]),
        bundle=decode_bundle(value["bundle"]) if "bundle" in value else None,
    )
    if encode_batch(batch) != data:
        raise MalformedError("the batch is not in its one encoding (RFC 8785)", step="batch")
    return batch
