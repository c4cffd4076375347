"""og.Alpha through a node, receipts on, beside plain ONNX Runtime in this process."""

import statistics
import tempfile
import time
from pathlib import Path

import anyio
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, save

import opengradient as og
from benchmarks._table import Row
from opengradient.testing.local_network import LocalNetwork

ROUNDS = 200
CALLS, CLIENTS = 1500, 32


def _mlp(path: Path) -> None:
    """64-32-10, as scikit-learn's MLP for the digits data."""
    random = np.random.default_rng(1)
    weights = {
        "a": random.normal(size=(64, 32)).astype(np.float32),
        "b": random.normal(size=(32, 10)).astype(np.float32),
    }
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "a"], ["h"]),
            helper.make_node("Relu", ["h"], ["r"]),
            helper.make_node("MatMul", ["r", "b"], ["y"]),
        ],
        "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 10])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)


async def _measure() -> tuple[float, float, float]:
    ours: list[float] = []
    plain: list[float] = []
    path = Path(tempfile.mkdtemp()) / "mlp.onnx"
    _mlp(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(2).normal(size=(1, 64)).astype(np.float32)
    async with LocalNetwork(models=[path]) as net, og.Alpha(network=net.network) as alpha:
        root = (await alpha.models())[0].root.hex()

        async def infer() -> None:
            await alpha.infer(root, og.InferenceMode.TEE, {"x": x})

        for number in range(ROUNDS + 20):
            start = time.perf_counter()
            session.run(["y"], {"x": x})
            middle = time.perf_counter()
            await infer()
            end = time.perf_counter()
            if number >= 20:
                plain.append(middle - start)
                ours.append(end - middle)

        async def work() -> None:
            for _ in range(CALLS // CLIENTS):
                await infer()

        start = time.perf_counter()
        async with anyio.create_task_group() as tasks:
            for _ in range(CLIENTS):
                tasks.start_soon(work)
        rate = CALLS // CLIENTS * CLIENTS / (time.perf_counter() - start)
    return statistics.median(ours) * 1000, statistics.median(plain) * 1000, rate


def rows() -> list[Row]:
    """All rows of this page."""
    ours, plain, rate = anyio.run(_measure)
    note = "MLP 64-32-10, one row; TLS, receipts on disk, every answer verified"
    return [
        Row(
            what="og.Alpha: an inference, median",
            ours=f"{ours:.2f} ms",
            beside=f"plain ONNX Runtime: {plain:.3f} ms",
            bar="+3 ms",
            met=ours - plain <= 3,
            note=note,
        ),
        Row(
            what="og.Alpha: requests",
            ours=f"{rate:.0f}/s",
            beside="",
            bar="300/s",
            met=rate >= 300,
            note=f"{note}; {CLIENTS} at once, client and nodes share the cores",
        ),
    ]
