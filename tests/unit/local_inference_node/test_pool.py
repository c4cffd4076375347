"""Workers run checked bytes, and whatever an engine does harms one call only."""

import dataclasses
import os
import signal

import anyio
import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the extra opengradient[models]")
pytest.importorskip("onnxruntime", reason="needs the extra opengradient[models]")

from opengradient.core.models import Dtype, TensorSpec
from opengradient.core.tensors import TensorFile, decode, encode
from opengradient.errors import ConfigurationError, NodeError, OpenGradientError
from opengradient.wire.arrays import from_array, to_array
from reference_nodes.local_inference_node.pool import PoolLimits, worker_pool
from tests.unit.local_inference_node import models

LIMITS = PoolLimits(workers=1, seconds=20.0)
X = np.array([[1, 0, 0], [0, 1, 1]], dtype=np.float32)


def packed(**arrays):
    return encode(TensorFile(tensors={k: from_array(v) for k, v in arrays.items()}, info={}))


def unpacked(data):
    return {k: to_array(v) for k, v in decode(data, max_bytes=1 << 30).tensors.items()}


async def refused(code, awaitable):
    with pytest.raises(OpenGradientError) as caught:
        await awaitable
    assert caught.value.code == code, caught.value
    return caught.value


async def test_a_model_runs_and_says_what_it_is(tmp_path):
    weights = models.written(tmp_path, models.linear())
    async with worker_pool(LIMITS) as pool:
        info = await pool.inspect(weights)
        assert info.inputs == (TensorSpec(name="x", dtype=Dtype.FLOAT32, shape=("n", 3)),)
        assert info.outputs == (TensorSpec(name="y", dtype=Dtype.FLOAT32, shape=("n", 2)),)
        assert info.engine.startswith("onnxruntime ")
        found, again = await pool.run(weights, packed(x=X))
        assert again == info
        assert np.array_equal(unpacked(found)["y"], X @ models.WEIGHTS)


async def test_texts(tmp_path):
    async with worker_pool(LIMITS) as pool:
        weights = models.written(tmp_path, models.echo_texts())
        found, _ = await pool.run(weights, packed(t=["a", "ü"]))
        assert list(unpacked(found)["u"]) == ["a", "ü"]


async def test_other_bytes_than_the_named_are_not_loaded(tmp_path):
    weights = models.written(tmp_path, models.linear())
    weights.path.write_bytes(models.linear(models.WEIGHTS * 2))
    async with worker_pool(LIMITS) as pool:
        await refused("model.bytes", pool.run(weights, packed(x=X)))
        weights.path.unlink()
        with pytest.raises(ConfigurationError, match="cannot be read"):
            await pool.run(weights, packed(x=X))


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("model.onnx", b"not a model"),
        ("model.onnx", b""),
        ("model.onnx", models.linear()[:-20]),
        ("model.custom_op", models.custom_op()),
        ("model.external_data", models.external()),
        ("model.external_data", models.external("../up")),
        ("model.external_data", models.external(nested=True)),
    ],
)
async def test_models_that_are_not_taken(tmp_path, code, data):
    async with worker_pool(LIMITS) as pool:
        await refused(code, pool.inspect(models.written(tmp_path, data)))


async def test_formats_without_an_engine(tmp_path):
    async with worker_pool(LIMITS) as pool:
        await refused(
            "inference.format", pool.inspect(models.written(tmp_path, b"x", kind="pickle"))
        )


