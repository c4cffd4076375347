"""A manifest has one encoding, one root, and no file that climbs out of its folder."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengradient.core.canonical import canonical_json
from opengradient.core.models import (
    Dtype,
    ModelFile,
    ModelManifest,
    Parent,
    Relation,
    TensorSpec,
)
from opengradient.errors import MalformedError, UnsupportedError, VerificationError


def file(path, size=5):
    return ModelFile(path=path, size=size, sha256=b"s" * 32, chunk_root=b"c" * 32)


MODEL = ModelManifest(
    name="acme/credit-score",
    version="1.0",
    format="onnx",
    task="tabular-classification",
    licence="Apache-2.0",
    files=(file("README.md"), file("model.onnx", 1 << 40), file("tok/tokenizer.json", 0)),
    inputs=(TensorSpec(name="x", dtype=Dtype.FLOAT32, shape=("batch", 30)),),
    outputs=(TensorSpec(name="y", dtype=Dtype.INT64, shape=("batch",)),),
    parents=(Parent(root=b"p" * 32, relation=Relation.QUANTIZED),),
    tokenizer="tok/tokenizer.json",
)


def test_one_encoding_and_a_stable_root():
    assert ModelManifest.parse(MODEL.encode()) == MODEL
    assert MODEL.root.hex() == ("14fd1b029f81f4fa6e3d52a22aa5d14426f9ad5270986f6627bf42d37662e213")


def values(manifest):
    yield from (
        dataclasses.replace(manifest, **change)
        for change in (
            {"name": "acme/other"},
            {"version": "1.1"},
            {"format": "gguf"},
            {"task": None},
            {"licence": "MIT"},
            {"files": manifest.files[:-1], "tokenizer": None},
            {"inputs": ()},
            {"outputs": ()},
            {"parents": ()},
            {"tokenizer": None},
            {"files": (*manifest.files[:2], file("tok/tokenizer.json", 1))},
        )
    )


def test_everything_is_in_the_root():
    roots = {MODEL.root, *(other.root for other in values(MODEL))}
    assert len(roots) == 1 + len(list(values(MODEL)))


@pytest.mark.parametrize(
    "path",
    [
        "", "/etc/passwd", "../up", "a/../b", "a/./b", "a//b", "a/", "C:/x", "a\\b", "nul\0",
        "line\nbreak", "trailing.", "trailing ", "a?b", "a*b", 'a"b', "a|b", "x" * 256, "d/" * 600 + "f",
    ],
)  # fmt: skip
def test_paths_that_are_not_safe(path):
    with pytest.raises(MalformedError) as caught:
        file(path)
    assert caught.value.code == "model.path"


@pytest.mark.parametrize("path", ["model.onnx", ".gitattributes", "a/b-c_d/e f.bin", "モデル.onnx"])
def test_paths_that_are(path):
    assert file(path).path == path


@pytest.mark.parametrize("paths", [("A", "a"), ("a", "a/b"), ("B/x", "b/X"), ("Dir", "dir/x")])
def test_paths_that_collide_somewhere(paths):
    with pytest.raises(MalformedError) as caught:
        dataclasses.replace(MODEL, files=tuple(map(file, sorted(paths))), tokenizer=None)
    assert caught.value.code == "model.path"


X = MODEL.inputs[0]


@pytest.mark.parametrize(
    "change",
    [
        {"name": "acme"}, {"name": "a/b/c"}, {"name": "/x"}, {"name": "a/.."}, {"version": ""},
        {"version": "a b"}, {"licence": ""}, {"format": "ONNX"}, {"task": "Text"}, {"files": ()},
        {"files": MODEL.files[::-1]}, {"files": (MODEL.files[0],) * 2},
        {"tokenizer": "elsewhere.json"}, {"inputs": (X, X)}, {"outputs": (X, X)},
    ],
)  # fmt: skip
def test_values_that_no_manifest_has(change):
    with pytest.raises(MalformedError):
        dataclasses.replace(MODEL, **change)


@pytest.mark.parametrize(
    "shape", [(0,), (-1,), (True,), (1.0,), ("",), ("a b",), (None,), (1,) * 33]
)
def test_shapes_that_no_tensor_has(shape):
    with pytest.raises(MalformedError):
        dataclasses.replace(X, shape=shape)


def test_sizes_and_digests():
    for change in (
        {"size": -1},
        {"size": (1 << 42) + 1},
        {"sha256": b""},
        {"chunk_root": b"c" * 31},
    ):
        with pytest.raises(MalformedError):
            dataclasses.replace(MODEL.files[0], **change)
    with pytest.raises(MalformedError):
        Parent(root=b"", relation=Relation.MERGE)


RAW = json.loads(MODEL.encode())


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1}, {"name": 1}, {"files": {}}, {"files": [{}]}, {"files": [RAW["files"][0] | {"x": 1}]},
        {"files": [RAW["files"][0] | {"size": True}], "tokenizer": None},
        {"files": [RAW["files"][0] | {"sha256": "AB" * 32}], "tokenizer": None},
        {"inputs": [RAW["inputs"][0] | {"dtype": "float31"}]}, {"inputs": [RAW["inputs"][0] | {"shape": 3}]},
        {"parents": [{"root": "00" * 32, "relation": "stolen"}]}, {"task": 5}, {"tokenizer": []},
    ],
)  # fmt: skip
def test_parsing_is_strict(change):
    with pytest.raises(MalformedError):
        ModelManifest.parse(canonical_json(RAW | change))


@pytest.mark.parametrize("name", sorted(set(RAW) - {"schema"}))
def test_every_field_must_be_there(name):
    with pytest.raises(MalformedError):
        ModelManifest.parse(canonical_json({k: v for k, v in RAW.items() if k != name}))


def test_other_versions_and_spellings():
    with pytest.raises(UnsupportedError):
        ModelManifest.parse(canonical_json(RAW | {"schema": "opengradient.model/2"}))
    with pytest.raises(MalformedError):
        ModelManifest.parse(json.dumps(RAW, indent=1).encode())


@given(st.binary(max_size=200))
def test_any_bytes(data):
    with pytest.raises((VerificationError, UnsupportedError)):
        ModelManifest.parse(data)
