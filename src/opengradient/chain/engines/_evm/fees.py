"""eth_feeHistory (execution-apis, fee_market)."""

from typing import Any, Final

from opengradient.chain.engines._evm import params as read
from opengradient.chain.engines._evm.store import Store

PRIORITY_FEE: Final = 10**6
"""Suggested tip in wei per gas. Every transaction gets in, so any tip will do."""

MAX_BLOCKS: Final = 1024


def fee_history(
    store: Store, newest: int, count: int, percentiles: Any, next_base_fee: int
) -> dict[str, Any]:
    """Base fees, fullness and tips of the `count` blocks up to `newest`."""
    if not isinstance(percentiles, list) or not all(
        isinstance(p, int | float) and 0 <= p <= 100 for p in percentiles
    ):
        raise read.refuse("percentiles are a list of numbers between 0 and 100")
    oldest = max(0, newest - min(count, MAX_BLOCKS) + 1)
    blocks = [b for n in range(oldest, newest + 1) if (b := store.block_at(n)) is not None]
    after = store.block_at(newest + 1)
    history: dict[str, Any] = {
        "oldestBlock": hex(oldest),
        "baseFeePerGas": [block["baseFeePerGas"] for block in blocks]
        + [after["baseFeePerGas"] if after else hex(next_base_fee)],
        "gasUsedRatio": [int(b["gasUsed"], 16) / int(b["gasLimit"], 16) for b in blocks],
        "baseFeePerBlobGas": ["0x1"] * (len(blocks) + 1),
        "blobGasUsedRatio": [0.0] * len(blocks),
    }
    if percentiles:
        history["reward"] = [_rewards(store, block, percentiles) for block in blocks]
    return history


def _rewards(store: Store, block: dict[str, Any], percentiles: list[Any]) -> list[str]:
    base_fee = int(block["baseFeePerGas"], 16)
    tips = sorted(
        (int(receipt["effectiveGasPrice"], 16) - base_fee, int(receipt["gasUsed"], 16))
        for _, receipt in store.transactions_of(int(block["number"], 16))
    )
    total = sum(gas for _, gas in tips)
    return [hex(_percentile(tips, total * percentile / 100)) for percentile in percentiles]


def _percentile(tips: list[tuple[int, int]], threshold: float) -> int:
    seen = 0
    for tip, gas in tips:
        seen += gas
        if seen >= threshold:
            return tip
    return 0
