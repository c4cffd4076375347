"""Store a blob, read it back, checked. A storage node on this machine stands in for Walrus."""

from pathlib import Path

import anyio

from opengradient.storage import Walrus, compute_blob_id
from reference_nodes.storage_node.__main__ import running
from reference_nodes.storage_node.config import Config

SHARDS = 13  # the network's own number is part of every id: 1,000 on Walrus


async def main() -> None:
    data = b"any bytes: a model, a proof, a batch of receipts"
    print(compute_blob_id(data, n_shards=SHARDS))
    async with (
        running(Config(data_dir=Path("blobs"), n_shards=SHARDS)) as url,
        Walrus(aggregators=[url], publishers=[url], n_shards=SHARDS) as walrus,
    ):
        stored = await walrus.put(data, epochs=5)  # the publisher must name this very id
        again = await walrus.get(stored.blob_id)  # these bytes and no others
    print(stored.blob_id, again == data)


anyio.run(main)
