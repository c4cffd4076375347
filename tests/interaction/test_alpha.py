"""og.Alpha against a real node: the same numbers as plain ONNX Runtime, and nothing else passes."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the extra opengradient[models]")
pytest.importorskip("onnxruntime", reason="needs the extra opengradient[models]")

import onnx
import onnxruntime
from onnx import helper, numpy_helper

import opengradient as og
from opengradient.core.modes import VerificationMode
from opengradient.core.tensors import TensorFile, decode, encode
from opengradient.errors import (
    ConfigurationError,
    NodeError,
    UnsupportedError,
    VerificationError,
)
from opengradient.offline import verify
from opengradient.testing.local_network import LocalNetwork
from opengradient.wire.model_inference import MEDIA_TYPE, PATH
from reference_nodes.local_inference_node.adding import add_model
from tests.interaction.inference import inference_node
from tests.interaction.sdk import Tamper
from tests.unit.local_inference_node import models

TEE, VANILLA = og.InferenceMode.TEE, og.InferenceMode.VANILLA
X = np.array([[1, 0, 0], [0, 1, 1]], dtype=np.float32)
RANDOM = np.random.default_rng(7)


def mlp():
    """Dense, relu, dense, softmax: y of shape [n, 10]."""
    weights = {
        "a": RANDOM.normal(size=(64, 32)).astype(np.float32),
        "b": RANDOM.normal(size=32).astype(np.float32),
        "c": RANDOM.normal(size=(32, 10)).astype(np.float32),
    }
    return models.model(
        [
            helper.make_node("MatMul", ["x", "a"], ["h"]),
            helper.make_node("Add", ["h", "b"], ["i"]),
            helper.make_node("Relu", ["i"], ["j"]),
            helper.make_node("MatMul", ["j", "c"], ["k"]),
            helper.make_node("Softmax", ["k"], ["y"]),
        ],
        [models.value("x", shape=("n", 64))],
        [models.value("y", shape=("n", 10))],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    ).SerializeToString()


def logistic_regression():
    """scikit-learn's, as skl2onnx writes it: labels and probabilities."""
    classifier = helper.make_node(
        "LinearClassifier",
        ["x"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        classlabels_ints=[0, 1],
        coefficients=[0.5, -1.0, 0.25, -0.5, 1.0, -0.25],
        intercepts=[0.1, -0.1],
        multi_class=1,
        post_transform="LOGISTIC",
    )
    return models.model(
        [classifier],
        [models.value("x")],
        [
            models.value("label", onnx.TensorProto.INT64, ("n",)),
            models.value("scores", shape=("n", 2)),
        ],
        opsets=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)],
    ).SerializeToString()


