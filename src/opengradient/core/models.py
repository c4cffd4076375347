"""What a model is: the manifest of its files, and the root that names it.

The model root is a hash of the manifest and so of every byte of every file. Where the files are
stored is no part of it: a model keeps its name when it moves (docs/adr/0010).
"""

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, final

from opengradient.core.canonical import JsonObject, canonical_json, parse_json_object
from opengradient.core.chunks import MAX_FILE_BYTES
from opengradient.core.digests import Domain, tagged_sha256
from opengradient.errors import MalformedError, UnsupportedError

_T = TypeVar("_T")
_E = TypeVar("_E", bound=enum.StrEnum)

MODEL_VERSION: Final = "opengradient.model/1"
MAX_MANIFEST_BYTES: Final = 4 * 1024 * 1024
MAX_FILES: Final = 10_000
MAX_TENSORS: Final = 1024
MAX_RANK: Final = 32

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_SEGMENT: Final = re.compile(r"(?!\.{1,2}\Z)[^\x00-\x1f\x7f/\\:*?\"<>|]{1,255}(?<![ .])")
_LICENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}")
_WORD: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_DIMENSION: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


class Dtype(enum.StrEnum):
    """Element types of tensors, as numpy and ONNX name them."""

    BOOL = "bool"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT32 = "uint32"
    UINT64 = "uint64"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    STRING = "string"


class Relation(enum.StrEnum):
    """How a model came from another one."""

    FINETUNE = "finetune"
    QUANTIZED = "quantized"
    ADAPTER = "adapter"
    MERGE = "merge"
    CONVERTED = "converted"
    VERSION = "version"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """One file.

    Attributes:
        path: Relative, with forward slashes; no part of it climbs out of its folder on any system.
        size: Bytes.
        sha256: 32 bytes.
        chunk_root: Root of its chunk tree, see `opengradient.core.chunks`; 32 bytes.
    """

    path: str
    size: int
    sha256: bytes
    chunk_root: bytes

    def __post_init__(self) -> None:
        """Refuse what no manifest may name.

        Raises:
            MalformedError: Code ``model.path`` for a path that is not safe everywhere.
        """
        segments = self.path.split("/")
        if len(self.path) > 1024 or not all(_SEGMENT.fullmatch(item) for item in segments):
            raise MalformedError("a path that is not safe", code="model.path", actual=self.path)
        if not 0 <= self.size <= MAX_FILE_BYTES:
            raise _malformed(f"a file has 0 to {MAX_FILE_BYTES} bytes")
        if len(self.sha256) != 32 or len(self.chunk_root) != 32:
            raise _malformed("a SHA-256 has 32 bytes")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """One input or output.

    Attributes:
        name: As the model names it.
        dtype: Type of its elements.
        shape: Sizes; a name stands for a dimension that varies, the same name for the same size.
    """

    name: str
    dtype: Dtype
    shape: tuple[int | str, ...]

    def __post_init__(self) -> None:
        """Refuse shapes that no tensor has."""
        if not 0 < len(self.name) <= 256 or len(self.shape) > MAX_RANK:
            raise _malformed(f"a tensor has a name and at most {MAX_RANK} dimensions")
        for size in self.shape:
            fixed = type(size) is int and 0 < size < 1 << 48
            if not fixed and not (isinstance(size, str) and _DIMENSION.fullmatch(size)):
                raise _malformed("a dimension is a size above 0, or a name")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """A model that this one came from.

    Attributes:
        root: Its model root, 32 bytes.
        relation: How.
    """

    root: bytes
    relation: Relation

    def __post_init__(self) -> None:
        """Refuse a root of another size."""
        if len(self.root) != 32:
            raise _malformed("a model root has 32 bytes")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ModelManifest:
    """Everything that makes a model version what it is.

    Attributes:
        name: ``owner/name``.
        version: The owner's own name of the version, for example ``"1.0"``.
        format: ``onnx``, ``safetensors``, ``gguf`` or another word.
        task: What it does, in Hugging Face's words (``text-generation``); None if not said.
        licence: SPDX identifier, or ``other``.
        files: Its files, by path, at least one.
        inputs: What it takes; empty where its format says it better (language models).
        outputs: What it gives.
        parents: What it came from.
        tokenizer: Path of its tokenizer among its files; None without one.
    """

    name: str
    version: str
    format: str
    licence: str
    files: tuple[ModelFile, ...]
    task: str | None = None
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    parents: tuple[Parent, ...] = ()
    tokenizer: str | None = None

    def __post_init__(self) -> None:
        """Refuse what could be read in two ways, or never be stored."""
        if not _NAME.fullmatch(self.name):
            raise _malformed("a name is owner/name")
        for text, form in (
            (self.version, _LICENCE),
            (self.licence, _LICENCE),
            (self.format, _WORD),
        ):
            if not form.fullmatch(text):
                raise _malformed(f"not a version, licence or format: {text!r}")
        if self.task is not None and not _WORD.fullmatch(self.task):
            raise _malformed(f"not a task: {self.task!r}")
        paths = [file.path for file in self.files]
        if not 1 <= len(paths) <= MAX_FILES or paths != sorted(set(paths)):
            raise _malformed(f"1 to {MAX_FILES} files, by path, none twice")
        _require_a_tree(paths)
        if self.tokenizer is not None and self.tokenizer not in paths:
            raise _malformed("the tokenizer is none of the files")
        for tensors in (self.inputs, self.outputs):
            names = [tensor.name for tensor in tensors]
            if len(names) > MAX_TENSORS or len(names) != len(set(names)):
                raise _malformed("two tensors of one name, or too many")

    def encode(self) -> bytes:
        """The one encoding: RFC 8785 JSON."""
        return canonical_json(
            {
                "schema": MODEL_VERSION,
                "name": self.name,
                "version": self.version,
                "format": self.format,
                "task": self.task,
                "licence": self.licence,
                "files": [
                    {
                        "path": file.path,
                        "size": file.size,
                        "sha256": file.sha256.hex(),
                        "chunk_root": file.chunk_root.hex(),
                    }
                    for file in self.files
                ],
                "inputs": [_encode_tensor(tensor) for tensor in self.inputs],
                "outputs": [_encode_tensor(tensor) for tensor in self.outputs],
                "parents": [
                    {"root": parent.root.hex(), "relation": parent.relation.value}
                    for parent in self.parents
                ],
                "tokenizer": self.tokenizer,
            }
        )

    @property
    def root(self) -> bytes:
        """The model root: what the ledger and every receipt name the model by, 32 bytes."""
        return tagged_sha256(Domain.MODEL, self.encode())

    @classmethod
    def parse(cls, data: bytes) -> "ModelManifest":
        """Read the encoding of a manifest, and no second spelling of it.

        Raises:
            MalformedError: Code ``model.malformed``, ``model.path``, or ``format.*`` for what is no
                strict JSON.
            UnsupportedError: A manifest of a version that this release does not know.
        """
        raw = parse_json_object(data, what="model manifest", max_bytes=MAX_MANIFEST_BYTES)
        if raw.get("schema") != MODEL_VERSION:
            raise UnsupportedError(f"a model manifest of version {raw.get('schema')!r}")
        _require_fields(raw, _FIELDS)
        manifest = cls(
            name=_typed(raw["name"], str),
            version=_typed(raw["version"], str),
            format=_typed(raw["format"], str),
            task=_optional_text(raw["task"]),
            licence=_typed(raw["licence"], str),
            files=tuple(_parse_file(item) for item in _typed(raw["files"], list)),
            inputs=_parse_tensors(raw["inputs"]),
            outputs=_parse_tensors(raw["outputs"]),
            parents=tuple(_parse_parent(item) for item in _typed(raw["parents"], list)),
            tokenizer=_optional_text(raw["tokenizer"]),
        )
        if manifest.encode() != data:
            raise _malformed("a second spelling")
        return manifest


