"""The full node: verifies receipts, batches them, keeps the data, anchors the roots, proves."""
