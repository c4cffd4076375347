"""Measures what every transaction costs, on the embedded ledger, and writes docs/gas.md.

python scripts/gas_table.py            measure, write, and fail if a bar is missed
python scripts/gas_table.py --check    measure and fail if docs/gas.md says otherwise
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import anyio  # noqa: E402

from opengradient.chain.calls import Call  # noqa: E402
from opengradient.chain.messages import EndpointUpdate, EvidenceUpdate, Heartbeat  # noqa: E402
from opengradient.core.digests import sha256  # noqa: E402
from tests.unit.chain.world import SUBMITTER, Batch, World, key, open_world  # noqa: E402

PAGE = ROOT / "docs" / "gas.md"
SIZES = (10, 100, 1000, 4096)
PER_BATCH, PER_INFERENCE_AT_1000, INCLUSION = 50_000, 50.0, 40_000

Rows = list[tuple[str, int]]


async def anchoring(world: World) -> tuple[Rows, dict[int, Batch]]:
    """Gas per batch: the first of a submitter and those after it cost the same."""
    node, batches, rows = key("node"), {}, []
    for size in SIZES:
        batch = Batch([world.signed(node, 10_000 * size + number) for number in range(size)])
        receipt = await world.anchor(batch)
        rows.append((f"anchor a batch of {size:,}", receipt.gas_used))
        batches[size] = batch
    return rows, batches


async def inclusion(world: World, batches: dict[int, Batch]) -> Rows:
    """The inclusion check sent as a transaction; as a call it is free."""
    rows = []
    for size, batch in batches.items():
        longest = max(range(size), key=lambda number: len(batch.proof(number)))
        call = world.batches.verify_inclusion(root=batch.tree.root, leaf=batch.leaf(longest))
        steps = len(batch.proof(longest))
        receipt = await world.stranger.execute(call)
        rows.append((f"check inclusion in {size:,} ({steps} steps)", receipt.gas_used))
    return rows


async def registry(world: World) -> Rows:
    """A node's life. The sizes of key, certificate and OHTTP key are usual ones."""
    node, operator = key("node"), world.operator
    entry = world.registration(node, legacy_public_key=bytes(294), tls_certificate=bytes(600))
    node_id = node.public_key.node_id
    steps = [
        ("register a node (RSA key 294 B, certificate 600 B)", world.nodes.register(entry, node)),
        (
            "register a node (no RSA key, no certificate)",
            world.nodes.register(world.registration(key("small"), nonce=1), key("small")),
        ),
    ]
    rows = [(name, (await operator.execute(call)).gas_used) for name, call in steps]
    for counter in (1, 2):
        world.clock.now += 60
        beat = Heartbeat(node_id=node_id, counter=counter, timestamp=world.clock.now)
        receipt = await world.stranger.execute(world.nodes.heartbeat(beat, node))
    rows.append(("heartbeat", receipt.gas_used))
    evidence = EvidenceUpdate(
        node_id=node_id,
        keyset_digest=sha256(b"k"),
        evidence_digest=sha256(b"e"),
        evidence_blob_id=sha256(b"b"),
        tls_certificate=b"\x01" * 600,
        counter=1,
    )
    endpoint = EndpointUpdate(
        node_id=node_id, endpoint="https://other.example", payee=b"\x01" * 20, counter=2
    )
    calls = (
        ("rotate evidence (certificate 600 B)", world.nodes.rotate_evidence(evidence, node)),
        ("change endpoint and payee", world.nodes.update_endpoint(endpoint, node)),
        ("retire", world.nodes.retire(node_id)),
    )
    return rows + [(name, (await operator.execute(call)).gas_used) for name, call in calls]


async def challenges(world: World) -> Rows:
    """Challenges in batches of 1,000."""
    node, unknown = key("small"), key("unknown")
    honest = [world.signed(node, number) for number in range(999)]
    rows = []

    async def challenge(name: str, call: Call) -> None:
        rows.append((name, (await world.stranger.execute(call)).gas_used))
        address = SUBMITTER.public_key.address
        await world.owner.execute(world.batches.authorise_submitter(address))

    bad = Batch([world.signed(unknown, 1), *honest])
    await world.anchor(bad)
    call = world.batches.challenge_leaf(bad.ref, bad.leaf(0))
    await challenge("challenge a leaf (1,000)", call)
    lie = world.signed(node, 2000, finished_at=0)
    bad = Batch([lie, *honest])
    await world.anchor(bad)
    call = world.batches.challenge_receipt(bad.ref, lie, bad.proof(0))
    await challenge("challenge a receipt (1,000)", call)
    first, second = (Batch([world.signed(node, number), *honest]) for number in (3000, 3001))
    await world.anchor(first)
    world.clock.now += 1
    await world.anchor(second)
    call = world.batches.challenge_duplicate(first.ref, first.leaf(5), second.ref, second.leaf(5))
    await challenge("challenge a duplicate (2 x 1,000)", call)
    return rows


async def measure() -> Rows:
    """Every row, in the order of the page."""
    async with open_world() as world:
        rows, batches = await anchoring(world)
        rows += await inclusion(world, batches)
        rows += await registry(world)
        return rows + await challenges(world)


def missed(rows: Rows) -> list[str]:
    """The bars that are not met."""
    gas = dict(rows)
    bars = [(f"anchor a batch of {size:,}", PER_BATCH) for size in SIZES]
    wrong = [f"{name}: {gas[name]} > {bar}" for name, bar in bars if gas[name] > bar]
    per_inference = gas["anchor a batch of 1,000"] / 1000
    if per_inference > PER_INFERENCE_AT_1000:
        wrong.append(f"per inference at 1,000: {per_inference}")
    name = next(name for name in gas if name.startswith("check inclusion in 1,000"))
    if gas[name] > INCLUSION:
        wrong.append(f"{name}: {gas[name]} > {INCLUSION}")
    return wrong


HEAD = """# Gas

Measured by `make gas` on the embedded ledger (Prague rules, solc 0.8.37, optimizer on). Do not edit
by hand. A test compares embedded ledger and anvil: they charge the same.

| transaction | gas | per inference |
|---|---:|---:|
"""

TAIL = f"""
Bars: at most {PER_BATCH:,} per batch, {PER_INFERENCE_AT_1000:g} per inference at 1,000,
{INCLUSION:,} for an inclusion check at 1,000.

What an inclusion check costs as a transaction is the floor that EIP-7623 sets for its calldata; as
an `eth_call` it is free.
"""


def page(rows: Rows) -> str:
    """docs/gas.md."""
    lines = []
    for name, gas in rows:
        share = ""
        if name.startswith("anchor a batch of "):
            share = f"{gas / int(name.rsplit(' ', 1)[1].replace(',', '')):,.1f}"
        lines.append(f"| {name} | {gas:,} | {share} |\n")
    return HEAD + "".join(lines) + TAIL


def main() -> int:
    """Run from the command line."""
    rows = anyio.run(measure)
    text = page(rows)
    for name, gas in rows:
        print(f"{gas:>9,}  {name}")
    if wrong := missed(rows):
        print("missed:", *wrong, sep="\n  ")
        return 1
    if "--check" in sys.argv:
        same = PAGE.exists() and PAGE.read_text() == text
        print("docs/gas.md is current" if same else "docs/gas.md is stale: run make gas")
        return 0 if same else 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