_FIELDS: Final = frozenset(
    {
        "schema",
        "name",
        "version",
        "format",
        "task",
        "licence",
        "files",
        "inputs",
        "outputs",
        "parents",
        "tokenizer",
    }
)


def _require_a_tree(paths: Sequence[str]) -> None:
    """No path may need a folder where another is a file, on systems that fold case too."""
    folded = {path.casefold() for path in paths}
    folders = {
        path[:cut].casefold()
        for path in paths
        for cut, character in enumerate(path)
        if character == "/"
    }
    if len(folded) != len(paths) or folded & folders:
        raise MalformedError("two paths that collide on some systems", code="model.path")


def _encode_tensor(tensor: TensorSpec) -> JsonObject:
    return {"name": tensor.name, "dtype": tensor.dtype.value, "shape": list(tensor.shape)}


def _parse_file(raw: Any) -> ModelFile:
    fields = _require_fields(raw, {"path", "size", "sha256", "chunk_root"})
    return ModelFile(
        path=_typed(fields["path"], str),
        size=_typed(fields["size"], int),
        sha256=_digest(fields["sha256"]),
        chunk_root=_digest(fields["chunk_root"]),
    )


def _parse_tensors(raw: Any) -> tuple[TensorSpec, ...]:
    tensors = []
    for item in _typed(raw, list):
        fields = _require_fields(item, {"name", "dtype", "shape"})
        tensors.append(
            TensorSpec(
                name=_typed(fields["name"], str),
                dtype=_member(Dtype, fields["dtype"]),
                shape=tuple(_typed(fields["shape"], list)),
            )
        )
    return tuple(tensors)


def _parse_parent(raw: Any) -> Parent:
    fields = _require_fields(raw, {"root", "relation"})
    return Parent(root=_digest(fields["root"]), relation=_member(Relation, fields["relation"]))


def _member(kind: type[_E], value: Any) -> _E:
    for member in kind:
        if member == value:
            return member
    raise _malformed(f"no such {kind.__name__.lower()}: {value!r}")


def _require_fields(raw: Any, names: frozenset[str] | set[str]) -> JsonObject:
    if not isinstance(raw, dict) or raw.keys() != names:
        raise _malformed(f"must be an object with exactly the fields {', '.join(sorted(names))}")
    return raw


def _typed(value: Any, kind: type[_T]) -> _T:
    if type(value) is not kind:  # not isinstance: true is no integer
        raise _malformed(f"{kind.__name__} is expected where {type(value).__name__} stands")
    return value


def _optional_text(value: Any) -> str | None:
    return None if value is None else _typed(value, str)


def _digest(value: Any) -> bytes:
    text = _typed(value, str)
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise _malformed("a digest has 64 lower-case hex digits")
    return bytes.fromhex(text)


def _malformed(why: str) -> MalformedError:
    return MalformedError(f"not a model manifest: {why}", code="model.malformed")