def plainly(data, **inputs):
    """What ONNX Runtime gives in this process."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


async def refused(code, awaitable, kind=og.OpenGradientError):
    with pytest.raises(kind) as caught:
        await awaitable
    assert caught.value.code == code, caught.value
    return caught.value


async def test_the_numbers_are_those_of_plain_onnx_runtime(tmp_path):
    many = RANDOM.normal(size=(17, 64)).astype(np.float32)
    made = {
        "linear": (models.linear(), X),
        "logistic": (logistic_regression(), X),
        "mlp": (mlp(), many),
    }
    data = {name: model for name, (model, _) in made.items()}
    async with inference_node(tmp_path / "n", data) as node, node.client() as alpha:
        listed = await alpha.models()
        assert [item.root for item in listed] == [node.roots[n] for n in sorted(node.roots)]
        for name, (model, x) in made.items():
            expected = plainly(model, x=x)
            for mode in (TEE, VANILLA):
                result = await alpha.infer(f"me/{name}", mode, {"x": x})
                assert result.model_output is result.outputs
                assert result.outputs.keys() == expected.keys()
                for output, array in expected.items():
                    assert result.outputs[output].dtype == array.dtype
                    assert np.array_equal(result.outputs[output], array)
                root = node.roots[name].hex()
                assert result.model.root.hex() == root
                assert result.verdict["model"].detail == f"root {root}"
                words = result.receipt.receipt
                assert words.verification_mode == mode
                assert words.kind == 5


async def test_texts_and_large_tensors(tmp_path):
    data = {"texts": models.echo_texts(), "linear": models.linear()}
    async with inference_node(tmp_path / "n", data) as node, node.client() as alpha:
        texts = await alpha.infer("me/texts", TEE, {"t": ["a", "ü"]})
        assert list(texts.outputs["u"]) == ["a", "ü"]
        large = RANDOM.normal(size=(300_000, 3)).astype(np.float32)  # above the thread's bound
        result = await alpha.infer(node.roots["linear"].hex(), TEE, {"x": large})
        assert np.array_equal(result.outputs["y"], plainly(models.linear(), x=large)["y"])


async def test_wrong_inputs_never_leave(tmp_path):
    tamper = Tamper()
    async with (
        inference_node(tmp_path / "n", {"linear": models.linear()}) as node,
        node.client(transports=tamper) as alpha,
    ):
        for code, given in [
            ("inference.names", {}),
            ("inference.names", {"x": X, "z": X}),
            ("inference.shape", {"x": X[0]}),
            ("inference.shape", {"x": X[:, :2]}),
            ("inference.dtype", {"x": X.astype(bool)}),
            ("inference.dtype", {"x": np.array([[0.1, 0.2, 0.3]])}),
            ("inference.not_finite", {"x": [[np.nan, 1, 1]]}),
            ("inference.not_finite", {"x": [[1, np.inf, 1]]}),
        ]:
            await refused(code, alpha.infer("me/linear", TEE, given), ConfigurationError)
        await refused("inference.unknown_model", alpha.infer("me/other", TEE, {"x": X}))
        await refused("inference.unknown_model", alpha.infer("00" * 32, TEE, {"x": X}))
        with pytest.raises(UnsupportedError) as caught:
            await alpha.infer("me/linear", VerificationMode.ZKML, {"x": X})
        assert caught.value.code == "request.mode"
        assert not [url for method, url, *_ in tamper.requests if method == "POST"]


async def test_two_versions_of_one_name_are_told_apart_by_root(tmp_path):
    async with inference_node(tmp_path / "n", {"a": models.linear()}) as first:
        pass
    other = first.folder.parent.parent / "b.onnx"
    other.write_bytes(models.linear(models.WEIGHTS * 2))
    root = await add_model(other, first.folder, name="me/a", version="2.0", licence="MIT")
    async with inference_node(tmp_path / "n", {}) as node, node.client() as alpha:
        error = await refused("inference.ambiguous", alpha.infer("me/a", TEE, {"x": X}))
        assert root.hex() in error.message
        result = await alpha.infer("0x" + root.hex(), TEE, {"x": X})
        assert np.array_equal(result.outputs["y"], X @ models.WEIGHTS * 2)


async def test_a_file_that_was_swapped_is_not_loaded(tmp_path):
    async with (
        inference_node(tmp_path / "n", {"linear": models.linear()}) as node,
        node.client() as alpha,
    ):
        node.file("linear").write_bytes(models.linear(models.WEIGHTS * 2))
        error = await refused("model.bytes", alpha.infer("me/linear", TEE, {"x": X}), NodeError)
        assert error.status == 500
        assert error.receipt.receipt.kind == 8  # the refusal is signed
        node.file("linear").write_bytes(models.linear())
        result = await alpha.infer("me/linear", TEE, {"x": X})
        assert np.array_equal(result.outputs["y"], X @ models.WEIGHTS)


async def test_a_worker_that_dies_or_hangs_harms_one_call(tmp_path):
    data = {"endless": models.endless(), "linear": models.linear(), "bomb": models.bomb()}
    async with (
        inference_node(tmp_path / "n", data, run_seconds=1.0, worker_memory_bytes=1 << 30) as node,
        node.client() as alpha,
    ):
        forever = {"count": 2**62, "x": np.zeros(1000, np.float32)}
        error = await refused("inference.timeout", alpha.infer("me/endless", TEE, forever))
        assert (error.status, error.receipt.receipt.status) == (504, 504)
        with pytest.raises(og.OpenGradientError) as caught:
            await alpha.infer("me/bomb", TEE, {"shape": [2**36]})
        assert caught.value.code in {"inference.worker", "inference.failed"}
        assert caught.value.receipt is not None
        result = await alpha.infer("me/linear", TEE, {"x": X})
        assert np.array_equal(result.outputs["y"], X @ models.WEIGHTS)


async def test_the_engine_cannot_run_it(tmp_path):
    async with (
        inference_node(tmp_path / "n", {"reshape": models.reshape()}) as node,
        node.client() as alpha,
    ):
        given = {"x": np.zeros(6, np.float32), "shape": [4, 4]}
        error = await refused(
            "inference.failed", alpha.infer("me/reshape", TEE, given), ConfigurationError
        )
        assert error.receipt.verdict["signature"]


async def test_one_flipped_byte_anywhere_is_refused(tmp_path):
    answers: list[bytes] = []
    tamper = Tamper(raw={PATH: lambda body: answers.append(body) or body})
    async with (
        inference_node(tmp_path / "n", {"linear": models.linear()}) as node,
        node.client(transports=tamper) as alpha,
    ):
        await alpha.infer("me/linear", TEE, {"x": X})
        size = len(answers[0])
        for place in [*range(0, size, size // 23), size - 1, size - 4, 3, 9]:

            def flip(body, place=place):
                data = bytearray(body)
                data[min(place, len(data) - 1)] ^= 1
                return bytes(data)

            tamper.raw[PATH] = flip
            with pytest.raises(VerificationError):
                await alpha.infer("me/linear", TEE, {"x": X})


async def test_other_outputs_and_earlier_answers_are_refused(tmp_path):
    answers: list[bytes] = []

    def other_shape(body):
        file = decode(body, max_bytes=1 << 20)
        y = file.tensors["y"]
        return encode(
            TensorFile(tensors={"y": dataclasses.replace(y, shape=(4, 1))}, info=file.info)
        )

    def renamed(body):
        file = decode(body, max_bytes=1 << 20)
        return encode(TensorFile(tensors={"z": file.tensors["y"]}, info=file.info))

    tamper = Tamper(raw={PATH: lambda body: answers.append(body) or body})
    async with (
        inference_node(tmp_path / "n", {"linear": models.linear()}) as node,
        node.client(transports=tamper) as alpha,
    ):
        await alpha.infer("me/linear", TEE, {"x": X})
        for change, code in [
            (other_shape, "receipt.response"),
            (renamed, "receipt.response"),
            (lambda _: answers[0], "receipt.nonce"),
        ]:
            tamper.raw[PATH] = change
            await refused(code, alpha.infer("me/linear", TEE, {"x": X}), VerificationError)


async def test_a_listed_manifest_that_is_another_is_not_believed(tmp_path):
    def lie(listed):
        listed["data"][0]["manifest"]["inputs"] = []
        return listed

    tamper = Tamper(json={"/v1/models": lie})
    async with (
        inference_node(tmp_path / "n", {"linear": models.linear()}) as node,
        node.client(transports=tamper) as alpha,
    ):
        await refused("model.malformed", alpha.infer("me/linear", TEE, {}), VerificationError)


async def test_a_key_gives_the_same_answer_again(tmp_path):
    async with (
        inference_node(tmp_path / "n", {"linear": models.linear()}) as node,
        node.client() as alpha,
    ):
        key = "11" * 32
        first = await alpha.infer("me/linear", TEE, {"x": X}, idempotency_key=key)
        again = await alpha.infer("me/linear", TEE, {"x": X}, idempotency_key=key)
        assert first.receipt.digest == again.receipt.digest
        assert np.array_equal(first.outputs["y"], again.outputs["y"])
        await refused(
            "node.idempotency_conflict",
            alpha.infer("me/linear", TEE, {"x": X * 2}, idempotency_key=key),
        )
        recalled = await alpha.receipt(key)
        assert recalled.receipt.digest == first.receipt.digest


async def test_the_node_signs_refusals_of_what_is_no_request(tmp_path):
    tamper = Tamper()
    async with (
        inference_node(tmp_path / "n", {"linear": models.linear()}, max_body_bytes=4096) as node,
        node.client(transports=tamper) as alpha,
    ):
        await alpha.infer("me/linear", TEE, {"x": X})
        (sent,) = [item for item in tamper.requests if item[0] == "POST"]
        assert sent[2]["content-type"] == MEDIA_TYPE
        (only,) = await alpha._pool.nodes()
        session = await only.session()
        for body, code in [(b"nothing", "tensor.header"), (sent[3] + b"x", "tensor.canonical")]:
            answer = await session.transport.request("POST", node.url + PATH, content=body)
            assert answer.status == 400
            assert f'"{code}"'.encode() in answer.body
            assert b'"opengradient"' in answer.body
        await refused(
            "request.too_large", alpha.infer("me/linear", TEE, {"x": np.tile(X, (500, 1))})
        )


async def test_a_policy_that_names_other_roots_refuses(tmp_path):
    async with inference_node(tmp_path / "n", {"linear": models.linear()}) as node:
        root = node.roots["linear"].hex()
        trust = dataclasses.replace(node.network.trust, models=frozenset({root}))
        async with node.client(policy=trust) as alpha:
            await alpha.infer("me/linear", TEE, {"x": X})
            alpha.use_policy(dataclasses.replace(trust, models=frozenset({"00" * 32})))
            await refused("policy.model", alpha.infer("me/linear", TEE, {"x": X}))
            assert VANILLA not in alpha.policy.modes


async def test_inferences_of_both_modes_settle_and_verify_offline(tmp_path):
    (tmp_path / "linear.onnx").write_bytes(models.linear())
    async with (
        LocalNetwork(models=[tmp_path / "linear.onnx"]) as net,
        og.Alpha(network=net.network) as alpha,
    ):
        for mode in (TEE, VANILLA):
            result = await alpha.infer("local/linear", mode, {"x": X})
            await result.settlement.wait(60)
            assert result.verdict["settlement"].status == og.Status.PROVEN
            file = result.receipt.encode()
            trust = net.network.trust
            if mode == VANILLA:
                with pytest.raises(VerificationError, match="VANILLA"):
                    verify(file, policy=trust)
                trust = dataclasses.replace(trust, modes=trust.modes | {VANILLA})
            verdict = verify(file, policy=trust)
            assert result.model.root.hex() in verdict["model"].detail
        whole = await alpha.infer(
            "local/linear", TEE, {"x": X}, settlement_mode=og.x402SettlementMode.INDIVIDUAL_FULL
        )
        await whole.settlement.wait(60)
        hidden = await alpha.infer(
            "local/linear", TEE, {"x": X}, settlement_mode=og.x402SettlementMode.PRIVATE
        )
        await refused("settlement.private", hidden.settlement.wait(5))
