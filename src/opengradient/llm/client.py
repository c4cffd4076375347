"""The client: verified answers of language models."""

import logging
import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, Self, Unpack, overload

from opengradient.errors import ConfigurationError, UnsupportedError
from opengradient.llm.calling import Caller, Checked
from opengradient.llm.legacy import LegacyCaller
from opengradient.llm.options import (
    ChatOptions,
    CompletionOptions,
    EmbeddingOptions,
    Message,
)
from opengradient.llm.reply import ChatChunk, ChatReply, EmbeddingReply
from opengradient.llm.requests import (
    Call,
    chat_call,
    completion_call,
    embedding_call,
)
from opengradient.llm.streaming import ChatStream, receipt_opener
from opengradient.networks import Network, NodeProtocol, load_network
from opengradient.nodes.calls import settlement_of, x402SettlementMode
from opengradient.nodes.client import NodeClient
from opengradient.nodes.environment import environment_of, system_clock_ms
from opengradient.nodes.pool import NodePool, NodeView
from opengradient.nodes.recall import Recalled, recall
from opengradient.nodes.sending import Sender
from opengradient.nodes.settlement import Settlement
from opengradient.nodes.trust import Trust
from opengradient.nodes.ways import Relay, RelayProfile
from opengradient.transport import TlsPin, TransportFactory
from opengradient.transport.collateral import CollateralSource
from opengradient.transport.ohttp import RelayHeaders
from opengradient.verify.policy import TrustPolicy
from opengradient.wire.fields import parse_hex
from opengradient.wire.nodes import decode_models

_log = logging.getLogger("opengradient.llm")

_PROFILES: Final = {
    NodeProtocol.RECEIPTS: RelayProfile.RECEIPTS,
    NodeProtocol.LEGACY: RelayProfile.LEGACY,
}

Messages = Sequence[Message | Mapping[str, Any]]


