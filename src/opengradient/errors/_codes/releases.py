"""Codes of release manifests and revocation lists."""

from opengradient.errors._codes._code import Code

TABLE: dict[str, Code] = {}
