"""Codes of ACI receipts."""

from opengradient.errors._codes._code import Code

TABLE: dict[str, Code] = {}
