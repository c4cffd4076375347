"""Nodes of the public network, which sign ``tee_*`` fields and make no receipts.

Their TLS certificate and RSA key come from the registry, and both must be bound by a fresh
attestation document. There is no idempotency key in this format, so that a request which may
have reached a node is never sent again.
"""

import base64
import binascii
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar, final

import anyio

from opengradient.chain.legacy_registry import LegacyRecord, LegacyRegistryReader
from opengradient.chain.rpc import RpcClient
from opengradient.core.canonical import JsonObject, compact_json, parse_json_object
from opengradient.core.digests import keccak256
from opengradient.core.evidence import NITRO, Evidence, VerifiedEvidence
from opengradient.core.legacy import TeeFields
from opengradient.core.messages import Choice, Reply, StreamAccumulator
from opengradient.errors import (
    ConfigurationError,
    ConnectError,
    MalformedError,
    NodeError,
    OpenGradientError,
    PaymentError,
    PolicyError,
    ProtocolError,
    RateLimitedError,
    UnsupportedError,
    UnsupportedParameterError,
)
from opengradient.llm.reply import ChatChunk, ChatReply
from opengradient.llm.requests import Call
from opengradient.llm.streaming import Opener, parse_frame, read_events, stream_cut
from opengradient.networks import Network
from opengradient.nodes.environment import Environment, RpcPost
from opengradient.nodes.sending import NodeFacts
from opengradient.nodes.trust import Trust
from opengradient.nodes.ways import Relay, json_of
from opengradient.transport import AnswerStream, TlsPin, Transport
from opengradient.transport.ohttp.legacy import CHAT_PATH, LegacyOhttpTransport
from opengradient.verify.attestation import verify_evidence, verify_nitriding_user_data
from opengradient.verify.legacy import (
    legacy_verdict,
    verify_ohttp_statement,
    verify_tee_fields,
)
from opengradient.verify.policy import TrustPolicy
from opengradient.wire.fields import to_hex
from opengradient.wire.legacy import (
    decode_legacy_choices,
    decode_legacy_deltas,
    decode_legacy_usage,
    decode_ohttp_statement,
    decode_tee_fields,
)
from opengradient.wire.sse import DONE

_T = TypeVar("_T")

NONCE_BYTES: Final = 20
"""What nitriding takes as nonce."""

REGISTRY_TTL_MS: Final = 60_000
ATTESTED_FOR_MS: Final = 60 * 60 * 1000
"""How long one attestation of a node serves."""

