"""A network's facts: which chain, which contracts. Made once, by the node that deploys them."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from opengradient.chain.calls import RegistryCalls
from opengradient.chain.deploy import Deployment, deploy
from opengradient.chain.registry import NodeRegistryReader
from opengradient.chain.sender import TransactionSender
from opengradient.core.canonical import JsonObject, parse_json_object
from opengradient.core.keys import MemorySigner
from opengradient.errors import ConfigurationError
from opengradient.wire.fields import members, natural, parse_hex, to_hex

FACTS_FILE: Final = "network.json"
KEY_FILE: Final = "submitter.key"
GENESIS_FILE: Final = "genesis.json"
FACTS_VERSION: Final = "opengradient.network-facts/1"

FUNDS_WEI: Final = 10**24
"""What each funded account of an embedded ledger starts with: a million, of nothing real."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Genesis:
    """What an embedded ledger starts from; it must be the same at every start."""

    chain_id: int
    funded: tuple[bytes, ...]


def load_or_create_key(data_dir: Path) -> MemorySigner:
    """The key that anchors. Its file can be read by its owner only.

    Raises:
        ConfigurationError: The file can be read by others, or is damaged.
    """
    path = data_dir / KEY_FILE
    if not path.exists():
        write_durably(path, secrets.token_bytes(32).hex().encode(), mode=0o600)
    if path.stat().st_mode & 0o077:
        raise ConfigurationError(f"{path.name} can be read by others: chmod 600 it")
    try:
        return MemorySigner(bytes.fromhex(path.read_text().strip()))
    except ValueError as error:
        raise ConfigurationError(f"{path.name} does not hold a key") from error


def load_or_create_genesis(data_dir: Path, wanted: Genesis) -> Genesis:
    """The genesis of the embedded ledger: the one that it was started with first."""
    path = data_dir / GENESIS_FILE
    if not path.exists():
        funded = [to_hex(item) for item in wanted.funded]
        write_durably(path, _pretty({"chainId": wanted.chain_id, "funded": funded}))
    value = members(_read(path), GENESIS_FILE, ("chainId", "funded"))
    return Genesis(
        chain_id=natural(value["chainId"], "chainId"),
        funded=tuple(parse_hex(item, "funded", 20) for item in value["funded"]),
    )


def load_facts(data_dir: Path) -> Deployment | None:
    """The network of a data folder; None before the first start.

    Raises:
        MalformedError: The file is damaged.
    """
    path = data_dir / FACTS_FILE
    if not path.exists():
        return None
    names = ("version", "chainId", "registry", "settlement", "firstBlock", "submitter")
    value = members(_read(path), FACTS_FILE, names)
    if value["version"] != FACTS_VERSION:
        raise ConfigurationError(f"{FACTS_FILE} is of version {value['version']!r}")
    return Deployment(
        chain_id=natural(value["chainId"], "chainId"),
        registry=parse_hex(value["registry"], "registry", 20),
        settlement=parse_hex(value["settlement"], "settlement", 20),
        first_block=natural(value["firstBlock"], "firstBlock"),
    )


async def load_or_deploy(
    data_dir: Path, sender: TransactionSender, *, measurements: tuple[bytes, ...]
) -> Deployment:
    """The network's contracts, deployed on the first start; new code is admitted on every start.

    A start that is cut off before the facts are written deploys again; nobody knows the contracts
    that were cut off.

    Args:
        data_dir: The node's folder.
        sender: Deploys, governs and anchors.
        measurements: Code that the registry admits.

    Raises:
        ConfigurationError: The folder belongs to another chain.
        RevertedError: A measurement was revoked: that cannot be undone.
    """
    facts = load_facts(data_dir)
    if facts is None:
        facts = await deploy(sender, submitters=(sender.address,), measurements=measurements)
        save_facts(data_dir, facts, submitter=sender.address)
    if facts.chain_id != sender.rpc.chain_id:
        raise ConfigurationError(
            f"{FACTS_FILE} is of chain {facts.chain_id}, not {sender.rpc.chain_id}"
        )
    await _admit(sender, facts, measurements)
    return facts


async def _admit(
    sender: TransactionSender, facts: Deployment, measurements: tuple[bytes, ...]
) -> None:
    reader = NodeRegistryReader(sender.rpc, facts.registry)
    calls = RegistryCalls(facts.registry_domain)
    for measurement in measurements:
        if not await reader.measurement_approved(measurement):
            await sender.execute(calls.approve_measurement(measurement))


def save_facts(data_dir: Path, facts: Deployment, *, submitter: bytes) -> None:
    """Write the facts for others to read: devnet, nodes, clients."""
    value = {
        "version": FACTS_VERSION,
        "chainId": facts.chain_id,
        "registry": to_hex(facts.registry),
        "settlement": to_hex(facts.settlement),
        "firstBlock": facts.first_block,
        "submitter": to_hex(submitter),
    }
    write_durably(data_dir / FACTS_FILE, _pretty(value))


def write_durably(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file whole or not at all, and keep it through a loss of power."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _pretty(value: Any) -> bytes:
    return json.dumps(value, indent=2).encode() + b"\n"


def _read(path: Path) -> JsonObject:
    return parse_json_object(path.read_bytes(), what=path.name, max_bytes=1 << 20)
