"""Every parser of bytes that come from a peer: how to call it, its errors, its genuine inputs.

A new parser is one line in `PARSERS`.
"""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from opengradient.core import cbor, tensors
from opengradient.core.canonical import load_foreign_json, parse_json, parse_json_object
from opengradient.core.collateral import Collateral
from opengradient.core.evidence import Evidence
from opengradient.core.keyset import Keyset
from opengradient.core.models import Dtype, ModelManifest
from opengradient.core.modes import ReceiptKind
from opengradient.core.nitro_document import parse_document
from opengradient.core.releases import ReleaseManifest
from opengradient.core.revocations import RevocationList
from opengradient.core.signed_files import Signatures
from opengradient.core.tensors import Tensor
from opengradient.errors import ConfigurationError, UnsupportedError, VerificationError
from opengradient.storage._answers import read_stored
from opengradient.verify._der import outline
from opengradient.verify._x509 import ECDSA_P384_SHA384, parse_certificate
from opengradient.verify.attestation import INSPECTORS, verify_evidence
from opengradient.verify.attestation._sign1 import open_envelope
from opengradient.verify.node import certificate_spki
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.receipts import verify_receipt
from opengradient.wire.aci import decode_aci
from opengradient.wire.batches import decode_batch
from opengradient.wire.legacy import decode_legacy_choices, decode_legacy_usage, decode_tee_fields
from opengradient.wire.nodes import decode_node_evidence, decode_settlement_status
from opengradient.wire.openai_decode import decode_chunk, decode_error, decode_reply
from opengradient.wire.openai_request import parse_request
from opengradient.wire.receipts import decode_attached, decode_bundle, decode_signed
from opengradient.wire.sealed_keys import decode_sealed_keys, encode_sealed_keys
from opengradient.wire.settlement import decode_evidence, decode_inclusion
from opengradient.wire.sse import EventDecoder
from tests.support import ROOT
from tests.unit.core import test_sealed_keys
from tests.unit.core.test_models import MODEL
from tests.unit.verify import aci_forge
from tests.unit.verify import releases_factory as releases

Errors = tuple[type[BaseException], ...]
Parse = Callable[[bytes], object]
REFUSALS: Errors = (VerificationError, UnsupportedError)
"""What a parser of evidence and receipts may raise."""

VECTORS = ROOT / "tests" / "vectors"


@dataclass(frozen=True)
class Parser:
    """One parser.

    Attributes:
        name: For people, and for ``make fuzz ARGS=NAME``.
        parse: Takes any bytes.
        seeds: Gives genuine inputs, which are then damaged.
        errors: What it may raise.
        text: Whether its input is JSON, so that damage to its values makes sense.
    """

    name: str
    parse: Parse
    seeds: Callable[[], list[bytes]]
    errors: Errors = REFUSALS
    text: bool = False


@cache
def nitro_vectors() -> dict[str, Any]:
    """Our vectors of Nitro documents."""
    return json.loads((VECTORS / "evidence" / "nitro.json").read_text())


@cache
def receipt_vectors() -> dict[str, Any]:
    """Our vectors of receipts."""
    return json.loads((VECTORS / "receipt_files.json").read_text())


def evidence_seeds(stem: str, kind: str | None = None) -> Callable[[], list[bytes]]:
    """Documents that are accepted, from a file of vectors, of one kind where it has several."""

    def seeds() -> list[bytes]:
        file = json.loads((VECTORS / "evidence" / f"{stem}.json").read_text())
        names = [
            vector["document"]
            for vector in file["vectors"]
            if vector["expect"] == "accept" and kind in (None, vector.get("kind", file["kind"]))
        ]
        return [base64.b64decode(file["blobs"][name]) for name in dict.fromkeys(names)][:12]

    return seeds


nitro = evidence_seeds("nitro")


