"""Network profiles as JSON files. Strict both ways."""

from pathlib import Path
from typing import Any, Final

from opengradient.core.canonical import JsonObject, canonical_json, parse_json_object
from opengradient.errors import ConfigurationError, MalformedError, UnsupportedError
from opengradient.networks.network import Network, NodeProtocol
from opengradient.verify.policy import TrustPolicy
from opengradient.wire.fields import members, natural, parse_hex, to_hex

PROFILE_VERSION: Final = "opengradient.network/1"
MAX_PROFILE_BYTES: Final = 1024 * 1024

_REQUIRED: Final = ("version", "name", "protocol", "chainId", "trust")
_OPTIONAL: Final = (
    "rpcUrl",
    "registry",
    "settlement",
    "fullNodes",
    "nodes",
    "confirmations",
    "firstBlock",
    "relayUrl",
)


def encode_network(network: Network) -> JsonObject:
    """A network as the JSON object of its profile."""
    encoded: JsonObject = {
        "version": PROFILE_VERSION,
        "name": network.name,
        "protocol": network.protocol.value,
        "chainId": network.chain_id,
        "fullNodes": list(network.full_node_urls),
        "nodes": list(network.node_urls),
        "confirmations": network.confirmations,
        "firstBlock": network.first_block,
        "trust": network.trust.to_json(),
    }
    if network.rpc_url is not None:
        encoded["rpcUrl"] = network.rpc_url
    if network.relay_url is not None:
        encoded["relayUrl"] = network.relay_url
    if network.registry is not None:
        encoded["registry"] = to_hex(network.registry)
    if network.settlement is not None:
        encoded["settlement"] = to_hex(network.settlement)
    return encoded


def decode_network(value: JsonObject, *, source: str) -> Network:
    """Read a profile.

    Args:
        value: The JSON object.
        source: How it was chosen, for people.

    Raises:
        MalformedError: A field is missing, unknown or of a wrong type.
        UnsupportedError: A version or protocol that this release does not know.
        ConfigurationError: A value that no network may have.
    """
    members(value, "network profile", _REQUIRED, _OPTIONAL)
    if value["version"] != PROFILE_VERSION:
        raise UnsupportedError(f"a network profile of version {value['version']!r}")
    if value["protocol"] not in list(NodeProtocol):
        raise UnsupportedError(f"a network whose nodes speak {value['protocol']!r}")
    return Network(
        name=_text(value["name"], "name"),
        protocol=NodeProtocol(value["protocol"]),
        chain_id=natural(value["chainId"], "chainId"),
        trust=TrustPolicy.from_json(value["trust"]),
        rpc_url=_text(value["rpcUrl"], "rpcUrl") if "rpcUrl" in value else None,
        registry=_address(value, "registry"),
        settlement=_address(value, "settlement"),
        full_node_urls=_texts(value.get("fullNodes", []), "fullNodes"),
        node_urls=_texts(value.get("nodes", []), "nodes"),
        confirmations=natural(value.get("confirmations", 1), "confirmations"),
        first_block=natural(value.get("firstBlock", 0), "firstBlock"),
        relay_url=_text(value["relayUrl"], "relayUrl") if "relayUrl" in value else None,
        source=source,
    )


def read_profile(path: Path, *, source: str) -> Network:
    """Read a profile from a file.

    Raises:
        ConfigurationError: The file cannot be read, or is no profile; the message says why.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"the network profile {path} cannot be read: {error}") from error
    try:
        value = parse_json_object(data, what="the network profile", max_bytes=MAX_PROFILE_BYTES)
        return decode_network(value, source=source)
    except (MalformedError, UnsupportedError) as error:
        raise ConfigurationError(f"{path}: {error.message}") from error


def write_profile(network: Network, path: Path) -> None:
    """Write a profile, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(canonical_json(encode_network(network)) + b"\n")
    partial.replace(path)


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise MalformedError(f"{what} must be a string", step="network profile")
    return value


def _texts(value: Any, what: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise MalformedError(f"{what} must be a list", step="network profile")
    return tuple(_text(item, what) for item in value)


def _address(value: JsonObject, name: str) -> bytes | None:
    return parse_hex(value[name], name, 20) if name in value else None
