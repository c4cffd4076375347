"""Steps 8 to 10 of a receipt's check: the request, what went upstream, the answer."""

from collections.abc import Mapping

from opengradient.core.bundle import REQUEST, RESPONSE, UPSTREAM, ReceiptBundle
from opengradient.core.commitments import Disclosed, Section
from opengradient.core.digests import ZERO32, equal
from opengradient.core.evidence import VerifiedEvidence
from opengradient.core.merkle import chunk_root
from opengradient.core.modes import ReceiptKind
from opengradient.core.receipts import Receipt
from opengradient.errors import VerificationError
from opengradient.verify._claims import Notebook
from opengradient.verify._sections import WITHHELD, compare, shown, value_of
from opengradient.verify.expectation import Expectation


def check_request(bundle: ReceiptBundle, expect: Expectation, notes: Notebook) -> None:
    """Step 8: the nonce and the exact bytes."""
    receipt = bundle.signed.receipt
    if expect.nonce is not None and not equal(receipt.client_nonce, expect.nonce):
        raise VerificationError(
            "the receipt answers another request: its nonce is not ours",
            code="receipt.nonce",
            expected=expect.nonce.hex(),
            actual=receipt.client_nonce.hex(),
        )
    if expect.nonce is not None:
        notes.proven("nonce", "signed receipt", "answers this very request")
    elif receipt.client_nonce == ZERO32:
        notes.absent("nonce", "the client sent none: the answer could be a replay")
    else:
        notes.asserted("nonce", "the receipt", receipt.client_nonce.hex())
    section = shown(bundle, REQUEST, receipt.request_commitment, "receipt.request")
    if section is None:
        notes.absent("request", WITHHELD)
        return
    if expect.request is not None:
        compare(section, expect.request, what="request", code="receipt.request")
    body = value_of(section, "body")
    if body is None:
        notes.absent("request", WITHHELD)
    else:
        notes.proven("request", "signed commitment", f"exact bytes, {len(body)} of them")


def check_upstream(bundle: ReceiptBundle, verified: VerifiedEvidence, notes: Notebook) -> None:
    """Step 9: what the node sent to the provider."""
    commitment = bundle.signed.receipt.upstream_commitment
    section = shown(bundle, UPSTREAM, commitment, "receipt.upstream")
    if section is None:
        notes.absent("upstream", WITHHELD)
    elif not section:
        notes.absent("upstream", "nothing was sent to a provider")
    else:
        body = value_of(section, "body")
        size = f"{len(body)} bytes to " if isinstance(body, bytes) else ""
        detail = f"{size}{value_of(section, 'url') or 'a withheld address'}"
        if verified.simulated:
            notes.asserted("upstream", "the node; no hardware stands behind it", detail)
        else:
            notes.proven("upstream", "attested code says so in the signed receipt", detail)


def check_response(bundle: ReceiptBundle, expect: Expectation, notes: Notebook) -> None:
    """Step 10: part by part, status, stream chunks, usage."""
    receipt = bundle.signed.receipt
    kind = ReceiptKind(receipt.kind)
    if expect.kinds is not None and kind not in expect.kinds:
        raise VerificationError(
            f"the receipt is about {kind.name}",
            code="receipt.kind",
            expected=sorted(item.name for item in expect.kinds),
            actual=kind.name,
        )
    if expect.status is not None and receipt.status != expect.status:
        raise VerificationError(
            "the answer came with another status than was signed",
            code="receipt.response",
            expected=receipt.status,
            actual=expect.status,
        )
    section = shown(bundle, RESPONSE, receipt.response_commitment, "receipt.response")
    if section is None:
        notes.absent("response", WITHHELD)
    else:
        if expect.response is not None:
            compare(section, expect.response, what="response", code="receipt.response")
        withheld = sum(not isinstance(field, Disclosed) for field in section.values())
        parts = f"{kind.name.lower()}, {len(section) - withheld} parts"
        notes.proven(
            "response", "signed commitment", parts + (f", {withheld} withheld" if withheld else "")
        )
        _check_shown_usage(receipt, section)
    _check_stream(bundle, expect, notes)
    _check_usage(receipt, expect, notes)


def _check_stream(bundle: ReceiptBundle, expect: Expectation, notes: Notebook) -> None:
    receipt = bundle.signed.receipt
    if receipt.stream_chunks == 0 and receipt.stream_root == ZERO32:
        if bundle.stream is not None and bundle.stream.chunk_digests:
            raise VerificationError("chunks are shown of no stream", code="receipt.stream")
        if expect.chunk_digests:
            raise VerificationError(
                "chunks arrived that were not signed",
                code="receipt.stream",
                expected=0,
                actual=len(expect.chunk_digests),
            )
        return
    if bundle.stream is None:
        if expect.chunk_digests is not None:
            raise VerificationError("the stream's salts are missing", code="receipt.stream")
        notes.absent("stream", WITHHELD)
        return
    digests = bundle.stream.chunk_digests
    if expect.chunk_digests is not None and digests != expect.chunk_digests:
        raise VerificationError("the chunks shown are not those that came", code="receipt.stream")
    root = chunk_root(bundle.stream.salt_seed, digests)
    if len(digests) != receipt.stream_chunks or root != receipt.stream_root:
        raise VerificationError(
            "the chunks are not those that were signed",
            code="receipt.stream",
            expected=f"{receipt.stream_chunks} chunks, root {receipt.stream_root.hex()}",
            actual=f"{len(digests)} chunks, root {root.hex()}",
        )
    notes.proven("stream", "signed Merkle root", f"{len(digests)} chunks, none missing or added")


def _check_shown_usage(receipt: Receipt, section: Section) -> None:
    usage = value_of(section, "usage")
    if usage is None:
        return
    words = (receipt.input_tokens, receipt.output_tokens, receipt.cached_input_tokens)
    names = ("input_tokens", "output_tokens", "cached_input_tokens")
    if not isinstance(usage, Mapping) or tuple(usage.get(name) for name in names) != words:
        raise VerificationError(
            "the usage in the response is not the usage that was signed",
            code="receipt.usage",
            expected=words,
            actual=usage,
        )


def _check_usage(receipt: Receipt, expect: Expectation, notes: Notebook) -> None:
    words = (receipt.input_tokens, receipt.output_tokens, receipt.cached_input_tokens)
    if expect.usage is not None and expect.usage != words:
        raise VerificationError(
            "the usage shown is not the usage that was signed",
            code="receipt.usage",
            expected=words,
            actual=expect.usage,
        )
    if words == (0, 0, 0):
        notes.absent("usage", "the provider counted nothing")
    else:
        notes.asserted("usage", "the provider", f"{words[0]} in, {words[1]} out")
