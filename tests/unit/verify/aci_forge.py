"""A small ACI service of our own: makes documents that are right, and wrong in one place each."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from opengradient.core.aci import AciBundle, AciKeyset, AciReceipt, AciReport, AciSession
from opengradient.core.canonical import canonical_json
from opengradient.core.digests import sha256
from tests.vectors.evidence import intel_forge

NOW_MS = intel_forge.NOW
NOW = NOW_MS // 1000
REQUEST = b'{"model":"m/1","messages":[]}'
REWRITTEN = b'{"messages":[],"model":"m/1"}'
RESPONSE = b"data: {}\n\ndata: [DONE]\n\n"
SPKI = sha256(b"tls key")

_KEY = Ed25519PrivateKey.from_private_bytes(sha256(b"own ACI receipt key"))
Change = Callable[[dict[str, Any]], object]


def named(data: bytes) -> str:
    return "sha256:" + sha256(data).hex()


def keyset_json() -> dict[str, Any]:
    return {
        "subject": "dns:example",
        "not_after": NOW + 86_400,
        "receipt_signing_keys": [
            {
                "key_id": "r1",
                "algo": "ed25519",
                "public_key": _KEY.public_key().public_bytes_raw().hex(),
            },
            {"key_id": "r2", "algo": "ml-dsa-65", "public_key": "00"},
        ],
        "e2ee_public_keys": [{"key_id": "e1", "algo": "x", "public_key": "aa"}],
        "tls_public_keys": [
            {"spki_sha256": SPKI.hex(), "domain": "api.example"},
            {"spki_sha256": sha256(b"other").hex()},
        ],
    }


def keyset(change: Change | None = None) -> AciKeyset:
    value = keyset_json()
    if change is not None:
        change(value)
    return AciKeyset.parse(value)


def session_json() -> dict[str, Any]:
    return {
        "api_version": "aci/1",
        "upstream_name": "up",
        "endpoint": None,
        "verifier_id": "v/1",
        "established_at": NOW - 600,
        "expires_at": NOW + 600,
        "channel_binding": [{"type": "tls_spki_sha256", "origin": "https://up", "spki_sha256": ""}],
        "claims": {
            "tee_attested": {"status": "asserted", "source": "hardware_proven", "reason": "quote"},
            "gpu_attested": {"status": "unknown"},
        },
        "evidence": {"digest": named(b"quote"), "data": "data:a/b;base64,cXVvdGU="},
    }


def session(change: Change | None = None) -> AciSession:
    value = session_json()
    if change is not None:
        change(value)
    return AciSession.parse(value)


def verified_event(record: AciSession | None = None) -> dict[str, Any]:
    return {
        "type": "upstream.verified",
        "result": "verified",
        "required": True,
        "model_id": "m/1-fp8",
        "session_id": (record or session()).session_id.hex(),
    }


FAILED_EVENT = {
    "type": "upstream.verified",
    "result": "failed",
    "required": True,
    "model_id": "m/1",
    "reason": "stale",
}


def receipt_json(change: Change | None = None) -> dict[str, Any]:
    """A signed receipt; `change` is applied before it is signed."""
    value: dict[str, Any] = {
        "api_version": "aci/1",
        "receipt_id": "rcpt-1",
        "chat_id": None,
        "model": "m/1",
        "workload_keyset_digest": "sha256:" + keyset().digest.hex(),
        "endpoint": "/v1/chat/completions",
        "method": "POST",
        "served_at": NOW - 10,
        "event_log": [
            {"type": "request.received", "body_hash": named(REQUEST)},
            {"type": "route.selected", "target_route_id": "a"},
            {"type": "request.forwarded", "body_hash": named(REQUEST)},
            verified_event(),
            {"type": "response.returned", "body_hash": named(RESPONSE)},
        ],
        "key_id": "r1",
    }
    if change is not None:
        change(value)
    return sign(value)


def sign(value: dict[str, Any]) -> dict[str, Any]:
    value.pop("signature", None)
    return {**value, "signature": _KEY.sign(canonical_json(value)).hex()}


def receipt(change: Change | None = None) -> AciReceipt:
    return AciReceipt.parse(json.loads(json.dumps(receipt_json(change))))


def bundle(change: Change | None = None, **parts: Any) -> AciBundle:
    """A bundle without a report: whoever checks it vouches for `keyset()`."""
    whole = AciBundle(
        receipt=receipt(change), sessions=(session(),), request=REQUEST, response=RESPONSE
    )
    return replace(whole, **parts)


def report_json(*, quote: bytes = b"quote", nonce: bytes | None = None) -> dict[str, Any]:
    from opengradient.core.aci import report_data

    value = keyset()
    return {
        "api_version": "aci/1",
        "workload_keyset_digest": "sha256:" + value.digest.hex(),
        "attestation": {
            "tee_type": "tdx",
            "workload_keyset": keyset_json(),
            "report_data": report_data(value.digest, nonce).hex(),
            "source_provenance": {
                "repo_url": "https://example/x",
                "repo_commit": "ab" * 20,
                "image_digest": None,
                "image_provenance": None,
            },
            "evidence": {"quote": quote.hex()},
        },
        "service_capabilities": {"serving": "aggregator", "later": 1},
        "older_field": True,
    }


def report(change: Change | None = None, **options: Any) -> AciReport:
    value = report_json(**options)
    if change is not None:
        change(value)
    return AciReport.parse(value)
