"""Requests and answers of ``/v1/inference``, and the list of a node's models. Strict both ways."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from opengradient.core.bundle import AttachedReceipt
from opengradient.core.canonical import JsonObject, canonical_json, parse_json_object
from opengradient.core.commitments import FieldValue
from opengradient.core.models import ModelManifest
from opengradient.core.modes import VerificationMode
from opengradient.core.tensors import Tensor, TensorFile, decode, encode
from opengradient.errors import MalformedError, UnsupportedError
from opengradient.wire.fields import members
from opengradient.wire.receipts import decode_attached, encode_attached

PATH: Final = "/v1/inference"
MEDIA_TYPE: Final = "application/vnd.opengradient.tensors"
MODES: Final = (VerificationMode.VANILLA, VerificationMode.TEE)
"""What a node can be asked for."""

_ROOT: Final = re.compile(r"[0-9a-f]{64}")
_ATTACHMENT: Final = "opengradient"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """A request to run a model.

    Attributes:
        root: The model root, 32 bytes.
        mode: How the inference is to be checkable.
        inputs: What it runs on, by name.
    """

    root: bytes
    mode: VerificationMode
    inputs: Mapping[str, Tensor]


def encode_request(request: ModelRequest) -> bytes:
    """Write a request's body."""
    info = {"model": request.root.hex(), "mode": request.mode.name}
    return encode(TensorFile(tensors=request.inputs, info=info))


def parse_request(data: bytes, *, max_bytes: int) -> ModelRequest:
    """Read a request's body.

    Raises:
        MalformedError: Code ``tensor.*``, ``format.*`` or ``request.invalid``.
        UnsupportedError: Code ``request.mode``: the node does not make such inferences.
    """
    file = decode(data, max_bytes=max_bytes)
    members(file.info, "info", ("model", "mode"))
    root, mode = file.info["model"], file.info["mode"]
    if not isinstance(root, str) or not _ROOT.fullmatch(root):
        raise MalformedError("info.model must be 64 lower-case hex digits", code="request.invalid")
    for known in MODES:
        if mode == known.name:
            return ModelRequest(root=bytes.fromhex(root), mode=known, inputs=file.tensors)
    raise UnsupportedError(
        f"info.mode is {' or '.join(known.name for known in MODES)}", code="request.mode"
    )


def encode_answer(outputs: Mapping[str, Tensor], receipt: AttachedReceipt) -> bytes:
    """Write an answer's body."""
    info = {_ATTACHMENT: encode_attached(receipt)}
    return encode(TensorFile(tensors=outputs, info=info))


def decode_answer(data: bytes, *, max_bytes: int) -> tuple[Mapping[str, Tensor], AttachedReceipt]:
    """Read an answer's body; nothing of it is verified yet.

    Raises:
        MalformedError: Not of this form.
    """
    file = decode(data, max_bytes=max_bytes)
    members(file.info, "info", (_ATTACHMENT,))
    return file.tensors, decode_attached(file.info[_ATTACHMENT])


def response_fields(outputs: Mapping[str, Tensor], status: int) -> dict[str, FieldValue]:
    """The response section of the receipt (docs/spec/receipt.md, clause 3.8).

    Each output is bound as a container of its own, so that type, shape and data are one value.
    """
    return {
        "status": status,
        **{
            f"output.{name}": encode(TensorFile(tensors={name: tensor}, info={}))
            for name, tensor in outputs.items()
        },
    }


def encode_models(manifests: Sequence[ModelManifest]) -> JsonObject:
    """Write the answer to ``GET /v1/models``, in the shape of OpenAI's list."""
    return {
        "object": "list",
        "data": [
            {
                "id": manifest.root.hex(),
                "object": "model",
                "manifest": parse_json_object(manifest.encode(), what="a manifest"),
            }
            for manifest in manifests
        ],
    }


def decode_models(value: Any) -> tuple[ModelManifest, ...]:
    """Read the answer to ``GET /v1/models``. The root of each manifest is computed here.

    Raises:
        MalformedError: Not of this form, or a manifest under another root than its own.
    """
    members(value, "the list of models", ("object", "data"))
    if not isinstance(value["data"], list):
        raise MalformedError("not a list of models")
    manifests = []
    for item in value["data"]:
        members(item, "a model in the list", ("id", "object", "manifest"))
        manifest = ModelManifest.parse(canonical_json(item["manifest"]))
        if manifest.root.hex() != item["id"]:
            raise MalformedError(
                "a node lists a manifest under another root than its own",
                code="model.malformed",
                expected=manifest.root.hex(),
                actual=item["id"],
            )
        manifests.append(manifest)
    return tuple(manifests)