def receipt_seeds(kind: str) -> Callable[[], list[bytes]]:
    """Files that are accepted."""

    def seeds() -> list[bytes]:
        file = receipt_vectors()
        chosen = [v for v in file["vectors"] if v["kind"] == kind and v["expect"] == "accept"]
        return [file["files"][name].encode() for name in {v["file"]: 0 for v in chosen}][:12]

    return seeds


@cache
def policy() -> TrustPolicy:
    """The policy of the vectors."""
    return TrustPolicy.from_json(nitro_vectors()["policies"]["any measurement"])


def _now() -> int:
    return int(nitro_vectors()["vectors"][0]["now_ms"])


def _verify_nitro(data: bytes) -> object:
    evidence = Evidence(kind="aws-nitro", document=data)
    return verify_evidence(evidence, policy=policy(), now_ms=_now())


def _verify_file(data: bytes) -> object:
    return verify_receipt(decode_bundle(data), policy=policy(), now_ms=_now())


def _json(decode: Callable[[Any], object]) -> Parse:
    return lambda data: decode(parse_json(data))


def _json_object(decode: Callable[[Any], object]) -> Parse:
    return lambda data: decode(parse_json_object(data))


def _stream(data: bytes) -> object:
    decoder = EventDecoder(max_event_bytes=64 * 1024)
    pieces = [data[at : at + 1000] for at in range(0, len(data), 1000)]
    return [event for piece in pieces for event in decoder.feed(piece)]


def _request(data: bytes) -> object:
    return parse_request(data, "/v1/chat/completions", max_bytes=2**20)


def _legacy(body: dict[str, Any]) -> object:
    return decode_tee_fields(body), decode_legacy_choices(body), decode_legacy_usage(body)


def payloads() -> list[bytes]:
    """Payloads of Nitro documents."""
    return [open_envelope(document).payload for document in nitro()[:4]]


def certificates() -> list[bytes]:
    """Certificates in DER."""
    content = parse_document(payloads()[0])
    return [*content.cabundle, content.certificate]


def policies() -> list[bytes]:
    """Trust policies in their file form."""
    return [json.dumps(policy).encode() for policy in nitro_vectors()["policies"].values()]


def files_with(member: str) -> Callable[[], list[bytes]]:
    """One member of receipt files that have it."""

    def seeds() -> list[bytes]:
        files = [json.loads(text) for text in receipt_vectors()["files"].values() if _whole(text)]
        return [json.dumps(file[member]).encode() for file in files if member in file][:6]

    return seeds


def _whole(text: str) -> bool:
    try:
        return isinstance(parse_json(text), dict)
    except VerificationError:
        return False


def _fixed(*values: object) -> Callable[[], list[bytes]]:
    return lambda: [v if isinstance(v, bytes) else json.dumps(v).encode() for v in values]


def attached() -> list[bytes]:
    """A receipt as it goes with an answer."""
    file = json.loads(receipt_seeds("receipt-file")()[1])
    shown = {name: {} for name in ("upstream", "model", "payment")}
    head = {name: file[name] for name in ("domain", "receipt", "signature")}
    return _fixed(
        {"version": "opengradient.receipt/1", "seed": "0x" + "00" * 32, **head, **shown}
    )()


def node_evidence() -> list[bytes]:
    """What a node presents."""
    evidence = {
        "kind": "aws-nitro",
        "document": base64.b64encode(nitro()[0]).decode(),
        "collateral": {},
        "runtimeData": "",
    }
    domain = {"chainId": 1, "settlementContract": "0x" + "00" * 20}
    return _fixed(
        {
            "nodeId": "0x" + "00" * 32,
            "standing": evidence,
            "fresh": evidence,
            "tlsCertificate": "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n",
            "legacySigningKey": None,
            "domain": domain,
            "devices": [evidence],
        }
    )()


