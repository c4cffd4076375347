"""Makes our own test vectors. Keys and seeds are fixed and public; the output is byte-stable.

Run it as ``make vectors``; `tests/unit/core/test_vectors.py` fails when a file is not what this
makes. `ethers/make.mjs` then lets ethers and OpenZeppelin's merkle-tree sign and hash the same
inputs independently (``npm install ethers @openzeppelin/merkle-tree`` beside it).
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from opengradient.core.commitments import (
    commit_field,
    derive_salt,
    seal_section,
    section_commitment,
)
from opengradient.core.digests import sha256
from opengradient.core.keys import MemorySigner
from opengradient.core.merkle import BatchTree, chunk_root, settlement_leaf, stream_salt_seed
from opengradient.core.receipts import FIELDS, TYPE_HASH, Receipt, ReceiptDomain, sign_receipt
from opengradient.wire.receipts import encode_receipt

FOLDER = Path(__file__).parent
SECRET = sha256(b"opengradient test vector signing key")
SEED = sha256(b"opengradient test vector seed")
DOMAIN = ReceiptDomain(chain_id=31337, settlement_contract=sha256(b"contract")[:20])
RANGES = {
    "kind": (1, 8),
    "verification_mode": (0, 2),
    "settlement_mode": (0, 2),
    "channel_kind": (0, 2),
    "proof_kind": (0, 1),
}


def word(name: str, size: int | None, number: int) -> int | bytes:
    """A value for one word: lowest for 0, highest for 1, else from a hash."""
    drawn = sha256(f"{name} {number}".encode())
    if size is None:
        return (bytes(32), b"\xff" * 32, drawn)[min(number, 2)]
    low, high = RANGES.get(name, (0, 2 ** (8 * size) - 1))
    if size == 8:
        high = 2**53 - 1
    return (low, high, low + int.from_bytes(drawn) % (high - low + 1))[min(number, 2)]


def receipts() -> list[dict]:
    """Signed receipts: all lowest, all highest, and drawn ones."""
    signer = MemorySigner(SECRET)
    cases = []
    for number in range(8):
        receipt = Receipt(**{f.name: word(f.name, f.size, number) for f in FIELDS})
        signed = sign_receipt(receipt, DOMAIN, signer)
        cases.append(
            {
                "id": f"receipt-{number}",
                "spec": ["1.2", "1.3", "4.1-4.29", "7.1"],
                "receipt": encode_receipt(receipt),
                "digest": signed.digest.hex(),
                "signature": signed.signature.encode().hex(),
                "vs": signed.signature.vs().hex(),
                "leaf": settlement_leaf(
                    signed.digest, signed.signature.r, signed.signature.vs()
                ).hex(),
            }
        )
    return cases


def batches(cases: list[dict]) -> list[dict]:
    """Trees over the first n receipts."""
    leaves = [bytes.fromhex(case["leaf"]) for case in cases]
    return [
        {
            "id": f"batch-{size}",
            "spec": ["7.1"],
            "leaves": [leaf.hex() for leaf in leaves[:size]],
            "root": (tree := BatchTree(leaves[:size])).root.hex(),
            "proofs": [[node.hex() for node in tree.proof(leaf)] for leaf in leaves[:size]],
        }
        for size in range(1, len(leaves) + 1)
    ]


def commitments() -> list[dict]:
    """Fields of the three types, and a section of them."""
    values = {"text": "héllo \U0001f600", "raw": b"\x00\xff", "json": {"b": [1, 2.5], "a": None}}
    fields = [
        {
            "id": f"field-{name}",
            "spec": ["3.2", "3.3"],
            "salt": derive_salt(SEED, "response", name).hex(),
            "commitment": commit_field(
                "response", name, derive_salt(SEED, "response", name), value
            ).hex(),
        }
        for name, value in values.items()
    ]
    section = seal_section(SEED, "response", values)
    whole = section_commitment("response", section).hex()
    return [*fields, {"id": "section", "spec": ["3.4"], "commitment": whole}]


def streams() -> list[dict]:
    """Chunk trees of small sizes."""
    salt_seed = stream_salt_seed(SEED)
    digests = [sha256(f"chunk {number}".encode()) for number in range(9)]
    return [
        {
            "id": f"stream-{count}",
            "spec": ["3.11"],
            "salt_seed": salt_seed.hex(),
            "chunk_digests": [digest.hex() for digest in digests[:count]],
            "root": chunk_root(salt_seed, digests[:count]).hex(),
        }
        for count in range(10)
    ]


def document() -> dict:
    """The whole file."""
    cases = receipts()
    return {
        "about": "made by tests/vectors/generate.py; keys are public test keys",
        "secret": SECRET.hex(),
        "seed": SEED.hex(),
        "domain": {
            "chainId": DOMAIN.chain_id,
            "settlementContract": "0x" + DOMAIN.settlement_contract.hex(),
        },
        "types": [{"name": field.wire, "type": field.solidity} for field in FIELDS],
        "type_hash": TYPE_HASH.hex(),
        "receipts": cases,
        "batches": batches(cases),
        "commitments": commitments(),
        "streams": streams(),
    }


def render() -> str:
    """The bytes of the file, as text."""
    return json.dumps(document(), indent=1, ensure_ascii=True) + "\n"


def generators() -> dict[str, ModuleType]:
    """Path of each file below this folder, and the module whose `render` makes it."""
    found = {"receipts.json": sys.modules[__name__]}
    for path in sorted(FOLDER.rglob("*.py")):
        inside = path.relative_to(FOLDER).with_suffix("")
        if path.stem in {"__init__", "generate"}:
            continue
        module = import_module(".".join(("tests", "vectors", *inside.parts)))
        if hasattr(module, "render"):
            found[f"{inside}.json"] = module
    return found


if __name__ == "__main__":
    for file, generator in generators().items():
        (FOLDER / file).write_text(generator.render())
