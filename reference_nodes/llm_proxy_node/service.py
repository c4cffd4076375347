"""The proxy's one job: carry a request to a provider and sign what came of it. No HTTP here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import anyio

from opengradient.core.canonical import JsonObject
from opengradient.core.messages import Choice, ErrorReply, InferenceRequest, Reply
from opengradient.core.modes import ReceiptKind
from opengradient.errors import (
    ConfigurationError,
    MalformedError,
    ProtocolError,
    UnsupportedParameterError,
)
from opengradient.wire.openai_reply import encode_final_frame, encode_reply
from opengradient.wire.openai_request import parse_request
from opengradient.wire.sse import DONE, encode_event
from reference_nodes._kit.answering import (
    OVERLOADED,
    Replayed,
    answer_once,
    error_frame,
    sign_failure,
    with_receipt,
)
from reference_nodes._kit.answers import Answer, AnswerStore, Ticket
from reference_nodes._kit.calls import Call, refusal
from reference_nodes._kit.clock import Clock
from reference_nodes._kit.issuer import Issuer
from reference_nodes._kit.legacy import LegacySigner
from reference_nodes.llm_proxy_node.backends import (
    Backends,
    ParsedReply,
    is_refusal,
)
from reference_nodes.llm_proxy_node.carrier import Carrier, Client
from reference_nodes.llm_proxy_node.outcome import (
    Plan,
    exchange_of,
    new_id,
    provider_failure,
)
from reference_nodes.llm_proxy_node.provider_keys import KeySource
from reference_nodes.llm_proxy_node.stream import StreamRun
from reference_nodes.llm_proxy_node.upstream import (
    Trace,
    Upstream,
    UpstreamFailedError,
)

_STOPPING: Final = ErrorReply(
    status=503, code="node.error", message="the node was stopped before the answer was complete"
)
_DONE_FRAME: Final = encode_event(DONE)
_SIGNING_SECONDS: Final = 10.0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one node.

    Attributes:
        max_body_bytes: Largest request body.
        max_concurrent: Requests at once.
        patience: Seconds that a repeated request waits for the first one.
    """

    max_body_bytes: int = 20 * 1024 * 1024
    max_concurrent: int = 4000
    patience: float = 60.0


