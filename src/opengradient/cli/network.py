"""`opengradient network`: which network is used, and which there are."""

from pathlib import Path

import click

from opengradient.cli import exits


@click.group()
def network() -> None:
    """Networks: endpoints, contracts, and whom to trust there."""


@network.command()
@click.argument("name", required=False)
@exits.json_option
def show(name: str | None, json_: bool) -> None:  # noqa: FBT001
    """Show a network: NAME, the path of a profile, or the one that is used by default."""
    from opengradient.cli.console import console, pairs, simulated_banner  # noqa: PLC0415
    from opengradient.cli.trust import is_simulated, network_for  # noqa: PLC0415
    from opengradient.networks import encode_network  # noqa: PLC0415

    chosen = network_for(name)
    if json_:
        exits.print_json({"source": chosen.source, "profile": encode_network(chosen)})
        return
    out = console()
    if is_simulated(chosen):
        out.print(simulated_banner())
    accepted = chosen.trust.measurements
    measured = (
        "\n".join(sorted(accepted)) or "none: name those that you accept in a policy"
        if isinstance(accepted, frozenset)
        else "ANY (unsafe)"
    )
    out.print(
        pairs(
            [
                ("name", chosen.name),
                ("chosen", chosen.source),
                ("protocol", chosen.protocol.value),
                ("chain id", chosen.chain_id),
                ("ledger", chosen.rpc_url or "none"),
                ("registry", _address(chosen.registry)),
                ("settlement", _address(chosen.settlement)),
                ("full nodes", "\n".join(chosen.full_node_urls) or "none"),
                ("nodes", "\n".join(chosen.node_urls) or "those of the registry"),
                ("relay", chosen.relay_url or "none"),
                ("trusts", "\n".join(f"{r.kind}: {r.name}" for r in chosen.trust.roots)),
                ("code", measured),
            ]
        )
    )


@network.command("list")
@exits.json_option
def list_(json_: bool) -> None:  # noqa: FBT001
    """List the networks that are known by name."""
    from opengradient.cli.console import console, plain, table  # noqa: PLC0415
    from opengradient.cli.trust import is_simulated, network_for  # noqa: PLC0415
    from opengradient.errors import ConfigurationError  # noqa: PLC0415
    from opengradient.networks import known_networks  # noqa: PLC0415

    try:
        default = network_for(None).name
    except ConfigurationError as error:
        if error.code != "config.no_network":
            raise
        default = None
    found = [network_for(name) for name in known_networks()]
    if json_:
        exits.print_json(
            {
                "default": default,
                "networks": [
                    {
                        "name": item.name,
                        "chain_id": item.chain_id,
                        "protocol": item.protocol.value,
                        "simulated": is_simulated(item),
                    }
                    for item in found
                ],
            }
        )
        return
    rows = [
        (
            plain(item.name, "bold" if item.name == default else ""),
            item.chain_id,
            item.protocol.value,
            "SIMULATED" if is_simulated(item) else "hardware",
            "used by default" if item.name == default else "",
        )
        for item in found
    ]
    console().print(table("network", "chain", "protocol", "enclaves", "", rows=rows))


@network.command()
@click.argument("name")
@exits.json_option
def use(name: str, json_: bool) -> None:  # noqa: FBT001
    """Use a network by default from now on: writes config.toml."""
    from opengradient.cli.trust import network_for  # noqa: PLC0415
    from opengradient.networks import config_home  # noqa: PLC0415

    choice = str(Path(name).absolute()) if name.endswith(".json") else name
    chosen = network_for(choice)
    path = config_home() / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    quoted = choice.replace("\\", "\\\\").replace('"', '\\"')
    partial = path.with_suffix(".partial")
    partial.write_text(f'network = "{quoted}"\n', encoding="utf-8")
    partial.replace(path)
    if json_:
        exits.print_json({"network": chosen.name, "written": str(path)})
    else:
        click.echo(f"network {chosen.name} is used by default now ({path})")


def _address(value: bytes | None) -> str:
    return "none" if value is None else f"0x{value.hex()}"
