import asyncio
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import opengradient as og
from opengradient.testing.local_network import LocalNetwork


def logistic_regression() -> onnx.ModelProto:
    """A fitted model in ONNX; `skl2onnx.to_onnx(model, rows[:1])` makes one from scikit-learn."""
    weights = np.array([[1.2], [-0.7], [0.3]], dtype=np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["rows", "weights"], ["logits"]),
            helper.make_node("Sigmoid", ["logits"], ["probability"]),
        ],
        "logistic-regression",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array(weights, "weights")],
    )
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


async def main() -> None:
    path = Path(tempfile.mkdtemp()) / "churn.onnx"
    onnx.save(logistic_regression(), path)
    async with (
        LocalNetwork(models=[path]) as net,
        og.Alpha(network=net.network) as alpha,
    ):
        for model in await alpha.models():
            print(model.name, model.root.hex(), [tensor.name for tensor in model.inputs])
        result = await alpha.infer(
            model_cid="local/churn",
            inference_mode=og.InferenceMode.TEE,
            model_input={"rows": [[0.5, 1.0, 2.0], [3.0, 0.1, 0.0]]},
        )
        print(result.model_output["probability"].ravel())
        for name in ("model", "weights"):
            claim = result.verdict[name]
            print(claim.name, claim.status, claim.source)
        proof = await result.settlement.wait(60)
        print("settled under root", proof.root.hex())


asyncio.run(main())
