"""Tensors as bytes: safetensors' container, written in one way, with texts as well.

A container is eight bytes with the length of a JSON header (little-endian), the header, and the
data of each tensor one after the other, row-major and little-endian. `encode` writes what every
safetensors library reads; `decode` takes only what `encode` writes, so that equal tensors are equal
bytes. Tensors of text, which safetensors does not have, are stored as the UTF-8 of a JSON array
and named in the header's metadata with their shape.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from opengradient.core.canonical import JsonObject, canonical_json, parse_json, parse_json_object
from opengradient.core.models import MAX_RANK, MAX_TENSORS, Dtype
from opengradient.errors import MalformedError

MAX_HEADER_BYTES: Final = 1024 * 1024
MAX_ELEMENTS: Final = 1 << 40

_CODES: Final[Mapping[Dtype, str]] = {
    Dtype.BOOL: "BOOL",
    Dtype.INT8: "I8",
    Dtype.INT16: "I16",
    Dtype.INT32: "I32",
    Dtype.INT64: "I64",
    Dtype.UINT8: "U8",
    Dtype.UINT16: "U16",
    Dtype.UINT32: "U32",
    Dtype.UINT64: "U64",
    Dtype.FLOAT16: "F16",
    Dtype.BFLOAT16: "BF16",
    Dtype.FLOAT32: "F32",
    Dtype.FLOAT64: "F64",
}
"""Names of types in safetensors' header."""

_DTYPES: Final = {code: dtype for dtype, code in _CODES.items()}

WIDTHS: Final[Mapping[Dtype, int]] = {
    Dtype.BOOL: 1,
    Dtype.INT8: 1,
    Dtype.INT16: 2,
    Dtype.INT32: 4,
    Dtype.INT64: 8,
    Dtype.UINT8: 1,
    Dtype.UINT16: 2,
    Dtype.UINT32: 4,
    Dtype.UINT64: 8,
    Dtype.FLOAT16: 2,
    Dtype.BFLOAT16: 2,
    Dtype.FLOAT32: 4,
    Dtype.FLOAT64: 8,
}
"""Bytes of one element; texts have no fixed width."""

