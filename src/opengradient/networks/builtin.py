"""The networks that every installation knows."""

from typing import Final

from opengradient.core.evidence import NITRO
from opengradient.networks.network import Network, NodeProtocol
from opengradient.verify.policy import TrustPolicy

OPENGRADIENT: Final = "opengradient"
"""Name of the public network."""


def built_in(name: str) -> Network | None:
    """The built-in network of that name; None where there is none."""
    return _opengradient() if name == OPENGRADIENT else None


def _opengradient() -> Network:
    """The public network: constants of its published client, release 1.1.4.

    Its nodes run in AWS Nitro enclaves. Which measurements are good is decided by its registry;
    name them in a policy of your own to decide for yourself.
    """
    return Network(
        name=OPENGRADIENT,
        protocol=NodeProtocol.LEGACY,
        chain_id=10740,
        rpc_url="https://ogevmdevnet.opengradient.ai",
        registry=bytes.fromhex("703cB174AEadB35D611858369B4b1111dC9Abda6"),
        trust=TrustPolicy.hardware(frozenset(), kinds=(NITRO,)),
        source="built in",
    )
