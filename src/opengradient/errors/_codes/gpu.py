"""Codes of GPU evidence."""

from opengradient.errors._codes._code import Code

TABLE: dict[str, Code] = {}
