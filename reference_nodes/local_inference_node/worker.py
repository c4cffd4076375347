"""A worker process: it loads models from checked bytes and runs them, one call after the other.

It speaks frames on stdin and stdout, has no network of its own to use, and a bound on its memory.
A crash of an engine ends this process and no other.
"""

import sys
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO, Final

from opengradient.core.canonical import JsonObject
from opengradient.core.chunks import FileDigests
from opengradient.core.digests import equal
from opengradient.core.models import TensorSpec
from opengradient.core.tensors import TensorFile, decode, encode
from opengradient.errors import (
    ConfigurationError,
    OpenGradientError,
    VerificationError,
)
from reference_nodes.local_inference_node.backends import LoadedModel, backend_for
from reference_nodes.local_inference_node.frames import LENGTHS, header_of, pack

MAX_TENSOR_BYTES: Final = 1 << 31


class Worker:
    """Models by root, the least used one goes first."""

    def __init__(self, *, max_models: int, threads: int) -> None:
        """Start without models."""
        self._models: OrderedDict[str, LoadedModel] = OrderedDict()
        self._max_models = max_models
        self._threads = threads

    def answer(self, header: JsonObject, payload: bytes) -> bytes:
        """Answer one frame; an error of ours becomes an answer too."""
        try:
            if header["op"] == "load":
                return pack(self._load(header))
            return self._run(header["root"], payload)
        except OpenGradientError as error:
            return pack({"ok": False, "code": error.code, "message": error.message})

    def _load(self, header: JsonObject) -> JsonObject:
        root = header["root"]
        model = self._models.get(root)
        if model is None:
            data = _read_checked(Path(header["path"]), bytes.fromhex(header["sha256"]))
            model = backend_for(header["format"])(data, self._threads)
            self._models[root] = model
            while len(self._models) > self._max_models:
                self._models.popitem(last=False)
        return {
            "ok": True,
            "engine": model.engine,
            "inputs": [_spec_json(spec) for spec in model.inputs],
            "outputs": [_spec_json(spec) for spec in model.outputs],
        }

    def _run(self, root: str, payload: bytes) -> bytes:
        model = self._models.get(root)
        if model is None:
            return pack({"ok": False, "code": "", "message": "not loaded"})
        self._models.move_to_end(root)
        inputs = decode(payload, max_bytes=MAX_TENSOR_BYTES)
        outputs = TensorFile(tensors=model.run(inputs.tensors), info={})
        return pack({"ok": True}, encode(outputs))


def _read_checked(path: Path, expected: bytes) -> bytes:
    """Read a file into memory, and refuse it unless these very bytes are the named ones."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error}") from error
    if not equal(FileDigests.of([data]).sha256, expected):
        raise VerificationError(
            f"{path.name} does not have the bytes that the manifest names", code="model.bytes"
        )
    return data


def _spec_json(spec: TensorSpec) -> JsonObject:
    return {"name": spec.name, "dtype": spec.dtype.value, "shape": list(spec.shape)}


def _bound_memory(max_bytes: int) -> None:
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415

    resource.setrlimit(resource.RLIMIT_DATA, (max_bytes, max_bytes))


def serve(source: BinaryIO, sink: BinaryIO, worker: Worker) -> None:
    """Answer frames until the source ends."""
    while len(lengths := source.read(LENGTHS.size)) == LENGTHS.size:
        head_size, size = LENGTHS.unpack(lengths)
        header, payload = header_of(source.read(head_size)), source.read(size)
        try:
            answer = worker.answer(header, payload)
        except MemoryError:
            answer = pack(
                {"ok": False, "code": "inference.worker", "message": "the worker is out of memory"}
            )
        sink.write(answer)
        sink.flush()


def main() -> None:
    """Serve on stdin and stdout: ``worker MAX_MODELS THREADS MAX_BYTES``."""
    max_models, threads, max_bytes = map(int, sys.argv[1:])
    _bound_memory(max_bytes)
    serve(sys.stdin.buffer, sys.stdout.buffer, Worker(max_models=max_models, threads=threads))


if __name__ == "__main__":
    main()
