"""Run a simulator by itself: ``python -m opengradient.testing.simulators --provider openai``."""

import anyio
import click

from opengradient.testing.simulators import _http
from opengradient.testing.simulators._fast import FastAnswers
from opengradient.testing.simulators.simulator import DIALECTS, simulate


async def _serve(provider: str, port: int, chunks: int, *, fast: bool) -> None:
    if fast:
        answers = FastAnswers(DIALECTS[provider], chunks)
        async with _http.serving(answers.handle, port=port) as at:
            click.echo(f"http://127.0.0.1:{at}{DIALECTS[provider].base_path}")
            await anyio.sleep_forever()
    async with simulate(provider, port=port) as simulator:
        for name, value in simulator.environ().items():
            click.echo(f"export {name}={value}")
        await anyio.sleep_forever()


@click.command()
@click.option("--provider", type=click.Choice(sorted(DIALECTS)), default="openai")
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="0 takes any free port.")
@click.option("--fast", is_flag=True, help="For benchmarks: fixed answers, no checks.")
@click.option("--chunks", type=click.IntRange(1), default=100, help="Chunks per stream (--fast).")
def main(*, provider: str, port: int, fast: bool, chunks: int) -> None:
    """Simulate a provider on 127.0.0.1 until interrupted; print how to reach it."""
    options = {}
    if fast:
        import uvloop  # noqa: PLC0415 - an optional dependency

        options["loop_factory"] = uvloop.new_event_loop
    anyio.run(lambda: _serve(provider, port, chunks, fast=fast), backend_options=options)


if __name__ == "__main__":
    main()
