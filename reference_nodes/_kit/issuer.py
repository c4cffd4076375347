"""The only place that makes receipts: seals, numbers, signs, and stores before it hands out."""

import logging
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, final

from opengradient.core.bundle import (
    MODEL,
    PAYMENT,
    REQUEST,
    RESPONSE,
    UPSTREAM,
    AttachedReceipt,
)
from opengradient.core.commitments import FieldValue, commit_field, commit_section, derive_salt
from opengradient.core.digests import ZERO32
from opengradient.core.merkle import chunk_root, stream_salt_seed
from opengradient.core.messages import Usage
from opengradient.core.modes import ProofKind, ReceiptKind, SettlementMode, VerificationMode
from opengradient.core.receipts import Receipt, ReceiptDomain, sign_receipt
from opengradient.wire.receipts import encode_bundle
from reference_nodes._kit import answers, outbox
from reference_nodes._kit.answers import Answer, AnswerStore, Ticket
from reference_nodes._kit.clock import Clock
from reference_nodes._kit.identity import Arrival, NodeIdentity
from reference_nodes._kit.journal import Journal

_log = logging.getLogger("opengradient.node")

SEED_BYTES: Final = 32
_NO_USAGE: Final = Usage()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One inference as the node saw it: everything that a receipt is made from.

    Attributes:
        kind: What the receipt is about.
        status: HTTP status of the answer.
        settlement_mode: What of it reaches the ledger.
        client_nonce: 32 bytes; zero if the client sent none.
        arrival: The channel that the request came over, and the evidence that binds its key.
        request: Fields of the request section.
        upstream: Fields of the upstream section; empty if nothing was sent.
        response: Fields of the response section.
        model: Fields of the model section.
        usage: Tokens, where the provider counted.
        started_at: Unix milliseconds at which the whole request was there.
        first_token_at: Unix milliseconds of the first output; 0 if there was none.
        chunk_digests: SHA-256 of each chunk that a stream sent.
        verification_mode: How the inference can be checked.
        seed: 32 random bytes for every salt.
    """

    kind: ReceiptKind
    status: int
    settlement_mode: SettlementMode
    client_nonce: bytes
    arrival: Arrival
    request: Mapping[str, FieldValue]
    upstream: Mapping[str, FieldValue]
    response: Mapping[str, FieldValue]
    model: Mapping[str, FieldValue]
    usage: Usage | None
    started_at: int
    first_token_at: int
    chunk_digests: tuple[bytes, ...] = ()
    verification_mode: VerificationMode = VerificationMode.TEE
    seed: bytes = field(default_factory=lambda: secrets.token_bytes(SEED_BYTES), repr=False)


@final
class Issuer:
    """Makes the receipts of one key, one after the other."""

    def __init__(
        self,
        *,
        identity: NodeIdentity,
        domain: ReceiptDomain,
        journal: Journal,
        queue: outbox.Outbox,
        store: AnswerStore,
        clock: Clock,
    ) -> None:
        """Take what receipts are made with.

        Args:
            identity: The node's keys.
            domain: The network that the receipts belong to.
            journal: Stores receipt and answer in one transaction.
            queue: The outbox on that journal.
            store: The answers on that journal.
            clock: The node's clock.
        """
        self._identity = identity
        self._domain = domain
        self._journal = journal
        self._queue = queue
        self._store = store
        self._clock = clock
        self._last = {True: (0, ZERO32), False: (0, ZERO32)}

    async def issue(
        self,
        exchange: Exchange,
        render: Callable[[AttachedReceipt], Answer],
        *,
        ticket: Ticket | None = None,
    ) -> Answer:
        """Sign a receipt, build the answer around it, store both, and only then return.

        Args:
            exchange: What happened.
            render: Builds the answer; nothing of it may be sent before this returns.
            ticket: Under which to keep the answer for a repeated request.

        Raises:
            OpenGradientError: Code ``node.storage``: nothing was stored; nothing may be sent.
            MalformedError: A field has no committed form.
        """
        attached = self._sign(exchange)
        answer = render(attached)
        now_ms = self._clock()
        entry = outbox.OutboxEntry(
            digest=attached.signed.digest,
            signed=attached.signed,
            bundle=_published(exchange, attached),
            created_ms=now_ms,
        )
        private = exchange.settlement_mode == SettlementMode.PRIVATE
        if ticket is None or private:
            await self._queue.commit(entry)
            if ticket is not None:
                self._store.keep_private(ticket, answer)
        else:
            await self._commit_both(entry, ticket.seal(answer, now_ms=now_ms))
        _note(entry)
        return answer

    async def _commit_both(self, entry: outbox.OutboxEntry, row: answers.SealedAnswer) -> None:
        def work(connection: sqlite3.Connection) -> None:
            outbox.insert(connection, entry)
            answers.insert(connection, row)

        await self._journal.run(work)
        self._queue.announce()

    def _sign(self, exchange: Exchange) -> AttachedReceipt:
        """Number and sign. Nothing is awaited here, so the numbers follow one another."""
        # A key numbers its PRIVATE receipts apart: a public one would else publish their hashes.
        private = exchange.settlement_mode == SettlementMode.PRIVATE
        number, previous = self._last[private]
        usage = exchange.usage or _NO_USAGE
        chunks = exchange.chunk_digests
        channel_kind, channel_binding = exchange.arrival.channel
        started = exchange.started_at
        finished = max(self._clock(), started, exchange.first_token_at)
        receipt = Receipt(
            receipt_id=secrets.token_bytes(32),
            kind=int(exchange.kind),
            verification_mode=int(exchange.verification_mode),
            settlement_mode=int(exchange.settlement_mode),
            node_id=self._identity.node_id,
            evidence_digest=exchange.arrival.standing.digest,
            channel_kind=int(channel_kind),
            channel_binding=channel_binding,
            client_nonce=exchange.client_nonce,
            request_commitment=_commit(exchange.seed, REQUEST, exchange.request),
            upstream_commitment=_commit(exchange.seed, UPSTREAM, exchange.upstream),
            response_commitment=_commit(exchange.seed, RESPONSE, exchange.response),
            stream_root=chunk_root(stream_salt_seed(exchange.seed), chunks) if chunks else ZERO32,
            stream_chunks=len(chunks),
            status=exchange.status,
            model_commitment=_commit(exchange.seed, MODEL, exchange.model),
            proof_kind=int(ProofKind.NONE),
            proof_soundness_bits=0,
            proof_digest=ZERO32,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_input_tokens=usage.cached_input_tokens,
            price=0,
            payment_commitment=_commit(exchange.seed, PAYMENT, {}),
            started_at=started,
            first_token_at=max(exchange.first_token_at, started) if exchange.first_token_at else 0,
            finished_at=finished,
            sequence=number + 1,
            previous_receipt=previous,
        )
        signed = sign_receipt(receipt, self._domain, self._identity.signer)
        self._last[private] = (receipt.sequence, signed.digest)
        return AttachedReceipt(
            signed=signed,
            seed=exchange.seed,
            upstream=exchange.upstream,
            model=exchange.model,
            payment={},
        )


def _commit(seed: bytes, section: str, values: Mapping[str, FieldValue]) -> bytes:
    return commit_section(
        {
            name: commit_field(section, name, derive_salt(seed, section, name), value)
            for name, value in values.items()
        }
    )


def _published(exchange: Exchange, attached: AttachedReceipt) -> bytes | None:
    """The receipt file that INDIVIDUAL_FULL publishes, without the client's idempotency key."""
    if exchange.settlement_mode != SettlementMode.INDIVIDUAL_FULL:
        return None
    bundle = attached.bundle(
        request=exchange.request,
        response=exchange.response,
        chunk_digests=exchange.chunk_digests or None,
        evidence=exchange.arrival.standing.evidence,
    )
    if "idempotency_key" in exchange.request:
        bundle = bundle.redacted(REQUEST, "idempotency_key")
    return encode_bundle(bundle)


def _note(entry: outbox.OutboxEntry) -> None:
    """One line per inference: ids and status, nothing of the content."""
    receipt = entry.signed.receipt
    private = receipt.settlement_mode == SettlementMode.PRIVATE
    _log.info(
        "inference",
        extra={
            "kind": receipt.kind,
            "status": receipt.status,
            "settlement_mode": receipt.settlement_mode,
            "sequence": receipt.sequence,
            "receipt": None if private else entry.digest.hex(),
            "duration_ms": receipt.finished_at - receipt.started_at,
        },
    )