@final
class ProxyService:
    """Answers calls."""

    def __init__(
        self,
        *,
        keys: KeySource,
        upstream: Upstream,
        issuer: Issuer,
        store: AnswerStore,
        clock: Clock,
        legacy: LegacySigner | None,
        limits: Limits,
    ) -> None:
        """Take what the service stands on."""
        self._keys = keys
        self._upstream = upstream
        self._carrier = Carrier(upstream, clock)
        self._issuer = issuer
        self._store = store
        self._clock = clock
        self._legacy = legacy
        self._limits = limits
        self._active = 0

    async def respond(self, call: Call, client: Client) -> Answer | Replayed | None:
        """Answer one call.

        Returns:
            The whole answer; None where it was streamed to `client` to its end.

        Raises:
            NodeError: Code ``node.no_keys``: it waits for its operator's keys.
            OpenGradientError: Code ``node.storage``: nothing could be signed.
        """
        backends = self._keys.current()
        if call.problem is not None:
            return await self._refuse(call, call.problem)
        if self._active >= self._limits.max_concurrent:
            return await self._refuse(call, OVERLOADED)
        self._active += 1
        try:
            return await self._claimed(call, client, backends)
        finally:
            self._active -= 1

    async def _claimed(
        self, call: Call, client: Client, backends: Backends
    ) -> Answer | Replayed | None:
        async def run(ticket: Ticket | None) -> Answer | None:
            return await self._run(call, client, ticket, backends)

        async def refuse(problem: ErrorReply) -> Answer | None:
            return await self._refuse(call, problem)

        return await answer_once(
            call, self._store, patience=self._limits.patience, run=run, refuse=refuse
        )

    async def _run(
        self, call: Call, client: Client, ticket: Ticket | None, backends: Backends
    ) -> Answer | None:
        try:
            plan = self._plan(call, backends)
        except ConfigurationError as error:
            return await self._refuse(call, refusal(error), ticket=ticket)
        if plan.request.stream:
            return await self._stream(call, plan, client, ticket)
        return await self._whole(call, plan, ticket)

    def _plan(self, call: Call, backends: Backends) -> Plan:
        request = parse_request(call.raw, call.path, max_bytes=self._limits.max_body_bytes)
        backend, model = backends.resolve(request.model)
        if not backend.supports(request.kind):
            raise UnsupportedParameterError(
                "model", f"model: {backend.name} has no endpoint for {request.kind.name.lower()}"
            )
        return Plan(request, backend, backend.build(request, model))

    # A whole answer.

    async def _whole(self, call: Call, plan: Plan, ticket: Ticket | None) -> Answer:
        trace = Trace(plan.backend.name, plan.upstream)
        try:
            fetched = await self._upstream.fetch(plan.upstream, trace)
        except UpstreamFailedError as error:
            return await self._fail(call, plan, trace, error.reply, ticket)
        if not fetched.ok:
            return await self._fail(call, plan, trace, provider_failure(plan, fetched), ticket)
        try:
            parsed = plan.backend.parse_reply(plan.request.kind, fetched.body)
            return await self._succeed(call, plan, trace, parsed, ticket)
        except (ProtocolError, MalformedError) as error:
            problem = ErrorReply(status=502, code="provider.protocol", message=error.message)
            return await self._fail(call, plan, trace, problem, ticket)

    async def _succeed(
        self, call: Call, plan: Plan, trace: Trace, parsed: ParsedReply, ticket: Ticket | None
    ) -> Answer:
        request, now_ms = plan.request, self._clock()
        reply = Reply(
            id=new_id(request.kind),
            created=call.started_at // 1000,
            model=parsed.model_served or request.model,
            kind=request.kind,
            choices=parsed.choices,
            usage=parsed.usage,
            embeddings=parsed.embeddings,
            system_fingerprint=parsed.system_fingerprint,
        )
        body = {**encode_reply(reply), **self._tee(request, reply.choices)}
        exchange = exchange_of(
            call,
            kind=ReceiptKind.REFUSAL if parsed.refused else request.kind,
            status=200,
            trace=trace,
            response=reply.committed_fields(),
            requested=request.model,
            served=parsed.model_served,
            usage=parsed.usage,
            first_token_at=now_ms,
        )
        return await self._issuer.issue(
            exchange,
            lambda receipt: Answer(status=200, stream=False, body=with_receipt(body, receipt)),
            ticket=ticket,
        )

    def _tee(self, request: InferenceRequest, choices: Sequence[Choice]) -> JsonObject:
        if self._legacy is None or request.kind == ReceiptKind.EMBEDDING:
            return {}
        return self._legacy.sign(request, choices, now_ms=self._clock())

    # Failures.

    async def _refuse(
        self, call: Call, problem: ErrorReply, *, ticket: Ticket | None = None
    ) -> Answer:
        """Sign a failure before anything was sent to a provider."""
        return await self._sign_failure(call, problem, None, None, ticket)

    async def _fail(
        self, call: Call, plan: Plan, trace: Trace, problem: ErrorReply, ticket: Ticket | None
    ) -> Answer:
        """Sign a failure of or on the way to the provider."""
        return await self._sign_failure(call, problem, trace, plan.request.model, ticket)

    async def _sign_failure(
        self,
        call: Call,
        problem: ErrorReply,
        trace: Trace | None,
        requested: str | None,
        ticket: Ticket | None,
    ) -> Answer:
        exchange = exchange_of(
            call,
            kind=ReceiptKind.ERROR,
            status=problem.status,
            trace=trace,
            response=problem.committed_fields(),
            requested=requested,
        )
        return await sign_failure(self._issuer, exchange, problem, ticket)

    # Streams.

    async def _stream(
        self, call: Call, plan: Plan, client: Client, ticket: Ticket | None
    ) -> Answer | None:
        trace = Trace(plan.backend.name, plan.upstream)
        run = StreamRun(
            plan.request,
            plan.backend.new_stream(plan.request.kind),
            reply_id=new_id(plan.request.kind),
            created=call.started_at // 1000,
            record=ticket is not None,
        )
        try:
            await self._carrier.carry(plan, run, trace, client)
        except anyio.get_cancelled_exc_class():
            # The node stops. What the client got is signed and settled all the same.
            run.fail(_STOPPING)
            with anyio.CancelScope(shield=True), anyio.move_on_after(_SIGNING_SECONDS):
                await self._finish(call, plan, run, trace, ticket)
            raise
        answer = await self._finish(call, plan, run, trace, ticket)
        if not answer.stream:
            return answer
        await client.send(answer.body[len(run.recorded()) :])
        return None

    async def _finish(
        self,
        call: Call,
        plan: Plan,
        run: StreamRun,
        trace: Trace,
        ticket: Ticket | None,
    ) -> Answer:
        """Sign the end of a stream, however it ended."""
        problem = run.failure
        if problem is not None and not run.chunk_digests:
            return await self._fail(call, plan, trace, problem, ticket)
        if problem is None:
            reply = run.reply()
            refused = is_refusal(reply.choices)
            frame = {**encode_final_frame(reply), **self._tee(plan.request, reply.choices)}
            kind = ReceiptKind.REFUSAL if refused else plan.request.kind
            status, response, usage = 200, reply.committed_fields(), reply.usage
        else:
            frame, kind, status = error_frame(problem), ReceiptKind.ERROR, problem.status
            response, usage = run.cut_fields(problem), None
        exchange = exchange_of(
            call,
            kind=kind,
            status=status,
            trace=trace,
            response=response,
            requested=plan.request.model,
            served=run.model_served,
            usage=usage,
            first_token_at=run.first_token_at,
            chunk_digests=tuple(run.chunk_digests),
        )
        recorded = run.recorded()
        return await self._issuer.issue(
            exchange,
            lambda receipt: Answer(
                status=200,
                stream=True,
                body=recorded + encode_event(with_receipt(frame, receipt)) + _DONE_FRAME,
            ),
            ticket=ticket,
        )
