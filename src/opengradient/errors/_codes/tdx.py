"""Codes of Intel TDX and SGX quotes."""

from opengradient.errors._codes._code import Code

TABLE: dict[str, Code] = {}
