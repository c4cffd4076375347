"""Ledger engines, one interface: embedded (default), anvil, or any chain by RPC.

A new engine is one file beside these and one line here.
"""

from opengradient.chain.engines._protocol import LedgerEngine
from opengradient.chain.engines.anvil import AnvilLedger, AnvilSettings
from opengradient.chain.engines.embedded import (
    DEVNET_CHAIN_ID,
    EmbeddedLedger,
    EmbeddedSettings,
)
from opengradient.chain.engines.http import ledger_app
from opengradient.chain.engines.rpc import RpcLedger

ENGINES = {"embedded": EmbeddedLedger, "anvil": AnvilLedger, "rpc": RpcLedger}

__all__ = [
    "DEVNET_CHAIN_ID",
    "ENGINES",
    "AnvilLedger",
    "AnvilSettings",
    "EmbeddedLedger",
    "EmbeddedSettings",
    "LedgerEngine",
    "RpcLedger",
    "ledger_app",
]
