"""By whose word a file is judged: the network's profile, or a policy from a file."""

from pathlib import Path
from typing import Final

from opengradient.cli.console import banner_instead_of_warnings
from opengradient.core.canonical import parse_json_object
from opengradient.errors import ConfigurationError, MalformedError
from opengradient.networks import Network, load_network
from opengradient.verify.policy import TrustPolicy

_MAX_POLICY_BYTES: Final = 1024 * 1024


def network_for(choice: str | None) -> Network:
    """The network that is meant. Commands show the banner, so its warnings are held back."""
    with banner_instead_of_warnings():
        return load_network(choice)


def trust_for(choice: str | None, policy_file: Path | None) -> tuple[TrustPolicy, Network | None]:
    """The policy to judge by, and the network if there is one.

    Args:
        choice: What --network says.
        policy_file: What --policy says; its policy replaces the network's.

    Raises:
        ConfigurationError: The network that was named, or the policy, cannot be read.
    """
    try:
        network = network_for(choice)
    except ConfigurationError as error:
        if choice is not None or error.code != "config.no_network":
            raise
        network = None
    if policy_file is not None:
        return read_policy(policy_file), network
    if network is not None:
        return network.trust, network
    return TrustPolicy.hardware(frozenset()), None


def read_policy(path: Path) -> TrustPolicy:
    """Read a policy file.

    Raises:
        ConfigurationError: It is no policy; the message says why.
    """
    try:
        value = parse_json_object(path.read_bytes(), what="the policy", max_bytes=_MAX_POLICY_BYTES)
        return TrustPolicy.from_json(value)
    except MalformedError as error:
        raise ConfigurationError(f"{path}: {error.message}", code="policy.malformed") from error


def is_simulated(network: Network) -> bool:
    """Whether the network's policy accepts software enclaves."""
    return any(root.kind == "software-enclave" for root in network.trust.roots)
