"""The public network's ``tee_*`` format: what its nodes hash and sign, in one place.

The canonical request is a reduced copy of the body, written by Python's `json.dumps` with sorted
keys and its default separators, because that is what the network's nodes and clients hash. Much
of an exchange is not covered: see `opengradient.verify.legacy` for what this format leaves open.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from opengradient.core.canonical import JsonObject
from opengradient.core.digests import keccak256
from opengradient.core.messages import Choice, InferenceRequest
from opengradient.core.modes import ReceiptKind
from opengradient.errors import MalformedError

SALT_BYTES: Final = 32
"""Salt of the RSA-PSS signature (SHA-256, MGF1 with SHA-256)."""

_OHTTP_DOMAIN: Final = b"OPENGRADIENT_TEE_OHTTP_CONFIG_V1"

_CHAT_OPTIONS: Final[tuple[str, ...]] = (
    "max_tokens",
    "stop",
    "tools",
    "response_format",
    "web_search",
)
_COMPLETION_OPTIONS: Final[tuple[str, ...]] = ("max_tokens", "stop")


def canonical_request(kind: ReceiptKind, body: Mapping[str, Any]) -> JsonObject:
    """The part of a request that is hashed.

    Args:
        kind: CHAT or COMPLETION.
        body: The request body.

    Raises:
        MalformedError: This format has no form for such a request.
    """
    if kind == ReceiptKind.CHAT:
        content: JsonObject = {"messages": [_message(item) for item in body["messages"]]}
        options = _CHAT_OPTIONS
    elif kind == ReceiptKind.COMPLETION:
        content, options = {"prompt": body["prompt"]}, _COMPLETION_OPTIONS
    else:
        raise MalformedError(f"the legacy format has no form for requests of kind {kind.name}")
    temperature = body.get("temperature")
    return {
        "model": body["model"],
        **content,
        "temperature": 0.0 if temperature is None else float(temperature),
        **{name: body[name] for name in options if body.get(name) is not None},
    }


def _message(message: Mapping[str, Any]) -> JsonObject:
    role, content = message["role"], message.get("content")
    if role == "user":
        if isinstance(content, list):
            content = [_part(part) for part in content]
        return {"role": role, "content": content}
    if role == "assistant":
        reduced: JsonObject = {"role": role, "content": content or ""}
        if message.get("tool_calls"):
            reduced["tool_calls"] = [_call(call) for call in message["tool_calls"]]
        return reduced
    if role == "tool":
        return {"role": role, "content": content, "tool_call_id": message["tool_call_id"]}
    if role == "function":
        return {"role": role, "content": content, "name": message["name"]}
    # The public client sends what others call "developer" under the name "system".
    return {"role": "system", "content": content}


def _part(part: Mapping[str, Any]) -> JsonObject:
    """Text stays; of an attachment only the type and the file's name are covered."""
    if part["type"] == "text":
        return {"type": "text", "text": part["text"]}
    filename = part.get("file", {}).get("filename")
    return (
        {"type": part["type"]}
        if filename is None
        else {
            "type": part["type"],
            "filename": filename,
        }
    )


def _call(call: Mapping[str, Any]) -> JsonObject:
    function = call["function"]
    return {
        "id": call["id"],
        "type": call["type"],
        "function": {"name": function["name"], "arguments": function["arguments"]},
    }


def _python_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def request_hash(kind: ReceiptKind, body: Mapping[str, Any]) -> bytes:
    """keccak256 of the canonical request."""
    return keccak256(_python_json(canonical_request(kind, body)).encode())


def legacy_output(choice: Choice) -> str:
    """The part of an answer that is hashed: the tool calls if there are any, else the text."""
    if choice.tool_calls:
        return _python_json(
            [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in choice.tool_calls
            ]
        )
    return choice.text or ""


def output_hash(choices: Sequence[Choice]) -> bytes:
    """keccak256 of the first choice's output; the format knows no others."""
    return keccak256(legacy_output(choices[0]).encode() if choices else b"")


def message_hash(request: bytes, output: bytes, timestamp: int) -> bytes:
    """What RSA-PSS signs (and hashes once more with SHA-256).

    Args:
        request: `request_hash`.
        output: `output_hash`.
        timestamp: Unix seconds.
    """
    return keccak256(request + output + timestamp.to_bytes(32))


def tee_id(public_key_der: bytes) -> str:
    """The public network's name of a node: keccak256 of its RSA key's SubjectPublicKeyInfo."""
    return "0x" + keccak256(public_key_der).hex()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyStatement:
    """What is hashed of one exchange.

    Attributes:
        request: 32-byte hash of the canonical request.
        output: 32-byte hash of the output.
        timestamp: Unix seconds.
    """

    request: bytes
    output: bytes
    timestamp: int

    @classmethod
    def of(
        cls, request: InferenceRequest, choices: Sequence[Choice], *, timestamp: int
    ) -> "LegacyStatement":
        """Reduce an exchange to this format."""
        return cls(
            request=request_hash(request.kind, request.body),
            output=output_hash(choices),
            timestamp=timestamp,
        )

    def signed_message(self) -> bytes:
        """The 32 bytes that RSA-PSS signs."""
        return message_hash(self.request, self.output, self.timestamp)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TeeFields:
    """The ``tee_*`` fields of an answer.

    Attributes:
        signature: RSA-PSS signature over `message_hash`.
        request: What the node says is `request_hash`, 32 bytes.
        output: What the node says is `output_hash`, 32 bytes.
        timestamp: Unix seconds.
        tee_id: The node's name, `tee_id` of its key.
    """

    signature: bytes
    request: bytes
    output: bytes
    timestamp: int
    tee_id: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OhttpStatement:
    """What a node of the public network says about its key for Oblivious HTTP.

    Attributes:
        key_id: 0 to 255.
        kem_id: RFC 9180 KEM.
        kdf_id: RFC 9180 KDF.
        aead_id: RFC 9180 AEAD.
        public_key: The key.
        key_config: The same as RFC 9458 section 3.1 writes it.
        tee_id: keccak256 of the node's RSA key, 32 bytes.
        signature: RSA-PSS over `ohttp_statement_hash`.
    """

    key_id: int
    kem_id: int
    kdf_id: int
    aead_id: int
    public_key: bytes
    key_config: bytes
    tee_id: bytes
    signature: bytes


def ohttp_statement_hash(statement: OhttpStatement) -> bytes:
    """What the node signs: every part in a word of 32 bytes, keys by their hash."""
    numbers = (statement.key_id, statement.kem_id, statement.kdf_id, statement.aead_id)
    return keccak256(
        b"".join(
            (
                keccak256(_OHTTP_DOMAIN),
                statement.tee_id,
                *(number.to_bytes(32) for number in numbers),
                keccak256(statement.public_key),
                keccak256(statement.key_config),
            )
        )
    )
