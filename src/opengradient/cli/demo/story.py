"""The steps of the demo. Each checks that what it shows is so; a step that fails ends the run."""

import shlex
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import anyio

from opengradient.cli.asking import ask
from opengradient.cli.console import short
from opengradient.cli.demo.again import verify_again, write_tampered
from opengradient.cli.demo.screen import Screen
from opengradient.cli.exits import REFUSED
from opengradient.cli.program import program
from opengradient.core.settlement import InclusionProof, SettlementState
from opengradient.errors import OpenGradientError
from opengradient.llm import LLM, ChatReply, HeldReceipt, Settlement
from opengradient.networks import Network, load_network
from opengradient.verify.verdict import Status, Verdict
from reference_nodes.devnet.config import DevnetConfig
from reference_nodes.devnet.detached import status
from reference_nodes.devnet.network import Devnet

SETTLE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.04

_ROLES: Final = {
    "model": "our own tiny language model, for want of a provider's key",
    "full-node": "verifies receipts, batches and anchors them; runs the ledger",
}
_SIGNER: Final = "asks the model and signs, in a software enclave"

_STATES: Final = {
    SettlementState.QUEUED: "in the node's durable outbox",
    SettlementState.ACCEPTED: "verified by the full node",
    SettlementState.BATCHED: "a leaf of a stored batch",
    SettlementState.ANCHORED: "the batch's root is on the ledger",
    SettlementState.FINAL: "deep enough in the chain",
}
_ENDS: Final = frozenset({SettlementState.FINAL, SettlementState.REFUSED, SettlementState.PRIVATE})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the person asked for.

    Attributes:
        question: What to ask.
        model: Which model; None takes the devnet's first.
        save: Where the receipt file goes.
        name: The devnet's name.
        fresh: Whether to forget an earlier chain of it.
    """

    question: str
    model: str | None
    save: Path
    name: str
    fresh: bool


@final
@dataclass(frozen=True, slots=True)
class _Place:
    """The network that is used, and a model on it."""

    network: Network
    model: str
    profile: Path
    tiny: bool


async def tell(wishes: Wishes, screen: Screen) -> None:
    """Go through every step.

    Raises:
        OpenGradientError: A step did not do what it should; code ``demo.failed`` or its own.
    """
    screen.opening(simulated=True)
    async with _network(wishes, screen) as place, LLM(network=place.network) as llm:
        reply = await _ask(llm, place, wishes, screen)
        receipt, settlement = _receipt_of(reply)
        _show_verdict(reply.verdict, screen)
        await _settle(receipt, settlement, screen)
        file = Path.cwd() / wishes.save
        _save(receipt, file, screen)
        await _verify_again(file, place, screen)
        await _tamper(file, place, screen)
    screen.closing(_next_steps(wishes), _notes(place))


@asynccontextmanager
async def _network(wishes: Wishes, screen: Screen) -> AsyncIterator[_Place]:
    config = DevnetConfig(name=wishes.name, fresh=wishes.fresh, batch_age_ms=300)
    running = status(config)
    if running.running:
        with screen.step("network", f"Use the network {wishes.name}, which runs already") as facts:
            facts["started"] = False
            network = load_network(config.profile)
            _list_nodes([(node.name, node.url) for node in running.nodes], screen)
        tiny = any(node.name == "model" for node in running.nodes)
        model = wishes.model or running.model
        yield _Place(network, model, config.profile, tiny)
        return
    net = Devnet(config)
    async with _started(net, screen):
        model = wishes.model or net.served.models[0]
        yield _Place(net.network, model, config.profile, net.served.tiny)


@asynccontextmanager
async def _started(net: Devnet, screen: Screen) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        with screen.step("network", "Start a network on this machine") as facts:
            with screen.waiting("starting the nodes …"):
                await stack.enter_async_context(net)
            facts |= {"started": True, "nodes": [node.url for node in net.nodes]}
            _list_nodes([(node.spec.name, node.url) for node in net.nodes], screen)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(net.watch)
            yield
            tasks.cancel_scope.cancel()


def _list_nodes(nodes: Sequence[tuple[str, str]], screen: Screen) -> None:
    width = max(len(url) for _, url in nodes)
    screen.lines(
        (name, f"{url:<{width}}  {_ROLES.get(name, _SIGNER)}".rstrip()) for name, url in nodes
    )


def _receipt_of(reply: ChatReply) -> tuple[HeldReceipt, Settlement]:
    if reply.held is None or reply.way is None:
        raise _failed("the answer came without a receipt")
    return reply.held, reply.way


async def _ask(llm: LLM, place: _Place, wishes: Wishes, screen: Screen) -> ChatReply:
    with screen.step("ask", f"Ask {place.model}: {wishes.question}") as facts:
        flow = screen.flow()
        begun = time.monotonic()
        pieces: list[tuple[float, str]] = []

        def take(text: str) -> None:
            pieces.append((time.monotonic() - begun, text))
            flow.feed(text)

        reply = await ask(llm, place.model, [{"role": "user", "content": wishes.question}], take)
        flow.end()
        if not reply.text or "".join(text for _, text in pieces) != reply.text:
            raise _failed("the pieces that were shown are not the answer that was verified")
        first = pieces[0][0]
        facts |= {
            "question": wishes.question,
            "model": reply.model,
            "answer": reply.text,
            "pieces": len(pieces),
            "first_text_seconds": round(first, 3),
        }
        screen.say(
            f"✓ verified as a whole; {len(pieces)} pieces, the first after {first * 1000:.0f} ms, "
            "in which the node's evidence was checked too",
            "green",
        )
    return reply


def _show_verdict(verdict: Verdict, screen: Screen) -> None:
    with screen.step("verdict", "What was checked, claim by claim") as facts:
        screen.verdict(verdict)
        facts.update(verdict.as_json())
        for name in ("signature", "channel", "nonce", "request", "response"):
            if verdict[name].status is not Status.PROVEN:
                raise _failed(f"the claim {name!r} is not proven")


async def _settle(receipt: HeldReceipt, settlement: Settlement, screen: Screen) -> None:
    with screen.step("settle", "The receipt settles; the answer did not wait for it") as facts:
        seen = await _states(settlement, screen)
        facts["states"] = [{"state": s.value, "after": round(t, 3)} for s, t in seen]
        if seen[-1][0] is not SettlementState.FINAL:
            raise _failed(f"the receipt ended as {seen[-1][0].value}, not as final")
        proof = await settlement.wait(timeout=SETTLE_SECONDS)
        claim = receipt.verdict["settlement"]
        if claim.status is not Status.PROVEN:
            raise _failed("the inclusion is not proven against the ledger")
        facts |= {"root": f"0x{proof.root.hex()}", "size": proof.size}
        screen.say(f"✓ {claim.source}: {_where(proof)}", "green")


async def _states(settlement: Settlement, screen: Screen) -> list[tuple[SettlementState, float]]:
    begun = time.monotonic()
    seen: list[tuple[SettlementState, float]] = []
    with anyio.move_on_after(SETTLE_SECONDS), screen.waiting("settling …"):
        while not seen or seen[-1][0] not in _ENDS:
            state = await settlement.state()
            if not seen or seen[-1][0] is not state:
                seen.append((state, time.monotonic() - begun))
                said = f"{seen[-1][1]:5.1f} s  {state.value:<9} {_STATES.get(state, '')}"
                screen.say(said.rstrip())
            await anyio.sleep(_LOOK_SECONDS)
    return seen


def _where(proof: InclusionProof) -> str:
    block = f"block {proof.anchor.block_number}, " if proof.anchor is not None else ""
    return f"{block}root {short(f'0x{proof.root.hex()}')}, batch of {proof.size}"


def _save(receipt: HeldReceipt, file: Path, screen: Screen) -> None:
    with screen.step("save", "Keep the receipt") as facts:
        receipt.save(file)
        facts |= {
            "file": str(file),
            "bytes": file.stat().st_size,
            "receipt": f"0x{receipt.digest.hex()}",
        }
        screen.say(str(file))
        screen.say(
            f"{file.stat().st_size:,} bytes: receipt, request, answer, evidence, proof of inclusion"
        )


async def _verify_again(file: Path, place: _Place, screen: Screen) -> None:
    title = "Verify the file again: another process, without network"
    with screen.step("verify", title) as facts:
        outcome = await verify_again(file, place.profile)
        facts |= {"command": outcome.shown, "status": outcome.status}
        screen.say(f"$ {outcome.shown}")
        if outcome.status != 0 or outcome.report.get("result") != "accepted":
            raise _failed(f"verify ended with status {outcome.status}: {outcome.report}")
        statuses = [claim["status"] for claim in outcome.report["claims"]]
        counts = ", ".join(f"{statuses.count(s.value)} {s.value}" for s in Status)
        screen.say(f"✓ accepted (exit 0): {counts}", "green")
        screen.say("An outsider did not see the exchange, so some claims are weaker than ours.")


async def _tamper(file: Path, place: _Place, screen: Screen) -> None:
    with screen.step("tamper", "Change one byte of the answer in a copy") as facts:
        changed, copy = write_tampered(file)
        screen.say(f"byte {changed.offset:,}: {changed.before!r} became {changed.after!r}")
        outcome = await verify_again(copy, place.profile)
        copy.unlink()
        screen.say(f"$ {outcome.shown}")
        code = outcome.report.get("code")
        facts |= {"offset": changed.offset, "status": outcome.status, "code": code}
        if outcome.status != REFUSED or code != "receipt.response":
            raise _failed(f"the changed file gave status {outcome.status}, code {code}")
        screen.say(f"✗ refused (exit {REFUSED}), code {code}", "red")
        screen.say(str(outcome.report["message"]))
        screen.say("✓ as it should be", "green")


def _failed(what: str) -> OpenGradientError:
    return OpenGradientError(what, code="demo.failed")


def _next_steps(wishes: Wishes) -> list[tuple[str, str]]:
    file = shlex.quote(str(wishes.save))
    network = "" if wishes.name == "devnet" else f" --network {wishes.name}"
    name = "" if wishes.name == "devnet" else f" --name {wishes.name}"
    return [
        (f"{program()} verify {file}{network}", "the same verdict, in words"),
        (f"{program()} receipt show {file}", "what was asked, sent upstream, answered, signed"),
        (
            f"{program()} receipt redact {file} --section request -o shared.json",
            "share the receipt without the question: it still verifies",
        ),
        (f"{program()} devnet up{name}", "keep a network running; it remembers its chain"),
        (
            f'{program()} chat{network} --claims "What is the capital of France?"',
            "then ask it whatever you like",
        ),
    ]


def _notes(place: _Place) -> list[str]:
    notes = [
        "The enclave was software: the checks are the real ones, hardware was not involved.",
        (
            "A proxy in an enclave proves what was sent to the model and what came back. Which "
            "weights the provider ran is the provider's word."
        ),
    ]
    if place.tiny:
        notes.append(
            "The model is tiny and often wrong. Set OPENAI_API_KEY, ANTHROPIC_API_KEY, "
            "GOOGLE_API_KEY, XAI_API_KEY or OPENGRADIENT_UPSTREAM_URL for a real one."
        )
    return notes
