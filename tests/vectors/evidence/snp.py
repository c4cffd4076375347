"""Makes the vectors of AMD SEV-SNP: each check failed alone, everything else sound and signed.

Run as ``python -m tests.vectors.evidence.snp``; the keys are public test keys, and the output is
byte-stable. The clauses are the steps of `opengradient.verify.attestation.snp.verify_snp`.
"""

import json
from pathlib import Path

from opengradient.core.evidence import SNP
from tests.vectors.evidence import (
    snp_certificates,
    snp_leaves,
    snp_lists,
    snp_policies,
    snp_reports,
)
from tests.vectors.evidence.snp_book import Book

FILE = Path(__file__).with_suffix(".json")


def render() -> str:
    """The bytes of the file, as text."""
    book = Book()
    for chapter in (snp_reports, snp_certificates, snp_lists, snp_leaves, snp_policies):
        chapter.write(book)
    about = "made by tests/vectors/evidence/snp.py; keys are public test keys"
    parts = [
        f'"about": {json.dumps(about)}',
        f'"kind": {json.dumps(SNP)}',
        f'"blobs": {{\n{_lines(book.blobs)}\n}}',
        f'"policies": {{\n{_lines(book.policies)}\n}}',
        '"vectors": [\n' + ",\n".join(json.dumps(vector) for vector in book.vectors) + "\n]",
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(shelf: dict[str, object]) -> str:
    return ",\n".join(f"{json.dumps(name)}: {json.dumps(kept)}" for name, kept in shelf.items())


if __name__ == "__main__":
    FILE.write_text(render())
