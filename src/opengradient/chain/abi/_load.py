"""Reads an artifact when it is first needed."""

import json
from functools import cache
from importlib.resources import files
from typing import Final

from opengradient.chain.abi._codec import ContractAbi

NODE_REGISTRY: Final = "NodeRegistry"
SETTLEMENT: Final = "Settlement"


@cache
def contract(name: str) -> ContractAbi:
    """The ABI and code of a contract of ours.

    Args:
        name: `NODE_REGISTRY` or `SETTLEMENT`.
    """
    text = files("opengradient.chain.abi").joinpath(f"{name}.json").read_text(encoding="utf-8")
    artifact = json.loads(text)
    return ContractAbi(name, artifact["abi"], bytes.fromhex(artifact["bytecode"][2:]))
