"""Carries sealed requests to nodes, and sees ciphertext and padded lengths only."""
