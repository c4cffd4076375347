"""Codes of collateral: what a vendor signs beside evidence."""

from opengradient.errors._codes._code import Code

TABLE: dict[str, Code] = {}
