"""The ledger: JSON-RPC, contract bindings, engines."""
