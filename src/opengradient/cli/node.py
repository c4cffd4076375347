"""`opengradient node`: one node, looked at closely, and the operator's keys on their way into it."""

import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from opengradient.cli import exits
from opengradient.cli.times import now_ms
from opengradient.errors import ConfigurationError, MalformedError, PolicyError

if TYPE_CHECKING:
    from opengradient.core.claims import Claim
    from opengradient.core.keys import MemorySigner
    from opengradient.core.sealed_keys import ProviderKeys
    from opengradient.networks import Network
    from opengradient.nodes.node import Node
    from opengradient.transport import Transport
    from opengradient.verify.node import VerifiedNode
    from opengradient.verify.policy import TrustPolicy

_FILE: Final = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
_POLICY: Final = click.Path(exists=True, path_type=Path)
_MAX_KEYS_BYTES: Final = 64 * 1024
_SECONDS: Final = 30.0


@click.group()
def node() -> None:
    """One node: who it is, and what its operator seals to it."""


@node.command()
@click.argument("url")
@click.option("--network", "network_", help="Name or profile of the network it belongs to.")
@click.option("--policy", type=_POLICY, help="Trust policy (JSON).")
@exits.json_option
def inspect(url: str, network_: str | None, policy: Path | None, json_: bool) -> None:  # noqa: FBT001
    """Fetch a node's evidence with a new nonce, verify it, and say what it shows, claim by claim.

    Exit status 1 if the node cannot be reached or is not to be believed.
    """
    from opengradient.cli.console import claims_table, console, pairs, simulated_banner  # noqa: PLC0415
    from opengradient.cli.trust import trust_for  # noqa: PLC0415

    trusted, network = trust_for(network_, policy)
    verified = exits.run(_verified, url, trusted, network)
    claims = _claims(verified)
    if json_:
        exits.print_json({**_as_json(url, verified), "claims": [_claim_json(c) for c in claims]})
        return
    out = console()
    if verified.fresh.simulated:
        out.print(simulated_banner())
    out.print(pairs((name, value) for name, value in _as_json(url, verified).items()))
    out.print(claims_table(claims))


@node.command("seal-keys")
@click.argument("keys_file", type=_FILE)
@click.option("--node", "url", required=True, help="The node's address.")
@click.option("--operator-key", required=True, type=_FILE, help="File with the operator's hex key.")
@click.option("--network", "network_", help="Name or profile of the network it belongs to.")
@click.option("--policy", type=_POLICY, help="Trust policy (JSON).")
@click.option("--address", multiple=True, help="NAME=URL: a key may go there (repeatable).")
@click.option("--sequence", type=click.IntRange(min=0), help="Default: the time in milliseconds.")
@click.option("--expires-in", type=click.IntRange(1, 600), default=120, help="Seconds; 120.")
@click.option("--unsafe-any-measurement", is_flag=True, help="Seal to whatever code runs there.")
@exits.json_option
def seal_keys(  # noqa: PLR0917  (one argument per option)
    keys_file: Path,
    url: str,
    operator_key: Path,
    network_: str | None,
    policy: Path | None,
    address: tuple[str, ...],
    sequence: int | None,
    expires_in: int,
    unsafe_any_measurement: bool,  # noqa: FBT001
    json_: bool,  # noqa: FBT001
) -> None:
    """Give provider keys to a node, readable by its verified enclave only.

    KEYS_FILE is a JSON object, {"openai": "sk-...", "anthropic": "..."}, of mode 600, or - for
    stdin. The keys replace all that the node had. First the node's evidence is fetched with a
    new nonce and verified under the policy; the configuration that it binds must name you as its
    operator, and send each key to its provider's own address or to the one that --address says.
    Keys never leave this machine in the clear.
    """
    from opengradient.cli.trust import trust_for  # noqa: PLC0415
    from opengradient.core.canonical import parse_json_object  # noqa: PLC0415

    keys, operator = _read_keys(keys_file), _read_operator(operator_key)
    trusted, network = trust_for(network_, policy)
    start = now_ms()

    async def send() -> bytes:
        from opengradient.transport.sealed_keys import seal_keys as seal  # noqa: PLC0415
        from opengradient.wire.sealed_keys import encode_sealed_keys  # noqa: PLC0415

        at = _node(url, trusted, network)
        try:
            session = await at.session()
            _require_sealable(session.verified, operator, any_code=unsafe_any_measurement)
            _require_addresses(session.verified, keys, address)
            sealed = seal(
                keys,
                node=session.verified,
                operator=operator,
                sequence=start if sequence is None else sequence,
                expires_at_ms=now_ms() + expires_in * 1000,
            )
            return await _post(session.transport, url, encode_sealed_keys(sealed))
        finally:
            await at.close()

    answer = parse_json_object(exits.run(send), what="the node's answer")
    if json_:
        exits.print_json(answer)
    else:
        names = ", ".join(map(str, answer.get("providers", [])))
        click.echo(f"the node has keys for {names} now (sequence {answer.get('sequence')})")


