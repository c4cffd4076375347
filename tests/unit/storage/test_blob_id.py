"""Blob ids equal those of Walrus' own encoder."""

import hashlib
import json

import pytest

from opengradient.errors import ConfigurationError, MalformedError
from opengradient.storage import BlobId, compute_blob_id
from tests.support import vectors

pytest.importorskip("reed_solomon_leopard", reason="needs the extra opengradient[storage]")

CONTENT = {
    "empty": b"",
    "a": b"a",
    "hello": b"hello walrus",
    "zeros_1KiB": bytes(1024),
    "pat_1KiB": bytes(range(256)) * 4,
    "pat_1MiB": bytes(range(256)) * 4096,
    "pat_10MiB": bytes(range(256)) * 40_960,
    "pat_445556": (bytes(range(256)) * 2000)[: 334 * 667 * 2],
}


def known():
    return json.loads(vectors("walrus_blob_ids.json").read_text())


def check(vector):
    data = CONTENT[vector["name"]]
    assert hashlib.sha256(data).hexdigest() == vector["sha256"]
    found = compute_blob_id(data, n_shards=vector["n_shards"])
    assert (found.value.hex(), str(found)) == (vector["blob_id_hex"], vector["blob_id"])
    assert BlobId.parse(str(found)) == found


def test_every_vector():
    tried = known()["vectors"]
    assert len(tried) > 15
    for vector in tried:
        if vector["name"] in CONTENT:
            check(vector)
    unknown = {v["name"] for v in tried} - set(CONTENT)
    assert unknown == set()


def test_the_documented_example():
    example = known()["documented_example"]
    found = compute_blob_id(example["data"].encode(), n_shards=example["n_shards"])
    assert str(found) == example["blob_id"]


def test_too_large():
    for case in known()["too_large"]:
        with pytest.raises(ConfigurationError) as caught:
            compute_blob_id(bytes(case["len"]), n_shards=case["n_shards"])
        assert caught.value.code == "storage.too_large"


@pytest.mark.parametrize("n_shards", [0, -1, 4097])
def test_no_network_has_so_many_shards(n_shards):
    with pytest.raises(ConfigurationError) as caught:
        compute_blob_id(b"", n_shards=n_shards)
    assert caught.value.code == "storage.shards"


def test_progress_is_told():
    told = []
    compute_blob_id(CONTENT["pat_1KiB"], n_shards=130, progress=told.append)
    assert told == [64 / 130, 128 / 130, 1.0]


def test_length_and_every_bit_count():
    data = b"opengradient" * 11
    ids = {compute_blob_id(data[:-1], n_shards=7), compute_blob_id(data + b"\0", n_shards=7)}
    for position in range(0, len(data), 13):
        for bit in (1, 128):
            changed = bytearray(data)
            changed[position] ^= bit
            ids.add(compute_blob_id(bytes(changed), n_shards=7))
    assert compute_blob_id(data, n_shards=7) not in ids
    assert len(ids) == 2 + 2 * -(-len(data) // 13)


@pytest.mark.parametrize(
    "text", ["", "A" * 42, "A" * 44, "A" * 42 + "B", "A" * 42 + "=", "A" * 42 + "+", "A" * 43 + "="]
)
def test_a_blob_id_has_one_spelling(text):
    with pytest.raises(MalformedError) as caught:
        BlobId.parse(text)
    assert caught.value.code == "storage.blob_id"


def test_a_blob_id_has_32_bytes():
    with pytest.raises(MalformedError):
        BlobId(bytes(31))
