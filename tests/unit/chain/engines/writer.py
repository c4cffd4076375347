"""Sends transactions to an embedded ledger for ever, and says which were acknowledged."""

import sys
from pathlib import Path

import anyio

from opengradient.chain.engines import EmbeddedLedger
from opengradient.chain.rpc import RpcClient
from tests.unit.chain.engines.persistent import SENDER, settings, transfer


async def main(folder: Path) -> None:
    async with EmbeddedLedger(settings(folder)) as engine:
        rpc = RpcClient(engine.post, chain_id=engine.chain_id)
        nonce = await rpc.nonce(SENDER.public_key.address, pending=True)
        while True:
            accepted = await rpc.send_raw(transfer(nonce).raw)
            print(nonce, accepted.hex(), flush=True)
            nonce += 1


anyio.run(main, Path(sys.argv[1]))
