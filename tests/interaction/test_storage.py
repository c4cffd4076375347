"""The Walrus client against our storage node, and against servers that lie, over real sockets."""

import json
import os
import signal
import sys
from contextlib import asynccontextmanager

import anyio
import pytest

from opengradient.errors import ConfigurationError, StorageError, VerificationError
from opengradient.storage import BlobId, Walrus, compute_blob_id
from opengradient.transport import HttpTransport
from reference_nodes.storage_node.__main__ import running
from reference_nodes.storage_node.config import Config
from reference_nodes.storage_node.store import BlobFolder
from tests.net.server import raw_server

SHARDS = 13
DATA = bytes(range(256)) * 9
ID = compute_blob_id(DATA, n_shards=SHARDS)


@asynccontextmanager
async def world(folder, **settings):
    config = Config(data_dir=folder, n_shards=SHARDS, **settings)
    async with (
        running(config) as url,
        Walrus(aggregators=[url], publishers=[url], n_shards=SHARDS) as walrus,
    ):
        yield url, walrus


async def test_what_is_stored_can_be_read(tmp_path):
    async with world(tmp_path) as (_, walrus):
        first = await walrus.put(DATA, epochs=3)
        assert (first.blob_id, first.size, first.newly_created) == (ID, len(DATA), True)
        again = await walrus.put(DATA, epochs=1)
        assert (again.newly_created, again.end_epoch) == (False, first.end_epoch)
        longer = await walrus.put(DATA, epochs=9)
        assert longer.end_epoch == first.end_epoch + 6
        assert await walrus.get(ID) == await walrus.get(str(ID)) == DATA
        assert await walrus.get_range(ID, 5, 7) == DATA[5:12]
        assert (await walrus.put(b"")).size == 0
        for start, length in ((-1, 1), (0, 0), (0, len(DATA) + 1)):
            with pytest.raises(ConfigurationError):
                await walrus.get_range(ID, start, length)
    async with world(tmp_path) as (_, walrus):
        assert await walrus.get(ID) == DATA


async def test_what_is_not_there(tmp_path):
    async with world(tmp_path) as (_, walrus):
        with pytest.raises(StorageError) as caught:
            await walrus.get(ID)
        assert caught.value.code == "storage.not_found"
        with pytest.raises(ConfigurationError):
            await walrus.put(DATA, epochs=0)
    async with Walrus(aggregators=[], n_shards=SHARDS) as nobody:
        with pytest.raises(ConfigurationError):
            await nobody.put(DATA)
        with pytest.raises(StorageError):
            await nobody.get(ID)


async def test_limits(tmp_path):
    async with world(tmp_path, quota_bytes=3000, max_blob_bytes=2500) as (url, walrus):
        await walrus.put(DATA)
        with pytest.raises(StorageError, match="at most 3000 bytes|507"):
            await walrus.put(DATA[1:])
        with pytest.raises(StorageError, match="413"):
            await walrus.put(DATA * 2)
        assert await walrus.get(ID) == DATA
        async with HttpTransport() as http:
            for path in ("?epochs=0", "?epochs=54", "?epochs=x", "?unknown=1", "?permanent=maybe"):
                answer = await http.request("PUT", f"{url}/v1/blobs{path}", content=b"x")
                assert answer.status == 400, path
            assert (await http.request("GET", f"{url}/v1/blobs/nonsense")).status == 400
            health = await http.request("GET", f"{url}/health")
            assert json.loads(health.body)["usedBytes"] == len(DATA)


