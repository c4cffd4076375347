"""Tensors have one encoding, which safetensors reads."""

import json
import struct

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from opengradient.core.models import Dtype
from opengradient.core.tensors import WIDTHS, Tensor, TensorFile, decode, encode
from opengradient.errors import MalformedError, VerificationError

LIMIT = 1 << 20
X = Tensor(dtype=Dtype.FLOAT32, shape=(2, 3), data=bytes(range(24)))
FLAG = Tensor(dtype=Dtype.BOOL, shape=(), data=b"\1")
WORDS = Tensor.of_texts(["a", "ü", ""], (3, 1))
FILE = TensorFile(tensors={"x": X, "flag": FLAG, "words": WORDS}, info={"model": "acme/x"})


def test_round_trip():
    assert decode(encode(FILE), max_bytes=LIMIT) == FILE
    empty = TensorFile(tensors={}, info={})
    assert decode(encode(empty), max_bytes=LIMIT) == empty
    assert WORDS.texts() == ["a", "ü", ""]


def test_safetensors_reads_it():
    file = TensorFile(tensors={"x": X, "flag": FLAG}, info={})
    read = safetensors.numpy.load(encode(file))
    assert np.array_equal(read["x"], np.frombuffer(X.data, dtype="<f4").reshape(2, 3))
    assert read["flag"].shape == ()
    assert set(safetensors.numpy.load(encode(FILE))) == {"x", "flag", "words"}


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=9).filter(lambda name: name != "__metadata__"),
        st.tuples(
            st.sampled_from(sorted(set(Dtype) - {Dtype.STRING, Dtype.BOOL})),
            st.lists(st.integers(0, 4), max_size=3),
        ),
        max_size=4,
    ),
    st.binary(min_size=512, max_size=512),
)
def test_any_tensors(plans, noise):
    tensors = {
        name: Tensor(
            dtype=dtype, shape=tuple(shape), data=noise[: int(np.prod(shape)) * WIDTHS[dtype]]
        )
        for name, (dtype, shape) in plans.items()
    }
    file = TensorFile(tensors=tensors, info={})
    data = encode(file)
    assert decode(data, max_bytes=LIMIT) == file
    read = {name: bytes(entry["data"]) for name, entry in safetensors.deserialize(data)}
    assert read == {name: tensor.data for name, tensor in tensors.items()}


def refused(code, make):
    with pytest.raises(MalformedError) as caught:
        make()
    assert caught.value.code == code


def test_values_that_no_tensor_has():
    for code, dtype, shape, data in (
        ("tensor.size", Dtype.FLOAT32, (2,), b"1234567"),
        ("tensor.size", Dtype.FLOAT32, (), b""),
        ("tensor.size", Dtype.STRING, (2,), b'["a"]'),
        ("tensor.value", Dtype.BOOL, (1,), b"\2"),
        ("tensor.value", Dtype.STRING, (1,), b'["a", 1]'),
        ("tensor.value", Dtype.STRING, (1,), b'{"a":1}'),
        ("tensor.value", Dtype.STRING, (1,), b'[ "a"]'),
        ("tensor.shape", Dtype.INT8, (-1,), b""),
        ("tensor.shape", Dtype.INT8, (True,), b"1"),
        ("tensor.shape", Dtype.INT8, (1 << 41, 0), b""),
        ("tensor.shape", Dtype.INT8, (1 << 21, 1 << 21), b""),
        ("tensor.shape", Dtype.INT8, (1,) * 33, b"1"),
    ):
        refused(code, lambda d=dtype, s=shape, b=data: Tensor(dtype=d, shape=s, data=b))


@pytest.mark.parametrize("name", ["", "__metadata__"])
def test_names_that_no_tensor_has(name):
    refused("tensor.header", lambda: encode(TensorFile(tensors={name: X}, info={})))


def test_too_many_and_too_much():
    many = {f"t{number}": FLAG for number in range(1025)}
    refused("tensor.header", lambda: encode(TensorFile(tensors=many, info={})))
    refused("tensor.header", lambda: encode(TensorFile(tensors={}, info={"x": "y" * (1 << 20)})))
    refused("format.too_large", lambda: decode(encode(FILE), max_bytes=10))


def packed(header, body=b"", pad=True):
    head = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
    head += b" " * (-len(head) % 8 if pad else 0)
    return struct.pack("<Q", len(head)) + head + body


ENTRY = {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("tensor.header", b""),
        ("tensor.header", struct.pack("<Q", 1 << 60)),
        ("tensor.header", packed({"a": 1})),
        ("tensor.header", packed({"a": ENTRY | {"more": 1}}, b"ab")),
        ("tensor.header", packed({"a": ENTRY, "__metadata__": {"other": "x"}}, b"ab")),
        ("tensor.header", packed({"a": ENTRY, "__metadata__": []}, b"ab")),
        ("tensor.header", packed({"__metadata__": {"info": 1}})),
        ("format.malformed", packed({"__metadata__": {"info": "\ud800{}"}})),
        ("format.malformed", packed({"__metadata__": {"texts": '{"\ud800'}})),
        ("tensor.dtype", packed({"a": ENTRY | {"dtype": "F31"}}, b"ab")),
        ("tensor.dtype", packed({"a": ENTRY | {"dtype": 1}}, b"ab")),
        ("tensor.shape", packed({"a": ENTRY | {"shape": "2"}}, b"ab")),
        ("tensor.shape", packed({"a": ENTRY | {"shape": [True]}}, b"ab")),
        ("tensor.size", packed({"a": ENTRY | {"shape": [3]}}, b"ab")),
        ("tensor.size", packed({"a": ENTRY | {"data_offsets": [0, 3]}}, b"ab")),
        ("tensor.size", packed({"a": ENTRY | {"data_offsets": [2, 0]}}, b"ab")),
        ("tensor.size", packed({"a": ENTRY | {"data_offsets": [0]}}, b"ab")),
        ("tensor.canonical", packed({"a": ENTRY}, b"abc")),
        ("tensor.canonical", packed({"a": ENTRY | {"data_offsets": [1, 3]}}, b"xab")),
        ("tensor.canonical", packed({"a": ENTRY, "b": ENTRY}, b"ab")),
        ("tensor.canonical", packed({"a": ENTRY}, b"ab", pad=False)),
        ("tensor.canonical", packed({"__metadata__": {}})),
        ("tensor.canonical", packed({"__metadata__": {"info": "{}"}})),
        ("tensor.canonical", packed({"__metadata__": {"texts": '{"gone":[1]}'}})),
    ],
)
def test_containers_that_encode_does_not_write(code, data):
    refused(code, lambda: decode(data, max_bytes=LIMIT))


def test_every_byte_counts():
    data = encode(FILE)
    for position in range(len(data)):
        for bit in (1, 128):
            changed = bytearray(data)
            changed[position] ^= bit
            try:
                assert decode(bytes(changed), max_bytes=LIMIT) != FILE
            except VerificationError:
                continue
    for end in range(len(data)):
        with pytest.raises(VerificationError):
            decode(data[:end], max_bytes=LIMIT)


@given(st.binary(max_size=300))
def test_any_bytes(data):
    with pytest.raises(VerificationError):
        decode(data, max_bytes=LIMIT)
