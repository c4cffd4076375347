"""Codes of AMD SEV-SNP reports."""

from opengradient.errors._codes._code import Code

TABLE: dict[str, Code] = {}