class LLM(NodeClient):
    """Chat, completion and embeddings through attested nodes.

    Every answer is verified before it is returned. Use it as ``async with og.LLM() as llm``, or
    call `close` at the end. One client serves many concurrent calls of one event loop.

    Attributes:
        network: The network in use; ``network.source`` says how it was chosen.
        policy: Whom and what is trusted; `use_policy` replaces it.
    """

    def __init__(
        self,
        private_key: str | None = None,
        rpc_url: str | None = None,
        tee_registry_address: str | None = None,
        *,
        network: str | os.PathLike[str] | Network | None = None,
        policy: TrustPolicy | None = None,
        timeout: float = 300.0,
        max_retries: int = 2,
        settlement_mode: x402SettlementMode | str = x402SettlementMode.BATCH_HASHED,
        clock: Callable[[], int] = system_clock_ms,
        transports: TransportFactory | None = None,
        collateral: CollateralSource | None = None,
        relay: str | None = None,
        relay_headers: RelayHeaders | None = None,
        relay_pin: TlsPin | None = None,
        relay_profile: str = RelayProfile.RECEIPTS,
    ) -> None:
        """Choose network and trust. Nothing is sent before the first call.

        Args:
            private_key: Taken for users of the published client; nodes that are free need none,
                and it is neither used nor kept.
            rpc_url: JSON-RPC of the ledger, instead of the network's.
            tee_registry_address: Address of the node registry, instead of the network's.
            network: Name, profile file or value; see `opengradient.networks.load_network`.
            policy: Whom to trust; the network's policy if None.
            timeout: Seconds per attempt, and the longest silence of a stream.
            max_retries: How often a failed call is sent again, where that is safe.
            settlement_mode: What of an inference reaches the ledger, unless a call says else.
            clock: Unix milliseconds; this machine's clock by default.
            transports: Another way to the network; pinned HTTP by default.
            collateral: Another source of what vendors sign beside evidence; by default their
                services, kept in the folder ``collateral`` of the configuration.
            relay: Address of a relay. Requests then go through it, sealed to each node's attested
                key (Oblivious HTTP): the node does not learn who asks, the relay not what.
            relay_headers: What the relay wants to see of its user, for example an API key; or an
                async function that gives it.
            relay_pin: What TLS to the relay trusts; the system's authorities by default.
            relay_profile: ``opengradient-legacy`` for relays of the public network, which carry
                chat only, without padding; the client then attests nodes straight.

        Raises:
            ConfigurationError: No network, or an argument that is not valid.
        """
        del private_key
        self.network = _adapted(load_network(network), rpc_url, tee_registry_address)
        trust = Trust(policy or self.network.trust)
        self._settlement = settlement_of({"settlement_mode": settlement_mode})
        self._environment = environment_of(
            clock=clock,
            timeout=timeout,
            max_retries=max_retries,
            transports=transports,
            collateral=collateral,
        )
        self._relay = self._relay_of(relay, relay_headers, relay_pin, relay_profile)
        super().__init__(trust, NodePool(self.network, trust, self._environment, self._relay))
        self._caller = Caller(Sender(self._pool, trust, self._environment))
        self._legacy = (
            LegacyCaller(self.network, trust, self._environment, self._relay)
            if self.network.protocol is NodeProtocol.LEGACY
            else None
        )
        _log.info("using network %s", self.network)

    def _relay_of(
        self, url: str | None, headers: RelayHeaders | None, pin: TlsPin | None, profile: str
    ) -> Relay | None:
        if url is None:
            if headers is not None or pin is not None or profile != RelayProfile.RECEIPTS:
                raise ConfigurationError("relay_* arguments are for a relay: name it")
            return None
        spoken = _PROFILES[self.network.protocol]
        if profile != spoken:
            raise ConfigurationError(
                f"network {self.network.name} is reached through a relay with "
                f"relay_profile={spoken.value!r}"
            )
        return Relay(url, self._environment, headers=headers, pin=pin)

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        network: str | os.PathLike[str] | Network | None = None,
        **settings: Any,
    ) -> Self:
        """Use one node only. It is verified like any other.

        Args:
            url: The node's address.
            network: Says whom to trust and where receipts settle; chosen as in `LLM`.
            settings: Further arguments of `LLM`.

        Raises:
            ConfigurationError: A relay, behind which nodes have no address.
        """
        if settings.get("relay") is not None:
            raise ConfigurationError("behind a relay nodes have no address: give relay to og.LLM")
        chosen = load_network(network)
        only = replace(chosen, node_urls=(url.rstrip("/"),), registry=None)
        return cls(network=only, **settings)

    async def close(self) -> None:
        """Close every connection. The client can be used again and then opens new ones."""
        await super().close()
        if self._legacy is not None:
            await self._legacy.close()

    @overload
    async def chat(
        self,
        model: str,
        messages: Messages,
        *,
        stream: Literal[False] = False,
        **options: Unpack[ChatOptions],
    ) -> ChatReply: ...

    @overload
    async def chat(
        self,
        model: str,
        messages: Messages,
        *,
        stream: Literal[True],
        **options: Unpack[ChatOptions],
    ) -> AsyncGenerator[ChatChunk, None]: ...

    async def chat(
        self,
        model: str,
        messages: Messages,
        *,
        stream: bool = False,
        **options: Unpack[ChatOptions],
    ) -> ChatReply | AsyncGenerator[ChatChunk, None]:
        """Ask a model.

        Args:
            model: ``"provider/model"``.
            messages: The conversation; dicts in OpenAI's shape.
            stream: Return an async generator of pieces; `stream` is the method with more comfort.
            options: OpenAI's chat parameters by name, and ``settlement_mode``,
                ``idempotency_key``, ``timeout``. Only what is given is sent; None counts as not
                given.

        Raises:
            TypeError: An option that does not exist.
            UnsupportedParameterError: The model's provider does not have a parameter.
            VerificationError: The answer is not to be believed; it is not shown.
            TransportError: No answer; `NodeError` where a node or provider failed.
        """
        if stream:
            return _pieces(self.stream(model, messages, **options))
        call = chat_call(model, messages, self._with_mode(options), stream=False)
        return await self._ask(call)

    def stream(self, model: str, messages: Messages, **options: Unpack[ChatOptions]) -> ChatStream:
        """Ask a model and get the answer piece by piece. Arguments and errors as in `chat`.

        Returns:
            An async context manager that is its own async iterator.
        """
        call = chat_call(model, messages, self._with_mode(options), stream=True)
        if self._legacy is not None:
            return ChatStream(self._legacy.opener(call), call.key)

        def finish(checked: Checked) -> ChatReply:
            return self._chat_reply(checked, call.response_format)

        return ChatStream(receipt_opener(self._caller, call, finish), call.key)

    async def completion(
        self, model: str, prompt: str, **options: Unpack[CompletionOptions]
    ) -> ChatReply:
        """Let a model continue a text. Errors as in `chat`."""
        return await self._ask(completion_call(model, prompt, self._with_mode(options)))

    async def embeddings(
        self,
        model: str,
        texts: str | Sequence[str],
        **options: Unpack[EmbeddingOptions],
    ) -> EmbeddingReply:
        """Turn texts into vectors. Errors as in `chat`."""
        self._need_receipts("embeddings")
        call = embedding_call(model, texts, self._with_mode(options))
        checked = await self._caller.whole(call)
        return EmbeddingReply(**self._parts(checked))

    async def models(self) -> list[str]:
        """Models that the network's nodes list. This is their word."""
        self._need_receipts("a list of models")
        names: set[str] = set()
        for node in await self._pool.nodes():
            session = await node.session()
            names.update(decode_models(await node.get(session, "/v1/models")))
        return sorted(names)

    async def nodes(self) -> list[NodeView]:
        """Every node of the network, each verified now; `error` says why one is not used."""
        self._need_receipts("a view of nodes")
        return await self._pool.view()

    async def receipt(self, idempotency_key: str) -> Recalled:
        """Find the receipt of an earlier request, for example of a stream that was cut.

        Args:
            idempotency_key: The key of that request.

        Raises:
            NotFoundError: No node knows the key.
            VerificationError: What a node gave is not to be believed.
        """
        self._need_receipts("receipts")
        return await recall(self._pool, self._environment, idempotency_key)

    async def _ask(self, call: Call) -> ChatReply:
        if self._legacy is not None:
            return await self._legacy.whole(call)
        return self._chat_reply(await self._caller.whole(call), call.response_format)

    def _need_receipts(self, what: str) -> None:
        if self._legacy is not None:
            raise UnsupportedError(
                f"the nodes of network {self.network.name} speak a format without {what}"
            )

    def _with_mode(self, options: Mapping[str, Any]) -> dict[str, Any]:
        names = ("settlement_mode", "x402_settlement_mode")
        if any(options.get(name) is not None for name in names):
            return dict(options)
        return {**options, "settlement_mode": self._settlement}

    def _chat_reply(self, checked: Checked, response_format: Any) -> ChatReply:
        return ChatReply(**self._parts(checked), response_format=response_format)

    def _parts(self, checked: Checked) -> dict[str, Any]:
        settlement = Settlement(
            checked.receipt,
            network=self.network,
            environment=self._environment,
            node=(checked.node.url, checked.session.connect),
        )
        return {
            "reply": checked.reply,
            "node": checked.facts,
            "held": checked.receipt,
            "way": settlement,
            "tee": checked.tee,
        }


async def _pieces(stream: ChatStream) -> AsyncGenerator[ChatChunk, None]:
    async with stream:
        async for chunk in stream:
            yield chunk


def _adapted(network: Network, rpc_url: str | None, registry: str | None) -> Network:
    """The network with the addresses that the published client takes as arguments."""
    if rpc_url is not None:
        network = replace(network, rpc_url=rpc_url)
    if registry is not None:
        address = parse_hex(registry.lower(), "tee_registry_address", 20)
        network = replace(network, registry=address)
    return network
