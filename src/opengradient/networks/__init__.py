"""Networks as profiles: endpoints, chain, contracts and whom to trust."""

from opengradient.networks.builtin import OPENGRADIENT, built_in
from opengradient.networks.loading import (
    config_home,
    known_networks,
    load_network,
    profile_path,
)
from opengradient.networks.network import Network, NodeProtocol
from opengradient.networks.profile import (
    PROFILE_VERSION,
    decode_network,
    encode_network,
    read_profile,
    write_profile,
)

__all__ = [
    "OPENGRADIENT",
    "PROFILE_VERSION",
    "Network",
    "NodeProtocol",
    "built_in",
    "config_home",
    "decode_network",
    "encode_network",
    "known_networks",
    "load_network",
    "profile_path",
    "read_profile",
    "write_profile",
]
