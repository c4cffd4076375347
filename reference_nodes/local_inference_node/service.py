"""Runs the models of a library for callers, and signs what came of it. No HTTP here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import anyio.to_thread

from opengradient.core.commitments import FieldValue
from opengradient.core.messages import ErrorReply
from opengradient.core.modes import ReceiptKind, VerificationMode
from opengradient.core.tensors import Tensor, TensorFile, decode, encode
from opengradient.errors import OpenGradientError, VerificationError
from opengradient.wire.model_inference import (
    MEDIA_TYPE,
    ModelRequest,
    encode_answer,
    parse_request,
    response_fields,
)
from reference_nodes._kit.answering import OVERLOADED, Replayed, answer_once, sign_failure
from reference_nodes._kit.answers import Answer, AnswerStore, Ticket
from reference_nodes._kit.calls import Call, refusal
from reference_nodes._kit.issuer import Exchange, Issuer
from reference_nodes.local_inference_node.library import Library, StoredModel
from reference_nodes.local_inference_node.pool import LoadedInfo, WorkerPool

_THREAD_BYTES: Final = 1 << 20
"""Bodies above this are read in a thread: their bytes are copied and compared a few times."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one node.

    Attributes:
        max_body_bytes: Largest request body.
        max_answer_bytes: Largest answer.
        max_concurrent: Requests at once.
        patience: Seconds that a repeated request waits for the first one.
    """

    max_body_bytes: int = 20 * 1024 * 1024
    max_answer_bytes: int = 60 * 1024 * 1024
    max_concurrent: int = 4000
    patience: float = 60.0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What came of a run."""

    stored: StoredModel
    outputs: Mapping[str, Tensor]
    engine: str


@final
class InferenceService:
    """Answers calls."""

    def __init__(
        self,
        *,
        library: Library,
        pool: WorkerPool,
        issuer: Issuer,
        store: AnswerStore,
        limits: Limits,
    ) -> None:
        """Take what the service stands on."""
        self._library = library
        self._pool = pool
        self._issuer = issuer
        self._store = store
        self._limits = limits
        self._active = 0

    async def respond(self, call: Call) -> Answer | Replayed:
        """Answer one call.

        Raises:
            OpenGradientError: Code ``node.storage``: nothing could be signed.
        """
        try:
            request = await self._parse(call.raw)
        except OpenGradientError as error:
            return await self._fail(call, None, refusal(error), None)
        if call.problem is not None:
            return await self._fail(call, request, call.problem, None)
        if self._active >= self._limits.max_concurrent:
            return await self._fail(call, request, OVERLOADED, None)

        async def run(ticket: Ticket | None) -> Answer:
            return await self._run(call, request, ticket)

        async def refuse(problem: ErrorReply) -> Answer:
            return await self._fail(call, request, problem, None)

        self._active += 1
        try:
            return await answer_once(
                call, self._store, patience=self._limits.patience, run=run, refuse=refuse
            )
        finally:
            self._active -= 1

    async def _parse(self, raw: bytes) -> ModelRequest:
        limit = self._limits.max_body_bytes
        if len(raw) <= _THREAD_BYTES:
            return parse_request(raw, max_bytes=limit)
        return await anyio.to_thread.run_sync(lambda: parse_request(raw, max_bytes=limit))

    async def _run(self, call: Call, request: ModelRequest, ticket: Ticket | None) -> Answer:
        try:
            run = await self._infer(request)
        except OpenGradientError as error:
            return await self._fail(call, request, refusal(error), ticket)
        root = run.stored.manifest.root.hex()
        exchange = _exchange(
            call,
            request,
            kind=ReceiptKind.MODEL,
            status=200,
            response=response_fields(run.outputs, 200),
            model={
                "requested": request.root.hex(),
                "served": root,
                "root": root,
                "engine": run.engine,
                "file_sha256": run.stored.weights.sha256.hex(),
            },
        )
        return await self._issuer.issue(
            exchange,
            lambda receipt: Answer(
                status=200,
                stream=False,
                body=encode_answer(run.outputs, receipt),
                media_type=MEDIA_TYPE,
            ),
            ticket=ticket,
        )

    async def _infer(self, request: ModelRequest) -> _Run:
        """Run the model.

        Raises:
            OpenGradientError: The code says why it did not run.
        """
        stored = self._library.get(request.root)
        inputs = encode(TensorFile(tensors=request.inputs, info={}))
        data, info = await self._pool.run(stored.weights, inputs)
        _check_signature(stored, info)
        limit = self._limits.max_answer_bytes
        if len(data) <= _THREAD_BYTES:
            file = decode(data, max_bytes=limit)
        else:
            file = await anyio.to_thread.run_sync(lambda: decode(data, max_bytes=limit))
        return _Run(stored=stored, outputs=file.tensors, engine=info.engine)

    async def _fail(
        self, call: Call, request: ModelRequest | None, problem: ErrorReply, ticket: Ticket | None
    ) -> Answer:
        exchange = _exchange(
            call,
            request,
            kind=ReceiptKind.ERROR,
            status=problem.status,
            response=problem.committed_fields(),
            model={} if request is None else {"requested": request.root.hex(), "served": None},
        )
        return await sign_failure(self._issuer, exchange, problem, ticket)


def _check_signature(stored: StoredModel, info: LoadedInfo) -> None:
    """A manifest that tells of other tensors than the file has is not served."""
    manifest = stored.manifest
    if (manifest.inputs, manifest.outputs) != (info.inputs, info.outputs):
        raise VerificationError(
            "the manifest tells of other inputs or outputs than the file has",
            code="model.signature",
        )


def _exchange(
    call: Call,
    request: ModelRequest | None,
    *,
    kind: ReceiptKind,
    status: int,
    response: Mapping[str, FieldValue],
    model: Mapping[str, FieldValue],
) -> Exchange:
    """What the receipt of a call is made from. A request that cannot be read asked for no mode."""
    return Exchange(
        kind=kind,
        verification_mode=VerificationMode.TEE if request is None else request.mode,
        status=status,
        settlement_mode=call.settlement_mode,
        client_nonce=call.nonce,
        arrival=call.arrival,
        request=call.request_fields(),
        upstream={},
        response=response,
        model=model,
        usage=None,
        started_at=call.started_at,
        first_token_at=0,
    )
