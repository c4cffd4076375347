"""Requests, answers and lists of models: one spelling, nothing unknown."""

import pytest

from opengradient.core.canonical import parse_json_object
from opengradient.core.models import Dtype, ModelFile, ModelManifest, TensorSpec
from opengradient.core.modes import VerificationMode
from opengradient.core.tensors import Tensor, TensorFile, decode, encode
from opengradient.errors import MalformedError, OpenGradientError
from opengradient.wire.model_inference import (
    ModelRequest,
    decode_answer,
    decode_models,
    encode_answer,
    encode_models,
    encode_request,
    parse_request,
    response_fields,
)
from tests.receipt_factory import Exchange

X = Tensor(dtype=Dtype.INT8, shape=(2,), data=b"\x01\x02")
MANIFEST = ModelManifest(
    name="a/b",
    version="1.0",
    format="onnx",
    licence="MIT",
    files=(ModelFile(path="m.onnx", size=1, sha256=bytes(32), chunk_root=bytes(32)),),
    inputs=(TensorSpec(name="x", dtype=Dtype.INT8, shape=("n",)),),
)


def request(info):
    return encode(TensorFile(tensors={"x": X}, info=info))


def refused(code, call, *args, **kwargs):
    with pytest.raises(OpenGradientError) as caught:
        call(*args, **kwargs)
    assert caught.value.code == code


@pytest.mark.parametrize("mode", [VerificationMode.TEE, VerificationMode.VANILLA])
def test_a_request_there_and_back(mode):
    asked = ModelRequest(root=b"\xab" * 32, mode=mode, inputs={"x": X})
    assert parse_request(encode_request(asked), max_bytes=1000) == asked


@pytest.mark.parametrize(
    ("code", "info"),
    [
        ("format.malformed", {}),
        ("format.malformed", {"model": "ab" * 32}),
        ("format.unknown_field", {"model": "ab" * 32, "mode": "TEE", "seed": 1}),
        ("request.invalid", {"model": "AB" * 32, "mode": "TEE"}),
        ("request.invalid", {"model": 7, "mode": "TEE"}),
        ("request.invalid", {"model": "a/b", "mode": "TEE"}),
        ("request.mode", {"model": "ab" * 32, "mode": "ZKML"}),
        ("request.mode", {"model": "ab" * 32, "mode": "tee"}),
        ("request.mode", {"model": "ab" * 32, "mode": 2}),
    ],
)
def test_what_is_no_request(code, info):
    refused(code, parse_request, request(info), max_bytes=1000)


def test_sizes_and_cut_requests():
    data = request({"model": "ab" * 32, "mode": "TEE"})
    parse_request(data, max_bytes=len(data))
    refused("format.too_large", parse_request, data, max_bytes=len(data) - 1)
    for end in range(len(data)):
        with pytest.raises(MalformedError):
            parse_request(data[:end], max_bytes=1000)


def test_an_answer_there_and_back():
    attached = Exchange().attached()
    data = encode_answer({"y": X}, attached)
    assert decode_answer(data, max_bytes=10_000) == ({"y": X}, attached)
    bare = encode(TensorFile(tensors={"y": X}, info={}))
    refused("format.malformed", decode_answer, bare, max_bytes=1000)
    info = {**decode(data, max_bytes=10_000).info, "note": 1}
    more = encode(TensorFile(tensors={"y": X}, info=info))
    refused("format.unknown_field", decode_answer, more, max_bytes=10_000)


def test_an_output_binds_name_type_shape_and_data():
    made = response_fields({"y": X}, 200)
    assert made["status"] == 200
    alike = [
        Tensor(dtype=Dtype.UINT8, shape=(2,), data=X.data),
        Tensor(dtype=Dtype.INT8, shape=(2, 1), data=X.data),
        Tensor(dtype=Dtype.INT8, shape=(2,), data=b"\x01\x03"),
    ]
    fields = {response_fields({"y": item}, 200)["output.y"] for item in (X, *alike)}
    assert len(fields) == 4
    assert decode(made["output.y"], max_bytes=1000).tensors == {"y": X}


def test_a_list_of_models_there_and_back():
    listed = encode_models([MANIFEST])
    assert decode_models(listed) == (MANIFEST,)
    assert listed["data"][0]["id"] == MANIFEST.root.hex()


def test_a_manifest_is_listed_under_its_own_root():
    listed = encode_models([MANIFEST])
    listed["data"][0]["manifest"] = {
        **parse_json_object(MANIFEST.encode(), what="a manifest"),
        "licence": "other",
    }
    refused("model.malformed", decode_models, listed)
    refused("format.malformed", decode_models, {"object": "list", "data": {}})
    refused("format.unknown_field", decode_models, {**encode_models([]), "more": 1})
