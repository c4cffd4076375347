"""`opengradient chat`: ask a model; every answer is verified."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from opengradient.cli import exits
from opengradient.errors import ConfigurationError, OpenGradientError

if TYPE_CHECKING:
    from opengradient.llm import LLM, ChatReply
    from opengradient.networks import Network


@click.command()
@click.argument("prompt", required=False)
@click.option("-m", "--model", help="provider/model; by default the first that the network lists.")
@click.option("--system", help="Instructions that stand before the talk.")
@click.option("--network", "network_", help="Name or profile of a network.")
@click.option("--relay", metavar="URL", help="Seal to the node's attested key, through this relay.")
@click.option("--confidential", is_flag=True, help="The same through the network's own relay.")
@click.option("--stream/--no-stream", default=True, show_default=True, help="Text as it comes.")
@click.option("--claims", is_flag=True, help="Show the verdict claim by claim.")
@click.option(
    "--save", type=click.Path(dir_okay=False, path_type=Path), help="Write the receipt file."
)
@exits.json_option
def chat(*, prompt: str | None, network_: str | None, **options: Any) -> None:
    """Ask a model, and check the answer before it counts.

    PROMPT may also come from stdin. Without one, on a terminal, a talk begins: Ctrl-D ends it.
    """
    from opengradient.cli.trust import network_for  # noqa: PLC0415

    network = network_for(network_)
    options["relay"] = _relay(network, options)
    if prompt is None and not sys.stdin.isatty():
        prompt = sys.stdin.read().strip()
    if prompt is None and options["json_"]:
        raise click.UsageError("with --json a PROMPT is needed")
    if prompt == "":
        raise click.UsageError("the PROMPT is empty")
    if prompt is None:
        _talk(network, options)
    else:
        exits.run(_once, network, prompt, options)


async def _once(network: "Network", prompt: str, options: dict[str, Any]) -> None:
    async with _client(network, options) as llm:
        model = await _model(llm, options["model"])
        messages = [*_system(options), {"role": "user", "content": prompt}]
        if options["json_"]:
            reply = await llm.chat(model, messages)
            exits.print_json(as_json(reply, _save(reply, options["save"])))
        else:
            _banner(network)
            await _answer(llm, model, messages, options)


def _talk(network: "Network", options: dict[str, Any]) -> None:
    """Talk until Ctrl-D. Reading is in the main thread, so that Ctrl-C ends it at once."""
    from anyio.from_thread import start_blocking_portal  # noqa: PLC0415

    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_client(network, options)) as llm,
    ):
        model = portal.call(_model, llm, options["model"])
        _banner(network)
        click.secho(f"{model}; Ctrl-D ends the talk.", dim=True, err=True)
        messages = _system(options)
        while (said := _said()) is not None:
            asked = [*messages, {"role": "user", "content": said}]
            try:
                reply = portal.call(_answer, llm, model, asked, options)
            except OpenGradientError as error:  # one bad turn does not end a talk
                exits.report(error, click.get_current_context())
                continue
            messages = [*asked, {"role": "assistant", "content": reply.text}]


def _said() -> str | None:
    """The next line that says something; None at the end."""
    said = ""
    while not said.strip():
        try:
            said = input("\n> ")
        except EOFError:
            click.echo()
            return None
    return said


async def _answer(
    llm: "LLM", model: str, messages: list[dict[str, Any]], options: dict[str, Any]
) -> "ChatReply":
    from opengradient.cli.asking import Flow, ask  # noqa: PLC0415
    from opengradient.cli.console import claims_table, console, plain  # noqa: PLC0415
    from opengradient.cli.verdicts import one_line  # noqa: PLC0415

    out, aside = console(), console(stderr=True)

    def write(text: str) -> None:
        click.echo(text, nl=False)

    flow = Flow(write, width=out.width if sys.stdout.isatty() else sys.maxsize)
    if options["stream"]:
        reply = await ask(llm, model, messages, flow.feed)
    else:
        reply = await llm.chat(model, messages)
        flow.feed(reply.text or "")
    flow.end()
    aside.print(plain(f"✓ {one_line(reply.verdict, _digest(reply))}", "green"), soft_wrap=True)
    if options["claims"]:
        aside.print(claims_table(reply.verdict))
    saved = _save(reply, options["save"])
    if saved is not None:
        aside.print(plain(f"receipt file: {saved}", "dim"), soft_wrap=True)
    return reply


def as_json(reply: "ChatReply", saved: Path | None) -> dict[str, object]:
    """A verified answer for machines."""
    digest = _digest(reply)
    return {
        "text": reply.text,
        "model": reply.model,
        "finish_reason": reply.finish_reason,
        "usage": None if reply.usage is None else dict(reply.usage),
        "receipt": None if digest is None else f"0x{digest.hex()}",
        "verdict": reply.verdict.as_json(),
        "saved": None if saved is None else str(saved),
    }


def _client(network: "Network", options: dict[str, Any]) -> "LLM":
    from opengradient.llm import LLM  # noqa: PLC0415

    return LLM(network=network, relay=options["relay"])


def _relay(network: "Network", options: dict[str, Any]) -> str | None:
    chosen: str | None = options["relay"]
    if chosen is not None or not options["confidential"]:
        return chosen
    if network.relay_url is None:
        raise ConfigurationError(f"network {network.name} names no relay: name one with --relay")
    return network.relay_url


async def _model(llm: "LLM", chosen: str | None) -> str:
    if chosen is not None:
        return chosen
    listed = await llm.models()
    if not listed:
        raise ConfigurationError("the network lists no model: name one with --model")
    return str(listed[0])


def _system(options: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "system", "content": options["system"]}] if options["system"] else []


def _banner(network: "Network") -> None:
    from opengradient.cli.console import console, simulated_banner  # noqa: PLC0415
    from opengradient.cli.trust import is_simulated  # noqa: PLC0415

    if is_simulated(network):
        console(stderr=True).print(simulated_banner())


def _save(reply: "ChatReply", path: Path | None) -> Path | None:
    if path is not None:
        if reply.held is None:
            raise ConfigurationError("nodes of this network make no receipts that could be saved")
        reply.held.save(path)
    return path


def _digest(reply: "ChatReply") -> bytes | None:
    return None if reply.held is None else reply.held.digest