async def test_the_command_line(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(DATA)

    async def call(*arguments, status=0):
        command = [sys.executable, "-m", "opengradient", "storage", *map(str, arguments)]
        shown = await anyio.run_process(
            [*command, "--shards", str(SHARDS), "--json"], check=False, env=dict(os.environ)
        )
        assert shown.returncode == status, shown.stderr.decode()
        return json.loads(shown.stdout)

    assert (await call("blob-id", source))["blob_id"] == str(ID)
    async with world(tmp_path / "node") as (url, _):
        assert (await call("put", source, "--publisher", url))["newly_created"] is True
        assert (await call("get", ID, "--aggregator", url, "-o", target))["size"] == len(DATA)
        assert target.read_bytes() == DATA
    async with answering(200, DATA[1:]) as liar:
        target.unlink()
        refusal = await call("get", ID, "--aggregator", liar, "-o", target, status=1)
        assert refusal["error"]["code"] == "storage.content"
        assert not target.exists()


async def test_ranges(tmp_path):
    async with world(tmp_path) as (url, walrus):
        await walrus.put(DATA)
        async with HttpTransport() as http:
            for asked, start, stop in (
                ("bytes=0-0", 0, 1),
                ("bytes=10-", 10, len(DATA)),
                ("bytes=5-9999999", 5, len(DATA)),
            ):
                answer = await http.request("GET", f"{url}/v1/blobs/{ID}", headers={"range": asked})
                assert (answer.status, answer.body) == (206, DATA[start:stop])
                expected = f"bytes {start}-{stop - 1}/{len(DATA)}"
                assert answer.headers["content-range"] == expected
            for wrong in ("bytes=-5", "bytes=9-8", f"bytes={len(DATA)}-", "bytes=0-1,3-4", "x"):
                answer = await http.request("GET", f"{url}/v1/blobs/{ID}", headers={"range": wrong})
                assert answer.status == 400, wrong


@asynccontextmanager
async def answering(status, body):
    async def handler(stream, _request):
        head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        await stream.send(head.encode() + body)

    async with raw_server(handler) as server:
        yield server.url


@pytest.mark.parametrize("changed", [DATA[:-1], DATA + b"\0", b"\1" + DATA[1:], b""])
async def test_an_aggregator_that_lies_is_not_believed(tmp_path, changed):
    async with answering(200, changed) as liar, world(tmp_path) as (honest, stored):
        async with Walrus(aggregators=[liar], n_shards=SHARDS) as walrus:
            with pytest.raises(VerificationError) as caught:
                await walrus.get(ID)
            assert caught.value.code == "storage.content"
        await stored.put(DATA)
        async with Walrus(aggregators=[liar, honest], n_shards=SHARDS) as walrus:
            assert await walrus.get(ID) == DATA


def stored_answer(blob_id=ID, **changes):
    inner = {"blobId": str(blob_id), "endEpoch": 5, "event": {}} | changes
    return json.dumps({"alreadyCertified": inner}).encode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (stored_answer(BlobId(bytes(32))), "storage.publisher_id"),
        (b"not json", "storage.answer"),
        (b"[]", "storage.answer"),
        (b"{}", "storage.answer"),
        (stored_answer(endEpoch=True), "storage.answer"),
        (stored_answer(blobId=1), "storage.answer"),
        (stored_answer(blobId="short"), "storage.blob_id"),
        (b'{"newlyCreated": {"blobObject": {}}}', "storage.answer"),
    ],
)
async def test_a_publisher_that_lies_is_not_believed(tmp_path, body, code):
    async with answering(200, body) as liar, world(tmp_path) as (honest, _):
        async with Walrus(aggregators=[], publishers=[liar], n_shards=SHARDS) as walrus:
            with pytest.raises(VerificationError) as caught:
                await walrus.put(DATA)
            assert caught.value.code == code
        async with Walrus(aggregators=[], publishers=[liar, honest], n_shards=SHARDS) as walrus:
            assert (await walrus.put(DATA)).newly_created


async def test_failing_servers_are_passed_over_and_named(tmp_path):
    async with answering(500, b"broken") as broken, world(tmp_path) as (honest, stored):
        await stored.put(DATA)
        async with Walrus(
            aggregators=["http://127.0.0.1:9", broken, honest], n_shards=SHARDS
        ) as walrus:
            assert await walrus.get(ID) == DATA
        async with Walrus(aggregators=[broken], n_shards=SHARDS) as walrus:
            with pytest.raises(StorageError, match="status 500"):
                await walrus.get(ID)


def folder(path, *, epoch=10, quota=10_000):
    clock = {"epoch": epoch}
    return BlobFolder(path, quota_bytes=quota, epoch=lambda: clock["epoch"]), clock


def test_blobs_go_when_their_time_ends(tmp_path):
    store, clock = folder(tmp_path)
    store.put(ID, DATA, epochs=2)
    path, size = store.find(ID)
    assert (path.read_bytes(), size) == (DATA, len(DATA))
    clock["epoch"] = 11
    assert store.collect() == 0
    clock["epoch"] = 12
    assert store.find(ID) is None
    assert store.collect() == 1
    assert (store.used(), path.exists()) == (0, False)
    store.close()


def test_room_is_made_by_what_has_ended(tmp_path):
    store, clock = folder(tmp_path, quota=len(DATA))
    store.put(ID, DATA, epochs=1)
    other = compute_blob_id(DATA[1:], n_shards=SHARDS)
    with pytest.raises(StorageError) as caught:
        store.put(other, DATA[1:], epochs=1)
    assert caught.value.code == "storage.quota"
    clock["epoch"] = 11
    assert store.put(other, DATA[1:], epochs=1).created
    assert store.find(ID) is None
    store.close()


def test_what_was_never_acknowledged_is_swept_away(tmp_path):
    store, _ = folder(tmp_path)
    store.put(ID, DATA, epochs=1)
    kept, _ = store.find(ID)
    store.close()
    orphan = kept.with_name("ab" * 32)
    half = kept.with_name(".0123456789abcdef")
    orphan.write_bytes(b"x")
    half.write_bytes(b"x")
    store, _ = folder(tmp_path)
    assert (kept.exists(), orphan.exists(), half.exists()) == (True, False, False)
    store.close()


def test_two_owners_of_one_folder(tmp_path):
    store, _ = folder(tmp_path)
    with pytest.raises(StorageError) as caught:
        folder(tmp_path)
    assert caught.value.code == "storage.disk"
    store.close()


async def test_killed_at_once_after_the_acknowledgement(tmp_path):
    command = [sys.executable, "-m", "reference_nodes.storage_node"]
    options = ["--data-dir", str(tmp_path), "--n-shards", str(SHARDS)]
    for number in range(3):
        data = DATA + bytes([number])
        async with await anyio.open_process([*command, *options], env=dict(os.environ)) as node:
            line = (await node.stdout.receive()).decode()
            url = line.split()[1]
            async with Walrus(aggregators=[], publishers=[url], n_shards=SHARDS) as walrus:
                await walrus.put(data)
            node.send_signal(signal.SIGKILL)
    async with world(tmp_path) as (_, walrus):
        for number in range(3):
            data = DATA + bytes([number])
            assert await walrus.get(compute_blob_id(data, n_shards=SHARDS)) == data
