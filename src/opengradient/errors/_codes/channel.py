"""Codes of the confidential channel."""

from opengradient.errors._codes._code import Code

TABLE: dict[str, Code] = {}
