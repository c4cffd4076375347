"""Small ONNX models, made here."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from reference_nodes.local_inference_node.pool import WeightsFile

WEIGHTS = np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float32)


def model(nodes, inputs, outputs, initializers=(), **kwargs):
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(initializers))
    opsets = kwargs.pop("opsets", [helper.make_opsetid("", 17)])
    return helper.make_model(graph, opset_imports=opsets, ir_version=9, **kwargs)


def value(name, kind=TensorProto.FLOAT, shape=("n", 3)):
    return helper.make_tensor_value_info(name, kind, list(shape))


def linear(weights=WEIGHTS):
    """y = x W."""
    return model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [value("x")],
        [value("y", shape=("n", 2))],
        [numpy_helper.from_array(weights, "w")],
    ).SerializeToString()


def divide():
    """Integers that fail on zero shapes; q = a / b."""
    return model(
        [helper.make_node("Div", ["a", "b"], ["q"])],
        [value("a", shape=("n",)), value("b", shape=("n",))],
        [value("q", shape=("n",))],
    ).SerializeToString()


def reshape():
    """Fails where 6 elements do not fit the asked shape."""
    return model(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        [value("x", shape=(6,)), value("shape", TensorProto.INT64, (2,))],
        [value("y", shape=("a", "b"))],
    ).SerializeToString()


def bomb():
    """Asks for as many zeros as it is told."""
    return model(
        [helper.make_node("ConstantOfShape", ["shape"], ["y"])],
        [value("shape", TensorProto.INT64, (1,))],
        [value("y", shape=("n",))],
    ).SerializeToString()


def endless():
    """A loop that does not end in anybody's patience."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["again"]),
            helper.make_node("Sin", ["state"], ["next"]),
        ],
        "body",
        [
            value("i", TensorProto.INT64, ()),
            value("go", TensorProto.BOOL, ()),
            value("state", shape=(1000,)),
        ],
        [value("again", TensorProto.BOOL, ()), value("next", shape=(1000,))],
    )
    return model(
        [helper.make_node("Loop", ["count", "", "x"], ["y"], body=body)],
        [value("count", TensorProto.INT64, ()), value("x", shape=(1000,))],
        [value("y", shape=(1000,))],
    ).SerializeToString()


def echo_texts():
    return model(
        [helper.make_node("Identity", ["t"], ["u"])],
        [value("t", TensorProto.STRING, ("n",))],
        [value("u", TensorProto.STRING, ("n",))],
    ).SerializeToString()


def custom_op():
    return model(
        [helper.make_node("Evil", ["x"], ["y"], domain="acme.ops")],
        [value("x")],
        [value("y")],
        opsets=[helper.make_opsetid("", 17), helper.make_opsetid("acme.ops", 1)],
    ).SerializeToString()


def external(location="/etc/passwd", *, nested=False):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3, 2])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    if not nested:
        return model(
            [helper.make_node("MatMul", ["x", "w"], ["y"])],
            [value("x")],
            [value("y", shape=("n", 2))],
            [tensor],
        ).SerializeToString()
    inner = helper.make_graph([], "inner", [], [value("w", shape=(3, 2))], [tensor])
    return model(
        [helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)],
        [value("c", TensorProto.BOOL, ())],
        [value("y", shape=(3, 2))],
    ).SerializeToString()


def written(folder: Path, data: bytes, *, name: str = "model.onnx", kind="onnx") -> WeightsFile:
    path = folder / name
    path.write_bytes(data)
    digest = hashlib.sha256(data).digest()
    return WeightsFile(root=digest, format=kind, path=path, sha256=digest)


assert onnx.__version__