CHAT = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
REPLY = {
    "id": "1", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop",
                 "message": {"role": "assistant", "content": "Hello"}}],
    "usage": {
        "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    },
}  # fmt: skip
ERROR = {
    "error": {"message": "m", "type": "invalid_request_error", "code": "request.invalid",
              "param": None, "provider_status": None, "retry_after": None},
}  # fmt: skip
CHUNK = {
    "id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m",
    "choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": None}],
}  # fmt: skip
TEE = {
    **REPLY, "tee_signature": "AAAA", "tee_request_hash": "00" * 32, "tee_output_hash": "00" * 32,
    "tee_timestamp": 1, "tee_id": "0x" + "00" * 32,
}  # fmt: skip
STORED = {
    "alreadyCertified": {"blobId": "A" * 43, "endEpoch": 7, "event": {}},
}


def tensor_files() -> list[bytes]:
    """Tensors in their one encoding."""
    numbers = Tensor(dtype=Dtype.FLOAT32, shape=(2, 2), data=bytes(16))
    texts = Tensor.of_texts(["a", "\u00e4"], (2,))
    file = tensors.TensorFile(tensors={"x": numbers, "y": texts}, info={})
    return [tensors.encode(file)]


def aci_receipts() -> list[bytes]:
    """Receipts of the ACI format."""
    return [json.dumps(aci_forge.receipt_json()).encode()]


def sealed_keys() -> list[bytes]:
    """Provider keys, sealed for a node."""
    return [encode_sealed_keys(test_sealed_keys.sealed())]


CHAT_KIND = ReceiptKind.CHAT

PARSERS = [
    Parser("cbor", cbor.decode, payloads),
    Parser("cose", open_envelope, nitro),
    Parser("nitro-payload", parse_document, payloads),
    Parser("nitro", _verify_nitro, nitro),
    Parser("nitro-inspect", INSPECTORS["aws-nitro"], nitro),
    Parser("der-outline", outline, certificates),
    Parser("certificate", lambda data: parse_certificate(data, ECDSA_P384_SHA384), certificates),
    Parser("peer-certificate", certificate_spki, certificates),
    Parser("json", parse_json, files_with("receipt"), text=True),
    Parser("json-foreign", load_foreign_json, files_with("receipt"), (ValueError,), text=True),
    Parser("keyset", Keyset.parse, lambda: [parse_document(payloads()[0]).public_key or b""]),
    Parser("receipt-file", decode_bundle, receipt_seeds("receipt-file"), text=True),
    Parser("receipt-file-verified", _verify_file, receipt_seeds("receipt-file"), text=True),
    Parser("signed-receipt", _json(decode_signed), receipt_seeds("settlement"), text=True),
    Parser("attached-receipt", _json(decode_attached), attached, text=True),
    Parser("batch", decode_batch, receipt_seeds("batch"), text=True),
    Parser("inclusion", _json(decode_inclusion), files_with("inclusion"), text=True),
    Parser("evidence-json", _json(decode_evidence), files_with("evidence"), text=True),
    Parser("node-evidence", _json(decode_node_evidence), node_evidence, text=True),
    Parser(
        "settlement-status",
        _json(decode_settlement_status),
        _fixed({"digest": "0x" + "00" * 32, "state": "queued", "inclusion": None}),
        text=True,
    ),
    Parser(
        "policy",
        _json_object(TrustPolicy.from_json),
        policies,
        (*REFUSALS, ConfigurationError),
        text=True,
    ),
    Parser("sse", _stream, _fixed(b'data: {"a":1}\n\nevent: x\r\ndata: y\r\n\r\ndata: [DONE]\n\n')),
    Parser("openai-request", _request, _fixed(CHAT), (ConfigurationError,), text=True),
    Parser("openai-reply", _json_object(lambda v: decode_reply(v, CHAT_KIND)), _fixed(REPLY), text=True),
    Parser("openai-chunk", _json_object(lambda v: decode_chunk(v, CHAT_KIND)), _fixed(CHUNK), text=True),
    Parser("openai-error", _json(lambda v: decode_error(v, 400)), _fixed(ERROR), text=True),
    Parser("tensors", lambda data: tensors.decode(data, max_bytes=2**20), tensor_files),
    Parser("model-manifest", ModelManifest.parse, lambda: [MODEL.encode()], text=True),
    Parser("storage-answer", lambda d: read_stored(d, size=1), _fixed(STORED), text=True),
    Parser("releases", ReleaseManifest.parse, lambda: [releases.signed(releases.manifest())[0]], text=True),
    Parser("revocations", RevocationList.parse, lambda: [releases.signed(releases.revocations())[0]], text=True),
    Parser("signatures", Signatures.parse, lambda: [releases.signed(releases.manifest())[1]], text=True),
    Parser("aci-receipt", decode_aci, aci_receipts, text=True),
    Parser("sealed-keys", decode_sealed_keys, sealed_keys, text=True),
    Parser("tee-fields", _json_object(_legacy), _fixed(TEE), text=True),
]  # fmt: skip


