"""Codes of attestation tokens (JSON Web Tokens)."""

from opengradient.errors._codes._code import Code

TABLE: dict[str, Code] = {}
