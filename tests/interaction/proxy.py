"""A proxy node with a simulated provider behind it, and a client that checks what it gets."""

import json
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from opengradient.core.canonical import parse_json_object
from opengradient.core.digests import sha256
from opengradient.core.evidence import Evidence
from opengradient.core.messages import Delta, Reply, StreamAccumulator
from opengradient.core.modes import ChannelKind, ReceiptKind
from opengradient.testing.simulators import ProviderSimulator
from opengradient.transport import TlsPin
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.expectation import Expectation
from opengradient.verify.policy import TrustPolicy, UnsafeAnyMeasurement
from opengradient.verify.receipts import VerifiedReceipt, verify_receipt
from opengradient.wire.openai_decode import decode_chunk, decode_error, decode_reply, decode_usage
from opengradient.wire.openai_reply import ATTACHMENT, LEGACY_FIELDS
from opengradient.wire.openai_request import KIND_OF_PATH
from opengradient.wire.receipts import decode_attached
from opengradient.wire.settlement import decode_evidence
from opengradient.wire.sse import DONE, EventDecoder
from reference_nodes._kit.clock import system_clock_ms
from reference_nodes._kit.settings import DEMO_DEFAULTS
from reference_nodes._kit.software_root import SoftwareRoot
from reference_nodes.llm_proxy_node.backends import ProviderSettings
from reference_nodes.llm_proxy_node.config import Settings
from reference_nodes.llm_proxy_node.node import running

CHAT = "/v1/chat/completions"


def chat(model: str = "gpt-4.1-mini", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "Say hello."}], **more}


def everything_in(folder: Path) -> bytes:
    """All bytes that a node left on its disk."""
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


@dataclass
class Node:
    """A running node and its provider."""

    url: str
    http: httpx.AsyncClient
    sim: ProviderSimulator
    settings: Settings
    policy: TrustPolicy
    standing: Evidence
    certificate: str
    legacy_key: str | None
    channel: tuple[ChannelKind, bytes] | None = None

    async def post(
        self,
        body: Mapping[str, Any] | bytes,
        *,
        path: str = CHAT,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.http.post(self.url + path, content=raw, headers=headers)

    def expectation(self, request: httpx.Request, **more: Any) -> Expectation:
        nonce = request.headers.get("x-opengradient-nonce")
        fields: dict[str, Any] = {"path": request.url.path, "body": request.content}
        if "idempotency-key" in request.headers:
            fields["idempotency_key"] = request.headers["idempotency-key"]
        tls_key = verify_evidence(
            self.standing, policy=self.policy, now_ms=system_clock_ms()
        ).keyset.tls_spki_sha256
        return Expectation(
            domain=self.settings.domain,
            nonce=bytes.fromhex(nonce) if nonce else None,
            channel=self.channel or (ChannelKind.TLS, tls_key),
            request=fields,
            **more,
        )

    def verify(
        self,
        attached: Any,
        request: httpx.Request,
        response: Mapping[str, Any],
        *,
        chunks: tuple[bytes, ...] | None = None,
        **more: Any,
    ) -> VerifiedReceipt:
        """Check a receipt with all that the client knows."""
        expect = self.expectation(request, response=response, chunk_digests=chunks, **more)
        bundle = decode_attached(attached).bundle(
            request=expect.request,
            response=response,
            chunk_digests=chunks or None,
            evidence=self.standing,
        )
        return verify_receipt(bundle, policy=self.policy, now_ms=system_clock_ms(), expect=expect)

    def checked(self, response: httpx.Response) -> tuple[Reply | None, VerifiedReceipt]:
        """Check a whole answer; the reply is None for an error."""
        body = parse_json_object(response.content)
        attached = body.pop(ATTACHMENT)
        if "error" in body:
            error = decode_error(body, response.status_code)
            return None, self.verify(
                attached,
                response.request,
                error.committed_fields(),
                status=response.status_code,
                kinds=frozenset({ReceiptKind.ERROR}),
            )
        for name in LEGACY_FIELDS:
            body.pop(name, None)
        reply = decode_reply(body, KIND_OF_PATH[response.request.url.path])
        return reply, self.verify(attached, response.request, reply.committed_fields(), status=200)

    def checked_stream(self, response: httpx.Response) -> tuple[list[Delta], VerifiedReceipt]:
        """Check a stream that ended well or badly."""
        assert response.headers["content-type"].startswith("text/event-stream")
        *events, final, done = [e.data for e in EventDecoder().feed(response.content)]
        assert done == DONE
        kind = KIND_OF_PATH[response.request.url.path]
        deltas = [d for e in events for d in decode_chunk(parse_json_object(e), kind)]
        parts = StreamAccumulator()
        for delta in deltas:
            parts.add(delta)
        last = parse_json_object(final)
        attached = last.pop(ATTACHMENT)
        chunks = tuple(sha256(event) for event in events)
        if "error" in last:
            status = attached["receipt"]["status"]
            fields = dict(decode_error(last, status).committed_fields())
            for choice in parts.choices():
                assert choice.finish_reason == "cut"
                fields.update(choice.committed_fields())
            return deltas, self.verify(
                attached,
                response.request,
                fields,
                chunks=chunks,
                kinds=frozenset({ReceiptKind.ERROR}),
            )
        for name in LEGACY_FIELDS:
            last.pop(name, None)
        for delta in decode_chunk(last, kind):
            parts.add(delta)
        reply = Reply(
            id=last["id"],
            created=last["created"],
            model=last["model"],
            kind=kind,
            choices=parts.choices(),
            usage=decode_usage(last.get("usage")),
            system_fingerprint=last.get("system_fingerprint"),
        )
        return deltas, self.verify(
            attached, response.request, reply.committed_fields(), chunks=chunks, status=200
        )


@asynccontextmanager
async def proxy_node(
    data_dir: Path,
    *,
    provider: str = "openai",
    environ: Mapping[str, str] | None = None,
    demands: AsyncIterable[object] | None = None,
    clock: Callable[[], int] = system_clock_ms,
    **settings: Any,
) -> AsyncIterator[Node]:
    """Run a simulator and a node in front of it."""
    chosen = Settings.from_env(
        {}, **{**DEMO_DEFAULTS, "data_dir": data_dir, "port": 0, "drain_seconds": 1, **settings}
    )
    async with getattr(ProviderSimulator, provider)() as sim:
        if chosen.sealed_keys:
            named = {name: url for name, url in sim.environ().items() if "_API_KEY" not in name}
            providers = ProviderSettings.addresses_from_env(named)
        else:
            providers = ProviderSettings.from_env(environ or sim.environ())
        async with running(chosen, providers, demands=demands, clock=clock) as url:
            async with httpx.AsyncClient(verify=False) as bootstrap:
                seen = (await bootstrap.get(url + "/v1/evidence")).json()
            root = SoftwareRoot.load_or_create(data_dir, "demo", now_ms=system_clock_ms())
            policy = TrustPolicy(roots=(root.unsafe_trust(),), measurements=UnsafeAnyMeasurement())
            pin = TlsPin.certificate(seen["tlsCertificate"]).context() if chosen.tls else False
            async with httpx.AsyncClient(verify=pin, timeout=20) as http:
                yield Node(
                    url=url,
                    http=http,
                    sim=sim,
                    settings=chosen,
                    policy=policy,
                    standing=decode_evidence(seen["standing"]),
                    certificate=seen["tlsCertificate"],
                    legacy_key=seen["legacySigningKey"],
                )
