"""Conformance: one case in as JSON, one outcome out.

`tests/vectors/receipt_files.json` and `tests/vectors/evidence/*.json` hold the cases; another
implementation can be held to them. ``python -m tests.conformance FILE`` runs one file.
"""