_SECONDS: Final = 30.0
_MAX_DOCUMENT: Final = 64 * 1024
_CARRIED: Final = frozenset(
    {"model", "messages", "prompt", "max_tokens", "temperature", "stop", "stream", "tools",
     "tool_choice", "response_format"}
)  # fmt: skip
"""Parameters that these nodes do not drop."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    record: LegacyRecord
    transport: Transport
    document: Evidence
    evidence: VerifiedEvidence
    policy: TrustPolicy
    until_ms: int

    @property
    def url(self) -> str:
        return self.record.endpoint.rstrip("/")


@final
class LegacyCaller:
    """Carries calls to nodes of the public network."""

    def __init__(
        self,
        network: Network,
        trust: Trust,
        environment: Environment,
        relay: Relay | None = None,
    ) -> None:
        """Nothing is read before the first call.

        Args:
            network: Says where the registry is.
            trust: Whom to trust.
            environment: Clock and transports.
            relay: Carries chat requests, sealed to the node's HPKE key; evidence and the key are
                still fetched from the node itself, because these relays have them not.
        """
        self._relay = relay
        self._network = network
        self._trust = trust
        self._environment = environment
        self._records: list[LegacyRecord] = []
        self._read_at_ms: int | None = None
        self._sessions: dict[bytes, _Session] = {}
        self._lock = anyio.Lock()

    async def close(self) -> None:
        """Close every connection."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.transport.aclose()
        if self._relay is not None:
            await self._relay.aclose()

    async def whole(self, call: Call) -> ChatReply:
        """Send a call and return its verified answer."""
        body = self._body(call)

        async def send(session: _Session) -> ChatReply:
            response = await session.transport.request(
                "POST",
                session.url + call.request.path,
                headers=_headers(call),
                content=compact_json(body),
                timeout=call.timeout or self._environment.timeout,
            )
            answer = _read_answer(response.body, response.status, session)
            choices = decode_legacy_choices(answer)
            return self._reply(call, session, body, answer, choices)

        return await self._anywhere(send)

    def opener(self, call: Call) -> Opener:
        """Opens the stream of a call."""
        body = self._body(call)

        async def opener(stack: AsyncExitStack) -> AsyncGenerator[ChatChunk, None]:
            async def send(session: _Session) -> AsyncGenerator[ChatChunk, None]:
                stream = await stack.enter_async_context(
                    session.transport.stream(
                        "POST",
                        session.url + call.request.path,
                        headers=_headers(call),
                        content=compact_json(body),
                        timeout=call.timeout or self._environment.timeout,
                    )
                )
                if stream.status != 200:
                    _read_answer(await stream.read(), stream.status, session)
                return self._pieces(call, session, body, stream)

            return await self._anywhere(send)

        return opener

    async def _pieces(
        self, call: Call, session: _Session, body: JsonObject, stream: AnswerStream
    ) -> AsyncGenerator[ChatChunk, None]:
        parts = StreamAccumulator()
        async with aclosing(read_events(stream)) as events:
            async for event in events:
                if event.data == DONE:
                    break
                frame = parse_frame(event)
                _refuse_error(frame, 200, session)
                deltas = tuple(decode_legacy_deltas(frame))
                for delta in deltas:
                    parts.add(delta)
                model = frame.get("model")
                if decode_tee_fields(frame) is None:
                    yield ChatChunk(deltas=deltas, model=model if isinstance(model, str) else "")
                    continue
                reply = self._reply(call, session, body, frame, parts.choices())
                yield ChatChunk(deltas=deltas, model=reply.model, reply=reply)
                return
        raise stream_cut(call)

    def _body(self, call: Call) -> JsonObject:
        """The request as these nodes take it: the model without its provider's name."""
        body = dict(call.request.body)
        if self._relay is not None and call.request.path != CHAT_PATH:
            raise UnsupportedError("relays of the public network carry chat only")
        for name in body:
            if name not in _CARRIED:
                raise UnsupportedParameterError(
                    name, f"{name}: nodes of the public network would drop it silently"
                )
        body["model"] = body["model"].rpartition("/")[2]
        return body

    def _reply(
        self,
        call: Call,
        session: _Session,
        body: JsonObject,
        answer: JsonObject,
        choices: tuple[Choice, ...],
    ) -> ChatReply:
        fields = decode_tee_fields(answer)
        if fields is None:
            raise ProtocolError(f"{session.url} answered without tee_* fields")
        self._check(fields, call, session, body, choices)
        evidence = self._judged(session)
        identifier, created, model = (answer.get(name) for name in ("id", "created", "model"))
        return ChatReply(
            reply=Reply(
                id=identifier if isinstance(identifier, str) else "",
                created=created if type(created) is int else fields.timestamp,
                model=model if isinstance(model, str) else "",
                kind=call.request.kind,
                choices=choices,
                usage=decode_legacy_usage(answer),
            ),
            node=NodeFacts(
                url=session.url, node_id=session.record.tee_id, payee=session.record.payee
            ),
            legacy=legacy_verdict(
                fields,
                evidence=evidence,
                choices=choices,
                streamed=call.request.stream,
                sealed=self._relay is not None,
            ),
            tee=fields,
            response_format=call.response_format,
        )

    def _check(
        self,
        fields: TeeFields,
        call: Call,
        session: _Session,
        body: JsonObject,
        choices: tuple[Choice, ...],
    ) -> None:
        verify_tee_fields(
            fields,
            public_key=session.record.public_key,
            kind=call.request.kind,
            request=body,
            choices=choices,
            now_ms=self._environment.clock(),
        )

    async def _anywhere(self, send: Callable[[_Session], Awaitable[_T]]) -> _T:
        """Try nodes in random order until one could be reached."""
        failures: list[OpenGradientError] = []
        records = await self._list()
        secrets.SystemRandom().shuffle(records)
        for record in records:
            try:
                session = await self._session(record)
            except OpenGradientError as error:
                failures.append(error)
                continue
            try:
                return await send(session)
            except ConnectError as error:
                failures.append(error)
                if error.code == "channel.key_unknown":
                    self._forget(session)  # the next call asks the node for its new key
        if len(failures) == 1:
            raise failures[0]
        listed = "; ".join(error.message for error in failures) or "the registry lists none"
        raise ConnectError(f"no node could be reached: {listed}", code="transport.no_node")

    def _forget(self, session: _Session) -> None:
        self._sessions = {key: one for key, one in self._sessions.items() if one is not session}

    async def _list(self) -> list[LegacyRecord]:
        async with self._lock:
            now_ms = self._environment.clock()
            if self._read_at_ms is None or now_ms - self._read_at_ms > REGISTRY_TTL_MS:
                self._records = await self._read_registry()
                self._read_at_ms = now_ms
        return list(self._records)

    async def _read_registry(self) -> list[LegacyRecord]:
        network = self._network
        if network.rpc_url is None or network.registry is None:
            raise ConfigurationError("a network of this format needs its registry and RPC")
        transport = self._environment.transports(None)
        try:
            post = RpcPost(transport, network.rpc_url, timeout=_SECONDS)
            rpc = RpcClient(post, chain_id=network.chain_id)
            records = await LegacyRegistryReader(rpc, network.registry).list_active()
        finally:
            await transport.aclose()
        return [record for record in records if record.endpoint.startswith("https://")]

    async def _session(self, record: LegacyRecord) -> _Session:
        key = keccak256(record.endpoint.encode() + record.public_key + record.tls_certificate)
        async with self._lock:
            known = self._sessions.get(key)
            if known is not None and self._is_good(known):
                return known
            transport = self._environment.transports(TlsPin.of_der(record.tls_certificate))
            async with AsyncExitStack() as on_failure:
                on_failure.push_async_callback(transport.aclose)
                session = await self._attest(record, transport)
                if self._relay is not None:
                    sealed = await self._sealed(record, transport, self._relay)
                    session = replace(session, transport=sealed)
                else:
                    on_failure.pop_all()
            self._sessions[key] = session
            if known is not None:
                await known.transport.aclose()
            return session

    def _is_good(self, session: _Session) -> bool:
        policy, now_ms = self._trust.policy, self._environment.clock()
        if session.policy is not policy or not policy.is_current(now_ms):
            return False
        return now_ms < session.until_ms

    def _judged(self, session: _Session) -> VerifiedEvidence:
        """What the node showed, by the policy in force now."""
        policy = self._trust.policy
        if session.policy is policy and policy.is_current(self._environment.clock()):
            return session.evidence
        return self._judge(session.document, session.record, policy, nonce=None)

    async def _sealed(self, record: LegacyRecord, direct: Transport, relay: Relay) -> Transport:
        """The way through the relay, under the key that the attested node signed."""
        url = f"{record.endpoint.rstrip('/')}/v1/ohttp/config"
        response = await direct.request("GET", url, timeout=_SECONDS, max_bytes=_MAX_DOCUMENT)
        if response.status != 200:
            raise NodeError(f"{url}: status {response.status}", status=response.status)
        statement = decode_ohttp_statement(json_of(response, url))
        return LegacyOhttpTransport(
            relay.transport,
            relay_url=relay.url,
            tee_id=record.tee_id,
            key=verify_ohttp_statement(statement, public_key=record.public_key),
            headers=relay.headers,
        )

    async def _attest(self, record: LegacyRecord, transport: Transport) -> _Session:
        """Fresh evidence that binds both keys, of code that policy or registry admit."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        url = f"{record.endpoint.rstrip('/')}/enclave/attestation"
        response = await transport.request(
            "GET", f"{url}?nonce={nonce.hex()}", timeout=_SECONDS, max_bytes=2 * _MAX_DOCUMENT
        )
        if response.status != 200:
            raise NodeError(f"{url}: status {response.status}", status=response.status)
        try:
            document = base64.b64decode(response.body.strip(), validate=True)
        except binascii.Error as error:
            raise ProtocolError(f"{url}: the document is not base64") from error
        policy = self._trust.policy
        evidence = Evidence(kind=_evidence_kind(policy), document=document)
        verified = self._judge(evidence, record, policy, nonce=nonce)
        return _Session(
            record=record,
            transport=transport,
            document=evidence,
            evidence=verified,
            policy=policy,
            until_ms=self._environment.clock() + ATTESTED_FOR_MS,
        )

    def _judge(
        self, evidence: Evidence, record: LegacyRecord, policy: TrustPolicy, *, nonce: bytes | None
    ) -> VerifiedEvidence:
        tee_id = to_hex(record.tee_id)
        if tee_id in policy.revoked_keys:
            raise PolicyError(
                "the signing key was revoked", code="attestation.revoked_key", actual=tee_id
            )
        verified = verify_evidence(
            evidence,
            policy=_policy_for(record, policy),
            now_ms=self._environment.clock(),
            nonce=nonce,
        )
        verify_nitriding_user_data(
            verified, tls_certificate_der=record.tls_certificate, signing_key_der=record.public_key
        )
        return verified


def _policy_for(record: LegacyRecord, policy: TrustPolicy) -> TrustPolicy:
    """Where the policy names no measurement, the one that the registry admitted counts."""
    if policy.measurements == frozenset():
        return replace(policy, measurements=frozenset({record.measurement}))
    return policy


def _evidence_kind(policy: TrustPolicy) -> str:
    kinds = {root.kind for root in policy.roots}
    return kinds.pop() if len(kinds) == 1 else NITRO


def _headers(call: Call) -> dict[str, str]:
    return {"content-type": "application/json", "x-settlement-type": call.settlement.value}


def _read_answer(data: bytes, status: int, session: _Session) -> JsonObject:
    """The JSON object of an answer, or the error that it stands for. Nobody signed that one."""
    if status == 402:
        raise PaymentError(f"{session.url} asks for a payment, which this release does not make")
    try:
        body = parse_json_object(data, what=f"the answer of {session.url}")
    except MalformedError as error:
        raise ProtocolError(f"{session.url}, status {status}: {error.message}") from error
    _refuse_error(body, status, session)
    return body


def _refuse_error(body: JsonObject, status: int, session: _Session) -> None:
    if status == 200 and "error" not in body:
        return
    said: Any = body.get("error", body)
    shown = said if isinstance(said, str) else compact_json(said).decode()
    tee_id = to_hex(session.record.tee_id)
    if status == 429:
        raise RateLimitedError(f"{session.url}: {shown}", node_id=tee_id, body=shown)
    raise NodeError(f"{session.url}: {shown}", status=status, node_id=tee_id, body=shown)
