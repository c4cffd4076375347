"""Helpers of the tests: real sockets, real certificates."""
