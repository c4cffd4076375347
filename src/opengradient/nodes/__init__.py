"""Nodes as a client uses them: found, verified, called, and their receipts followed."""
