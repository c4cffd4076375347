"""Every error code, with its meaning and what to do next: one table per family."""

from collections.abc import Mapping
from types import MappingProxyType

from opengradient.errors._codes import (
    aci,
    attestation,
    channel,
    client,
    collateral,
    gpu,
    inference,
    keys,
    ledger,
    model,
    node,
    receipt,
    relay,
    releases,
    snp,
    storage,
    tdx,
    tokens,
)
from opengradient.errors._codes._code import Code


def _merge(*tables: dict[str, Code]) -> Mapping[str, Code]:
    merged: dict[str, Code] = {}
    for table in tables:
        for code, entry in table.items():
            if code in merged:
                raise AssertionError(f"error code {code!r} is defined twice")
            merged[code] = entry
    return MappingProxyType(merged)


CODES: Mapping[str, Code] = _merge(
    client.TABLE,
    receipt.TABLE,
    attestation.TABLE,
    tdx.TABLE,
    snp.TABLE,
    tokens.TABLE,
    gpu.TABLE,
    collateral.TABLE,
    releases.TABLE,
    channel.TABLE,
    relay.TABLE,
    aci.TABLE,
    ledger.TABLE,
    storage.TABLE,
    model.TABLE,
    inference.TABLE,
    node.TABLE,
    keys.TABLE,
)

__all__ = ["CODES", "Code"]
