"""The embedded ledger's inside: py-evm over SQLite, one transaction of the database per block."""