async def test_inputs_that_do_not_fit(tmp_path):
    weights = models.written(tmp_path, models.linear())
    async with worker_pool(LIMITS) as pool:
        for code, inputs in (
            ("inference.names", packed(z=X)),
            ("inference.names", packed(x=X, z=X)),
            ("inference.dtype", packed(x=X.astype(np.float64))),
            ("inference.shape", packed(x=X[:, :2])),
            ("inference.shape", packed(x=X[0])),
            ("tensor.header", b"nonsense"),
        ):
            await refused(code, pool.run(weights, inputs))
        two = models.written(tmp_path, models.divide(), name="two.onnx")
        a, b = np.ones(2, np.float32), np.ones(3, np.float32)
        await refused("inference.shape", pool.run(two, packed(a=a, b=b)))
        fails = models.written(tmp_path, models.reshape(), name="three.onnx")
        x, shape = np.arange(6, dtype=np.float32), np.array([4, 4], dtype=np.int64)
        await refused("inference.failed", pool.run(fails, packed(x=x, shape=shape)))
        infinite = await refused("inference.not_finite", pool.run(two, packed(a=a, b=a - 1)))
        assert "output q" in infinite.message
        found, _ = await pool.run(weights, packed(x=X))
        assert np.array_equal(unpacked(found)["y"], X @ models.WEIGHTS)


async def test_a_worker_that_dies_is_replaced(tmp_path):
    weights = models.written(tmp_path, models.linear())
    async with worker_pool(LIMITS) as pool:
        await pool.run(weights, packed(x=X))
        os.kill(pool._seats[0].process.pid, signal.SIGKILL)
        await refused("inference.worker", pool.run(weights, packed(x=X)))
        found, _ = await pool.run(weights, packed(x=X))
        assert np.array_equal(unpacked(found)["y"], X @ models.WEIGHTS)


async def test_a_run_without_end_is_ended(tmp_path):
    weights = models.written(tmp_path, models.endless())
    small = models.written(tmp_path, models.linear(), name="small.onnx")
    inputs = packed(count=np.array(1 << 60), x=np.zeros(1000, np.float32))
    async with worker_pool(dataclasses.replace(LIMITS, seconds=1.5)) as pool:
        await pool.inspect(weights)
        process = pool._seats[0].process
        await refused("inference.timeout", pool.run(weights, inputs))
        assert process.returncode is not None
        await pool.run(small, packed(x=X))


async def test_memory_is_bounded(tmp_path):
    weights = models.written(tmp_path, models.bomb())
    limits = dataclasses.replace(LIMITS, memory_bytes=1 << 30)
    async with worker_pool(limits) as pool:
        error = await refused(
            "inference.failed", pool.run(weights, packed(shape=np.array([1 << 32])))
        )
        assert "alloc" in error.message.lower()
        found, _ = await pool.run(weights, packed(shape=np.array([3])))
        assert list(unpacked(found)["y"]) == [0, 0, 0]


async def test_cancelling_a_call_leaves_the_pool_whole(tmp_path):
    weights = models.written(tmp_path, models.endless())
    small = models.written(tmp_path, models.linear(), name="small.onnx")
    inputs = packed(count=np.array(1 << 60), x=np.zeros(1000, np.float32))
    async with worker_pool(LIMITS) as pool:
        await pool.inspect(weights)
        with anyio.move_on_after(0.2) as scope:
            await pool.run(weights, inputs)
        assert scope.cancelled_caught
        found, _ = await pool.run(small, packed(x=X))
        assert np.array_equal(unpacked(found)["y"], X @ models.WEIGHTS)


async def test_only_so_many_models_are_kept(tmp_path):
    limits = dataclasses.replace(LIMITS, max_models=2)
    files = [
        models.written(tmp_path, models.linear(models.WEIGHTS * n), name=f"{n}.onnx")
        for n in (1, 2, 3)
    ]
    async with worker_pool(limits) as pool:
        for _ in range(2):
            for number, weights in enumerate(files, 1):
                found, _ = await pool.run(weights, packed(x=X))
                assert np.array_equal(unpacked(found)["y"], X @ models.WEIGHTS * number)


async def test_a_full_queue_refuses(tmp_path):
    weights = models.written(tmp_path, models.linear())
    codes = []
    async with worker_pool(dataclasses.replace(LIMITS, max_waiting=1)) as pool:

        async def call():
            try:
                await pool.run(weights, packed(x=X))
                codes.append("ok")
            except NodeError as error:
                codes.append(error.code)

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(call)
    assert sorted(codes) == ["node.overloaded", "node.overloaded", "ok", "ok"]
