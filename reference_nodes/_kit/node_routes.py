"""The routes that every node with receipts has: evidence, receipts, settlement, health."""

import re
from collections.abc import Callable
from typing import Final, final

from opengradient.core.canonical import JsonObject, parse_json_object
from opengradient.core.digests import sha256
from opengradient.core.evidence import Evidence
from opengradient.core.receipts import ReceiptDomain
from opengradient.core.tensors import decode
from opengradient.errors import ConfigurationError, NotFoundError, OpenGradientError
from opengradient.wire.fields import to_base64, to_hex
from opengradient.wire.model_inference import MEDIA_TYPE
from opengradient.wire.openai_reply import ATTACHMENT
from opengradient.wire.settlement import encode_evidence
from opengradient.wire.sse import DONE, EventDecoder
from reference_nodes._kit.answers import Answer, AnswerStore
from reference_nodes._kit.app import Request, Response, Routes
from reference_nodes._kit.clock import Clock
from reference_nodes._kit.identity import TIMELESS, NodeIdentity
from reference_nodes._kit.journal import Journal, storage_error
from reference_nodes._kit.outbox import Outbox

_DIGEST: Final = re.compile(r"(?:0x)?([0-9a-f]{64})")
_NONCE: Final = re.compile(r"(?:[0-9a-f]{2}){16,64}")
_LEGACY_NONCE: Final = re.compile(r"[0-9a-f]{40}")
_LONGEST_KEY: Final = 255


