"""Runs models of the Hub: loads checked bytes in worker processes, answers with receipts."""