def _optional(name: str, path: str, seeds: Callable[[], list[bytes]], *extra: Any) -> None:
    """Add ``module:function(data, *extra)`` where this release has it."""
    module, function = path.split(":")
    try:
        found = getattr(import_module(module), function)
    except ModuleNotFoundError:
        return
    PARSERS.append(Parser(name, lambda data: found(data, *extra), seeds))


_optional(
    "tdx-quote", "opengradient.core.tdx_quote:parse_quote", evidence_seeds("tdx", "intel-tdx"), 0x81
)
_optional(
    "sgx-quote", "opengradient.core.tdx_quote:parse_quote", evidence_seeds("tdx", "intel-sgx"), 0
)
_optional("snp-report", "opengradient.core.snp_report:parse_report", evidence_seeds("snp"))
_optional("jwt", "opengradient.core.jwt:parse_token", evidence_seeds("gcp"))
_optional(
    "bhttp-request",
    "opengradient.wire.bhttp:decode_request",
    lambda: [b"\0\3GET\5https\0\1/\0\0\0"],
)
_optional(
    "bhttp-response", "opengradient.wire.bhttp:decode_response", lambda: [b"\1\x40\xc8\0\0\0"]
)
_optional(
    "ohttp-key-config",
    "opengradient.transport.ohttp.keys:parse_key_configs",
    lambda: [b"\0\x29\0\0\x20" + bytes(32) + b"\0\4\0\1\0\3"],
)


def _of_kind(kind: str, vector: dict[str, Any], file: dict[str, Any], item: str | None) -> Parser:
    """The verifier of a kind, one input of an accepted vector given and the rest right."""

    def blob(name: str | None) -> bytes:
        return b"" if name is None else base64.b64decode(file["blobs"][name])

    right = {name: blob(named) for name, named in vector["collateral"].items()}
    accepted = cache(lambda: TrustPolicy.from_json(file["policies"][vector["policy"]]))

    def parse(data: bytes) -> object:
        evidence = Evidence(
            kind=kind,
            document=data if item is None else blob(vector["document"]),
            runtime_data=blob(vector["runtime_data"]),
            collateral=Collateral.of(right if item is None else {**right, item: data}),
        )
        nonce = None if vector["nonce"] is None else bytes.fromhex(vector["nonce"])
        return verify_evidence(evidence, policy=accepted(), now_ms=vector["now_ms"], nonce=nonce)

    seed = blob(vector["document"]) if item is None else right[item]
    return Parser(f"{kind} {item or 'document'}", parse, lambda: [seed])


def _kinds() -> Iterator[Parser]:
    """Every kind of evidence that has vectors: its document, and each item of its collateral."""
    done = {"aws-nitro"}
    for path in sorted((VECTORS / "evidence").glob("*.json")):
        file = json.loads(path.read_text())
        for vector in file["vectors"]:
            kind = vector.get("kind", file["kind"])
            if kind not in done and vector["expect"] == "accept":
                done.add(kind)
                items = () if kind == "intel-sgx" else vector["collateral"]  # the same as TDX's
                for item in (None, *items):
                    yield _of_kind(kind, vector, file, item)


PARSERS.extend(_kinds())
