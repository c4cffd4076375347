"""ONNX Runtime. The model is one file, loaded from checked bytes, with standard operators only."""

from collections.abc import Mapping
from typing import Any, Final, final

from opengradient.core.models import Dtype, TensorSpec
from opengradient.core.signatures import check_tensors
from opengradient.core.tensors import Tensor
from opengradient.errors import ConfigurationError, MalformedError, UnsupportedError
from opengradient.wire.arrays import from_array, to_array

DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml"})
"""The operator sets that ONNX itself defines."""

_DTYPES: Final[Mapping[str, Dtype]] = {
    "tensor(float)": Dtype.FLOAT32,
    "tensor(double)": Dtype.FLOAT64,
    "tensor(float16)": Dtype.FLOAT16,
    "tensor(int8)": Dtype.INT8,
    "tensor(int16)": Dtype.INT16,
    "tensor(int32)": Dtype.INT32,
    "tensor(int64)": Dtype.INT64,
    "tensor(uint8)": Dtype.UINT8,
    "tensor(uint16)": Dtype.UINT16,
    "tensor(uint32)": Dtype.UINT32,
    "tensor(uint64)": Dtype.UINT64,
    "tensor(bool)": Dtype.BOOL,
    "tensor(string)": Dtype.STRING,
}
"""ONNX Runtime's names of types. Sequences and maps are no tensors and are refused."""


@final
class OnnxModel:
    """A session over one model."""

    def __init__(self, session: Any, engine: str) -> None:
        """Read the signature.

        Raises:
            UnsupportedError: Code ``inference.format``: inputs or outputs that are no tensors.
        """
        self._session = session
        self.engine = engine
        self.inputs = [_spec(item) for item in session.get_inputs()]
        self.outputs = [_spec(item) for item in session.get_outputs()]

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """See `LoadedModel.run`."""
        from onnxruntime.capi.onnxruntime_pybind11_state import (  # noqa: PLC0415
            Fail,
            InvalidArgument,
            RuntimeException,
        )

        check_tensors(self.inputs, inputs, what="input")
        names = [spec.name for spec in self.outputs]
        try:
            found = self._session.run(names, {name: to_array(t) for name, t in inputs.items()})
        except (Fail, InvalidArgument, RuntimeException) as error:
            reason = str(error).strip().splitlines()[0]
            raise ConfigurationError(
                f"ONNX Runtime: {reason[:500]}", code="inference.failed"
            ) from error
        return {
            name: from_array(value, name=f"output {name}")
            for name, value in zip(names, found, strict=True)
        }


def load(data: bytes, threads: int) -> OnnxModel:
    """Check a model and make a session of it.

    Args:
        data: The file, whose hash was checked.
        threads: Threads of one run; results of a float model may depend on it.

    Raises:
        MalformedError: Code ``model.onnx``.
        UnsupportedError: Code ``model.external_data``, ``model.custom_op`` or
            ``inference.no_engine``.
    """
    try:
        import onnxruntime  # noqa: PLC0415
        from onnxruntime.capi import onnxruntime_pybind11_state as state  # noqa: PLC0415
    except ImportError as error:
        raise UnsupportedError(
            "onnxruntime is not installed", code="inference.no_engine"
        ) from error
    _check(data)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    providers = ["CPUExecutionProvider"]
    try:
        session = onnxruntime.InferenceSession(data, options, providers=providers)
    except _refusals(state) as error:
        raise _invalid(str(error)) from error
    return OnnxModel(session, f"onnxruntime {onnxruntime.__version__}, CPU, {threads} thread(s)")


def _refusals(state: Any) -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises for a model that it does not take."""
    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented")
    return (*(getattr(state, name) for name in names), state.RuntimeException)


def _check(data: bytes) -> None:
    import onnx  # noqa: PLC0415
    from google.protobuf.message import DecodeError  # noqa: PLC0415

    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError as error:
        raise _invalid(str(error)) from error
    foreign = {item.domain for item in model.opset_import} - DOMAINS
    if foreign or model.functions:
        raise UnsupportedError(
            f"operators of {', '.join(sorted(foreign)) or 'its own'}", code="model.custom_op"
        )
    for graph in _graphs(model.graph):
        tensors = [
            *graph.initializer,
            *(t for s in graph.sparse_initializer for t in (s.values, s.indices)),
        ]
        for node in graph.node:
            if node.domain not in DOMAINS:
                raise UnsupportedError(f"an operator of {node.domain}", code="model.custom_op")
            tensors += [item.t for item in node.attribute if item.HasField("t")]
            tensors += [t for item in node.attribute for t in item.tensors]
        if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in tensors):
            raise UnsupportedError(
                "the model's weights lie in other files", code="model.external_data"
            )


def _graphs(graph: Any) -> list[Any]:
    """A graph and those inside its nodes."""
    found, waiting = [], [graph]
    while waiting:
        current = waiting.pop()
        found.append(current)
        for node in current.node:
            for item in node.attribute:
                waiting += [item.g] if item.HasField("g") else []
                waiting += list(item.graphs)
    return found


def _spec(item: Any) -> TensorSpec:
    dtype = _DTYPES.get(item.type)
    if dtype is None:
        raise UnsupportedError(
            f"{item.name} is a {item.type}: only tensors are taken", code="inference.format"
        )
    shape: list[int | str] = []
    for position, size in enumerate(item.shape):
        named = isinstance(size, str) and size.isidentifier() and size.isascii()
        fixed = isinstance(size, int) and size > 0
        shape.append(size if named or fixed else f"{_word(item.name)}_{position}")
    return TensorSpec(name=item.name, dtype=dtype, shape=tuple(shape))


def _word(name: str) -> str:
    """A name as a word, for a dimension that has none of its own."""
    return "d_" + "".join(c if c.isascii() and c.isalnum() else "_" for c in name)[:50]


def _invalid(why: str) -> MalformedError:
    return MalformedError(f"not an ONNX model: {why.strip()[:500]}", code="model.onnx")
