"""Ledger engines, one interface: embedded (default), anvil, or any chain by RPC."""

from opengradient.chain.engines._protocol import LedgerEngine
from opengradient.chain.engines.embedded import EmbeddedLedger, EmbeddedSettings

__all__ = ["EmbeddedLedger", "EmbeddedSettings", "LedgerEngine"]
