"""Whole nodes on real sockets."""
