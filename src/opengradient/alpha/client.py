"""`Alpha`: runs models on attested nodes; every answer is verified before it is returned."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, final

from opengradient.alpha.catalogue import Catalogue
from opengradient.alpha.inputs import tensors_of
from opengradient.alpha.result import InferenceResult
from opengradient.chain.values import NodeKind
from opengradient.core.models import ModelManifest
from opengradient.core.modes import ReceiptKind, VerificationMode
from opengradient.core.tensors import Tensor
from opengradient.errors import (
    ProtocolError,
    UnsupportedError,
    VerificationError,
)
from opengradient.networks import Network, NodeProtocol, load_network
from opengradient.nodes.calls import (
    checked_key,
    headers_of,
    new_key,
    settlement_of,
    x402SettlementMode,
)
from opengradient.nodes.checking import Answer, Checker, read_json
from opengradient.nodes.client import NodeClient
from opengradient.nodes.environment import environment_of, system_clock_ms
from opengradient.nodes.pool import NodePool, NodeView
from opengradient.nodes.recall import Recalled, recall
from opengradient.nodes.receipt import HeldReceipt
from opengradient.nodes.sending import MAX_ANSWER_BYTES, REPLAYED, Sender, facts_of
from opengradient.nodes.settlement import Settlement
from opengradient.nodes.trust import Trust
from opengradient.transport import HttpResponse, TransportFactory
from opengradient.transport.collateral import CollateralSource
from opengradient.verify.policy import TrustPolicy
from opengradient.wire.arrays import to_array
from opengradient.wire.model_inference import (
    MEDIA_TYPE,
    MODES,
    PATH,
    ModelRequest,
    decode_answer,
    encode_request,
    response_fields,
)

_KINDS: Final = frozenset({ReceiptKind.MODEL})
_Checked = tuple[Mapping[str, Tensor], HeldReceipt, Checker]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """One inference, ready to be sent; see `opengradient.nodes.calls.Call`."""

    raw: bytes
    model: str
    verification_mode: VerificationMode
    settlement: x402SettlementMode
    key: str
    own_key: bool
    timeout: float | None
    path: str = PATH
    media_type: str = MEDIA_TYPE


class Alpha(NodeClient):
    """Inference with models of the Hub: numpy in, numpy out.

    Use it as ``async with og.Alpha() as alpha``, or call `close` at the end.

    Attributes:
        network: The network in use.
    """

    def __init__(
        self,
        *,
        network: str | os.PathLike[str] | Network | None = None,
        policy: TrustPolicy | None = None,
        timeout: float = 300.0,
        max_retries: int = 2,
        settlement_mode: x402SettlementMode | str = x402SettlementMode.BATCH_HASHED,
        clock: Callable[[], int] = system_clock_ms,
        transports: TransportFactory | None = None,
        collateral: CollateralSource | None = None,
        node_url: str | None = None,
    ) -> None:
        """Choose network and trust. Nothing is sent before the first call.

        Args:
            network: Name, profile file or value; see `opengradient.networks.load_network`. Its
                registry says which nodes run models.
            policy: Whom to trust; the network's policy if None.
            timeout: Seconds per attempt.
            max_retries: How often a failed call is sent again, where that is safe.
            settlement_mode: What of an inference reaches the ledger, unless a call says else.
            clock: Unix milliseconds; this machine's clock by default.
            transports: Another way to the network; pinned HTTP by default.
            collateral: Another source of what vendors sign beside evidence, as for `og.LLM`.
            node_url: Use this node only; it is verified like any other.

        Raises:
            ConfigurationError: No network, or an argument that is not valid.
            UnsupportedError: A network whose nodes make no receipts.
        """
        self.network = load_network(network)
        if self.network.protocol is NodeProtocol.LEGACY:
            raise UnsupportedError(f"the nodes of network {self.network.name} make no receipts")
        self._settlement = settlement_of({"settlement_mode": settlement_mode})
        self._environment = environment_of(
            clock=clock,
            timeout=timeout,
            max_retries=max_retries,
            transports=transports,
            collateral=collateral,
        )
        trust = Trust(policy or self.network.trust)
        nodes = self.network
        urls: tuple[str, ...] = ()  # those of a profile are LLM proxies
        if node_url is not None:
            urls = (node_url.rstrip("/"),)
            nodes = replace(nodes, node_urls=urls, registry=None)
        pool = NodePool(nodes, trust, self._environment, kind=NodeKind.LOCAL_INFERENCE, urls=urls)
        super().__init__(trust, pool)
        self._catalogue = Catalogue(pool, self._environment)
        self._sender = Sender(pool, trust, self._environment)

    async def infer(
        self,
        model_cid: str,
        inference_mode: VerificationMode,
        model_input: Mapping[str, Any],
        *,
        settlement_mode: x402SettlementMode | str | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> InferenceResult:
        """Run a model.

        The inputs are checked against the model's signature before anything is sent. Numbers are
        converted to its types where each stays the same number; Python floats are rounded to its
        float type.

        Args:
            model_cid: The model root in hex, or ``owner/name`` as a node lists it. A name is the
                node's word: give the root where it matters who made the model.
            inference_mode: ``TEE``: attested code loaded the bytes that the root names. ``VANILLA``:
                a signature only, and the verdict says so.
            model_input: Arrays, or what numpy makes them of, by the names of the model's inputs.
            settlement_mode: What of it reaches the ledger.
            idempotency_key: To get the same answer again, chosen at random by the caller.
            timeout: Seconds per attempt.

        Raises:
            ConfigurationError: The model is unknown (``inference.unknown_model``), or the inputs
                are not what it takes (``inference.*``).
            UnsupportedError: Code ``request.mode``: no node makes such inferences.
            VerificationError: The answer is not to be believed; it is not shown.
            TransportError: No answer; `NodeError` where the node failed.
        """
        if inference_mode not in MODES:
            raise UnsupportedError(
                f"inference_mode is {' or '.join(mode.name for mode in MODES)}",
                code="request.mode",
            )
        mode = VerificationMode(inference_mode)
        manifest, without = await self._catalogue.find(model_cid)
        inputs = tensors_of(manifest.inputs, model_input)
        chosen = {} if settlement_mode is None else {"settlement_mode": settlement_mode}
        call = ModelCall(
            raw=encode_request(ModelRequest(root=manifest.root, mode=mode, inputs=inputs)),
            model=manifest.root.hex(),
            verification_mode=mode,
            settlement=settlement_of(chosen) if chosen else self._settlement,
            key=new_key() if idempotency_key is None else checked_key(idempotency_key),
            own_key=idempotency_key is not None,
            timeout=timeout,
        )

        async def send(checker: Checker) -> _Checked:
            response = await checker.session.transport.request(
                "POST",
                checker.node.url + call.path,
                headers=headers_of(call),
                content=call.raw,
                timeout=self._sender.timeout(call),
                max_bytes=MAX_ANSWER_BYTES,
            )
            return await _read(response, manifest, checker)

        outputs, receipt, checker = await self._sender.run(call, send, exclude=without)
        return InferenceResult(
            outputs={name: to_array(tensor) for name, tensor in outputs.items()},
            model=manifest,
            receipt=receipt,
            node=facts_of(checker),
            settlement=Settlement(
                receipt,
                network=self.network,
                environment=self._environment,
                node=(checker.node.url, checker.session.connect),
            ),
        )

    async def models(self) -> list[ModelManifest]:
        """Models that the network's nodes have, with what they take and give.

        Roots are computed here; that a name belongs to who made the model is the nodes' word.
        """
        return await self._catalogue.models()

    async def receipt(self, idempotency_key: str) -> Recalled:
        """Find the receipt of an earlier inference.

        Args:
            idempotency_key: The key of that call.

        Raises:
            NotFoundError: No node knows the key.
            VerificationError: What a node gave is not to be believed.
        """
        return await recall(self._pool, self._environment, idempotency_key)

    async def nodes(self) -> list[NodeView]:
        """Every node that runs models, each verified now; `error` says why one is not used."""
        return await self._pool.view()


async def _read(response: HttpResponse, manifest: ModelManifest, checker: Checker) -> _Checked:
    """Verify an answer.

    Raises:
        VerificationError: It is not what was signed, or not what the model gives.
        OpenGradientError: What a signed error stands for.
    """
    replayed = REPLAYED in response.headers
    if response.status != 200:
        body = read_json(response.body, response.status, checker)
        raise await checker.error_for(body, http_status=response.status, replayed=replayed)
    if response.headers.get("content-type", "") != MEDIA_TYPE:
        raise ProtocolError(f"{checker.node.url} answered with something else than tensors")
    outputs, attached = decode_answer(response.body, max_bytes=MAX_ANSWER_BYTES)
    receipt = await checker.check(
        Answer(
            attached=attached,
            response=response_fields(outputs, response.status),
            kinds=_KINDS,
            status=response.status,
            replayed=replayed,
        )
    )
    given = {name: tensor.dtype for name, tensor in outputs.items()}
    if given != {spec.name: spec.dtype for spec in manifest.outputs}:
        raise VerificationError(
            "the node gives other outputs than the model has",
            code="model.signature",
            expected=sorted(spec.name for spec in manifest.outputs),
            actual=sorted(given),
        )
    return outputs, receipt, checker