_METADATA: Final = "__metadata__"
_TEXTS: Final = "texts"
_INFO: Final = "info"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor.

    Attributes:
        dtype: Type of its elements.
        shape: Sizes; empty for a scalar.
        data: Elements in row-major order, little-endian; for texts the UTF-8 of a JSON array.
    """

    dtype: Dtype
    shape: tuple[int, ...]
    data: bytes

    def __post_init__(self) -> None:
        """Refuse data that does not fill the shape.

        Raises:
            MalformedError: Code ``tensor.shape``, ``tensor.size`` or ``tensor.value``.
        """
        count = _elements(self.shape)
        if self.dtype == Dtype.STRING:
            if len(self.texts()) != count:
                raise _malformed("size", "there are not as many texts as the shape has places")
            return
        if len(self.data) != count * WIDTHS[self.dtype]:
            raise _malformed(
                "size",
                f"{self.dtype} of shape {list(self.shape)} has {count * WIDTHS[self.dtype]} bytes",
                actual=len(self.data),
            )
        if self.dtype == Dtype.BOOL and self.data.translate(None, b"\x00\x01"):
            raise _malformed("value", "a bool is 0 or 1")

    @classmethod
    def of_texts(cls, texts: Sequence[str], shape: Sequence[int]) -> "Tensor":
        """A tensor of texts, in row-major order."""
        return cls(dtype=Dtype.STRING, shape=tuple(shape), data=canonical_json(list(texts)))

    def texts(self) -> list[str]:
        """The texts of a tensor of texts.

        Raises:
            MalformedError: Code ``tensor.value``: its data is not the encoding of texts.
        """
        found = parse_json(self.data, what="a tensor of texts")
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise _malformed("value", "texts are a JSON array of strings")
        if canonical_json(found) != self.data:
            raise _malformed("value", "texts in a second spelling")
        return found


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TensorFile:
    """Named tensors with a JSON object beside them.

    Attributes:
        tensors: By name.
        info: What else is said; empty where nothing is.
    """

    tensors: Mapping[str, Tensor]
    info: JsonObject


def encode(file: TensorFile) -> bytes:
    """Write a container.

    Raises:
        MalformedError: Too many tensors, a name that is reserved, or info without JSON form.
    """
    if len(file.tensors) > MAX_TENSORS:
        raise _malformed("header", f"more than {MAX_TENSORS} tensors")
    header: JsonObject = {}
    metadata: dict[str, str] = {}
    texts: dict[str, list[int]] = {}
    pieces: list[bytes] = []
    offset = 0
    for name, tensor in sorted(file.tensors.items()):
        if not name or name == _METADATA:
            raise _malformed("header", "a tensor's name is empty or reserved", actual=name)
        end = offset + len(tensor.data)
        is_text = tensor.dtype == Dtype.STRING
        if is_text:
            texts[name] = list(tensor.shape)
        header[name] = {
            "dtype": "U8" if is_text else _CODES[tensor.dtype],
            "shape": [len(tensor.data)] if is_text else list(tensor.shape),
            "data_offsets": [offset, end],
        }
        pieces.append(tensor.data)
        offset = end
    if texts:
        metadata[_TEXTS] = canonical_json(texts).decode()
    if file.info:
        metadata[_INFO] = canonical_json(file.info).decode()
    if metadata:
        header[_METADATA] = metadata
    head = canonical_json(header)
    head += b" " * (-len(head) % 8)  # safetensors aligns the data to eight bytes
    if len(head) > MAX_HEADER_BYTES:
        raise _malformed("header", f"a header has at most {MAX_HEADER_BYTES} bytes")
    return len(head).to_bytes(8, "little") + head + b"".join(pieces)


def decode(data: bytes, *, max_bytes: int) -> TensorFile:
    """Read a container, and nothing but what `encode` writes.

    Args:
        data: The container.
        max_bytes: Refuse a larger one.

    Raises:
        MalformedError: Code ``format.too_large`` or ``tensor.*``.
    """
    if len(data) > max_bytes:
        raise MalformedError(
            "the tensors are too large",
            code="format.too_large",
            expected=f"<= {max_bytes}",
            actual=len(data),
        )
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > min(len(data) - 8, MAX_HEADER_BYTES):
        raise _malformed("header", "the header is longer than the container")
    header = parse_json_object(data[8 : 8 + size], what="the header of tensors")
    body = memoryview(data)[8 + size :]
    metadata = header.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not metadata.keys() <= {_TEXTS, _INFO}:
        raise _malformed("header", "metadata that nobody knows")
    texts = _inner(metadata, _TEXTS)
    tensors = {name: _read(entry, texts.get(name), body) for name, entry in header.items()}
    file = TensorFile(tensors=tensors, info=_inner(metadata, _INFO))
    if encode(file) != data:  # gaps, overlaps, another order, spare bytes, another spelling
        raise _malformed("canonical", "tensors in a second spelling")
    return file


def _read(entry: Any, text_shape: Any, body: memoryview) -> Tensor:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise _malformed("header", "a tensor has dtype, shape and data_offsets")
    dtype = _DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise _malformed("dtype", "a type that nobody knows", actual=entry["dtype"])
    offsets = _sizes(entry["data_offsets"])
    if len(offsets) != 2 or not offsets[0] <= offsets[1] <= len(body):
        raise _malformed("size", "a tensor lies outside of the container")
    data = bytes(body[offsets[0] : offsets[1]])
    if text_shape is not None:
        return Tensor(dtype=Dtype.STRING, shape=_sizes(text_shape), data=data)
    return Tensor(dtype=dtype, shape=_sizes(entry["shape"]), data=data)


def _inner(metadata: JsonObject, name: str) -> JsonObject:
    text = metadata.get(name)
    if text is None:
        return {}
    if not isinstance(text, str):
        raise _malformed("header", "metadata is text")
    return parse_json_object(text, what=f"the {name} of tensors")


def _sizes(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(item) is int and item >= 0 for item in value):
        raise _malformed("shape", "sizes are a list of integers from 0")
    return tuple(value)


def _elements(shape: tuple[int, ...]) -> int:
    if len(shape) > MAX_RANK or any(type(size) is not int or size < 0 for size in shape):
        raise _malformed("shape", f"a shape has at most {MAX_RANK} sizes from 0")
    count = math.prod(shape)
    if count > MAX_ELEMENTS or any(size > MAX_ELEMENTS for size in shape):
        raise _malformed("shape", "a tensor with more elements than anybody can send")
    return count


def _malformed(what: str, why: str, *, actual: object = None) -> MalformedError:
    return MalformedError(why, code=f"tensor.{what}", actual=actual)