@final
class NodeRoutes:
    """Handlers over a node's identity, outbox and answers."""

    def __init__(
        self,
        *,
        identity: NodeIdentity,
        domain: ReceiptDomain,
        journal: Journal,
        outbox: Outbox,
        store: AnswerStore,
        clock: Clock,
        version: str,
        configuration: JsonObject | None = None,
        status: Callable[[], str] = lambda: "ok",
    ) -> None:
        """Take what the handlers show; `status` is the word for /health."""
        self._identity = identity
        self._domain = domain
        self._journal = journal
        self._outbox = outbox
        self._store = store
        self._clock = clock
        self._version = version
        self._configuration = configuration
        self._status = status
        self._started_at = clock()

    def routes(self) -> Routes:
        """The routes."""
        return {
            "/health": {"GET": self.health},
            "/v1/evidence": {"GET": self.evidence},
            "/v1/evidence/": {"GET": self.earlier_evidence},
            "/v1/receipts": {"GET": self.receipt},
            "/v1/settlement/": {"GET": self.settlement},
            "/signing-key": {"GET": self.signing_key},
            "/enclave/attestation": {"GET": self.attestation},
        }

    async def health(self, request: Request) -> Response:
        """Whether the node can answer, and what waits in its outbox."""
        request.query()
        if self._journal.failed:
            raise storage_error()
        now_ms = self._clock()
        return Response.json(
            {
                "status": self._status(),
                "nodeId": to_hex(self._identity.node_id),
                "version": self._version,
                "uptimeMs": now_ms - self._started_at,
                "evidenceAgeMs": now_ms - self._identity.standing.made_at_ms,
                "outbox": await self._outbox.counts(),
            }
        )

    async def evidence(self, request: Request) -> Response:
        """The node's keys and the evidence that binds them, fresh where a nonce is given."""
        nonce = request.query("nonce").get("nonce")
        # Of the keys that this very connection stands on: the client compares them with its peer's.
        standing = self._identity.arrival(request.channel).standing
        tls = standing.keys.tls
        fresh: Evidence | None = None
        if nonce is not None:
            if not _NONCE.fullmatch(nonce):
                raise ConfigurationError(
                    "nonce must be 32 to 128 lower-case hex digits", code="request.invalid"
                )
            fresh = await self._identity.fresh(bytes.fromhex(nonce), standing)
        identity, domain = self._identity, self._domain
        return Response.json(
            {
                "nodeId": to_hex(identity.node_id),
                "standing": encode_evidence(standing.evidence),
                "fresh": None if fresh is None else encode_evidence(fresh),
                "tlsCertificate": tls.certificate_pem if tls else None,
                "legacySigningKey": identity.legacy.public_pem if identity.legacy else None,
                "domain": {
                    "chainId": domain.chain_id,
                    "settlementContract": to_hex(domain.settlement_contract),
                },
                # The reference nodes compute on the CPU or elsewhere: they have no GPU to show.
                "devices": [],
                "configuration": self._configuration,
            }
        )

    async def earlier_evidence(self, request: Request) -> Response:
        """Standing evidence by its digest, also of earlier keys."""
        evidence = await self._identity.earlier_evidence(_digest(request.tail))
        if evidence is None:
            raise _not_found("no evidence of this digest was ever this node's")
        return Response.json(encode_evidence(evidence))

    async def receipt(self, request: Request) -> Response:
        """The receipt under an idempotency key: whoever knows the key may have it."""
        request.query()
        key = request.header(b"idempotency-key")
        if not key or len(key) > _LONGEST_KEY:
            raise ConfigurationError("Idempotency-Key: is required", code="request.invalid")
        found = await self._store.look_up(key, now_ms=self._clock())
        if found is None:
            raise _not_found("nothing was answered under this idempotency key")
        return Response.json(_recalled(found if isinstance(found, Answer) else None))

    async def settlement(self, request: Request) -> Response:
        """Where a receipt of the outbox stands."""
        digest = _digest(request.tail)
        state = await self._outbox.state(digest)
        if state is None:
            raise _not_found("the outbox has no receipt of this digest")
        return Response.json({"digest": to_hex(digest), "state": state.value, "inclusion": None})

    async def signing_key(self, request: Request) -> Response:
        """The public network's key endpoint."""
        request.query()
        legacy = self._identity.legacy
        if legacy is None:
            raise _not_found("this node does not sign the public network's fields")
        return Response.json(
            {
                "public_key": legacy.public_pem,
                "tee_id": legacy.tee_id,
                "timestamp": self._clock() // 1000,
            }
        )

    async def attestation(self, request: Request) -> Response:
        """The public network's attestation endpoint (nitriding): a document in base64."""
        nonce = request.query("nonce").get("nonce", "")
        if not _LEGACY_NONCE.fullmatch(nonce):
            raise ConfigurationError("nonce must be 40 hex digits", code="request.invalid")
        standing = self._identity.arrival(request.channel).standing
        if standing.evidence.kind in TIMELESS:
            raise _not_found("this node's evidence has not the public network's form")
        evidence = await self._identity.fresh(bytes.fromhex(nonce), standing)
        return Response(200, to_base64(evidence.document).encode(), b"text/plain; charset=utf-8")


def _recalled(answer: Answer | None) -> JsonObject:
    if answer is None:
        return {"state": "running", "status": 0, "opengradient": None, "chunkDigests": []}
    chunks: list[bytes] = []
    if answer.media_type == MEDIA_TYPE:
        attached = decode(answer.body, max_bytes=len(answer.body)).info[ATTACHMENT]
        return _done(attached, chunks)
    if answer.stream:
        *chunks, final = [
            event.data for event in EventDecoder().feed(answer.body) if event.data != DONE
        ]
    else:
        final = answer.body
    attached = parse_json_object(final, what="a stored answer")[ATTACHMENT]
    return _done(attached, chunks)


def _done(attached: JsonObject, chunks: list[bytes]) -> JsonObject:
    return {
        "state": "done",
        "status": attached["receipt"]["status"],
        "opengradient": attached,
        "chunkDigests": [to_hex(sha256(chunk)) for chunk in chunks],
    }


def _digest(tail: str) -> bytes:
    match = _DIGEST.fullmatch(tail)
    if match is None:
        raise ConfigurationError("a digest has 64 lower-case hex digits", code="request.invalid")
    return bytes.fromhex(match[1])


def _not_found(message: str) -> OpenGradientError:
    return NotFoundError(message, status=404)