def _node(url: str, policy: "TrustPolicy", network: "Network | None") -> "Node":
    from opengradient.networks import config_home  # noqa: PLC0415
    from opengradient.nodes.environment import Environment  # noqa: PLC0415
    from opengradient.nodes.node import Node  # noqa: PLC0415
    from opengradient.nodes.trust import Trust  # noqa: PLC0415
    from opengradient.nodes.ways import DirectWay  # noqa: PLC0415
    from opengradient.transport.collateral import VendorCollateral  # noqa: PLC0415

    environment = Environment()
    environment = replace(
        environment,
        collateral=VendorCollateral(
            transports=environment.transports,
            clock=environment.clock,
            folder=config_home() / "collateral",
        ),
    )
    return Node(
        way=DirectWay(url.rstrip("/"), environment),
        payee=None,
        environment=environment,
        trust=Trust(policy),
        domain=network.domain if network else None,
    )


async def _verified(url: str, policy: "TrustPolicy", network: "Network | None") -> "VerifiedNode":
    at = _node(url, policy, network)
    try:
        return (await at.session()).verified
    finally:
        await at.close()


async def _post(transport: "Transport", url: str, body: bytes) -> bytes:
    from opengradient.errors import NodeError  # noqa: PLC0415
    from opengradient.wire.sealed_keys import PATH  # noqa: PLC0415

    response = await transport.request(
        "POST",
        url.rstrip("/") + PATH,
        headers={"content-type": "application/json"},
        content=body,
        timeout=_SECONDS,
    )
    if response.status != 200:
        said = response.body.decode("utf-8", "replace")
        raise NodeError(
            f"the node refused the keys, status {response.status}: {said[:500]}",
            status=response.status,
            body=said,
        )
    return response.body


def _require_sealable(
    verified: "VerifiedNode", operator: "MemorySigner", *, any_code: bool
) -> None:
    """What a policy cannot say: known code, and a configuration that takes keys from us."""
    if not verified.fresh.measurement_accepted and not any_code:
        raise PolicyError("the policy takes any code", code="keys.unmeasured")
    settings = (verified.configuration or {}).get("settings", {})
    ours = "0x" + operator.public_key.address.hex()
    if settings.get("provider_keys") != "sealed":
        raise ConfigurationError("the node's configuration takes no keys", code="keys.not_sealed")
    named = settings.get("operator")
    if not isinstance(named, str) or named.lower() != ours:
        raise PolicyError(
            "the node's configuration names another operator",
            code="keys.operator",
            expected=named,
            actual=ours,
        )


def _require_addresses(
    verified: "VerifiedNode", keys: "ProviderKeys", named: tuple[str, ...]
) -> None:
    """Each key goes to its provider: a node is as free with keys as its configuration."""
    from opengradient.core.providers import PROVIDER_ADDRESSES  # noqa: PLC0415

    meant = {**PROVIDER_ADDRESSES, **dict(item.partition("=")[::2] for item in named)}
    settings = (verified.configuration or {}).get("settings", {})
    shown = settings.get("providers")
    configured = shown if isinstance(shown, dict) else {}
    for name in sorted(keys.keys):
        if name not in configured:
            raise PolicyError(
                f"the node's configuration has no provider {name}",
                code="keys.provider",
                expected=sorted(configured),
                actual=name,
            )
        if configured[name] != meant.get(name):
            raise PolicyError(
                f"the node would send the key for {name} elsewhere",
                code="keys.address",
                expected=meant.get(name),
                actual=configured[name],
            )


def _read_keys(path: Path) -> "ProviderKeys":
    from opengradient.core.canonical import parse_json_object  # noqa: PLC0415
    from opengradient.core.sealed_keys import ProviderKeys  # noqa: PLC0415

    data = sys.stdin.buffer.read() if str(path) == "-" else _private(path)
    try:
        return ProviderKeys.of(
            parse_json_object(data, what="the provider keys", max_bytes=_MAX_KEYS_BYTES)
        )
    except MalformedError as error:
        raise ConfigurationError(error.message, code="keys.file") from None


def _read_operator(path: Path) -> "MemorySigner":
    from opengradient.core.keys import MemorySigner  # noqa: PLC0415

    try:
        text = _private(path).decode("ascii").strip().removeprefix("0x")
        return MemorySigner(bytes.fromhex(text))
    except (ValueError, MalformedError):
        raise ConfigurationError(f"{path} is not a file with a hex key") from None


def _private(path: Path) -> bytes:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigurationError(f"{path} holds keys and must have mode 600", code="keys.file")
    return path.read_bytes()


def _claims(verified: "VerifiedNode") -> "tuple[Claim, ...]":
    from opengradient.cli.evidence_claims import claims_of  # noqa: PLC0415

    return claims_of(verified.fresh)


def _as_json(url: str, verified: "VerifiedNode") -> dict[str, object]:
    fresh, keyset = verified.fresh, verified.keyset
    return {
        "url": url,
        "node_id": f"0x{verified.node_id.hex()}",
        "evidence": fresh.kind,
        "simulated": fresh.simulated,
        "measurement": fresh.measurement,
        "channel": verified.channel[0].name,
        "hpke_key": None if keyset.hpke is None else keyset.hpke.public_key.hex(),
        "configuration": verified.configuration,
    }


def _claim_json(claim: "Claim") -> dict[str, str]:
    return {
        "name": claim.name,
        "status": claim.status.value,
        "source": claim.source,
        "detail": claim.detail,
    }
