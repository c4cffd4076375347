"""Provider keys reach a node sealed, from its operator, or not at all."""

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from opengradient.core.canonical import canonical_json
from opengradient.core.keys import MemorySigner, Signer
from opengradient.core.sealed_keys import MAX_LIFE_MS, KeysHeader, ProviderKeys, SealedKeys
from opengradient.nodes.environment import Environment
from opengradient.nodes.node import Node as Client
from opengradient.nodes.trust import Trust
from opengradient.nodes.ways import DirectWay
from opengradient.transport.ohttp._hpke import sender
from opengradient.verify.node import VerifiedNode
from opengradient.wire.sealed_keys import PATH, encode_sealed_keys
from reference_nodes._kit.clock import system_clock_ms
from tests.interaction.proxy import Node, chat, everything_in, proxy_node
from tests.unit.cli.commands import run_json

OPERATOR = MemorySigner(b"\7" * 32)
ADDRESS = "0x" + OPERATOR.public_key.address.hex()


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with proxy_node(tmp_path / "n", provider_keys="sealed", operator=ADDRESS) as running:
        yield running


async def look(node: Node) -> VerifiedNode:
    environment = Environment()
    client = Client(
        way=DirectWay(node.url, environment),
        payee=None,
        environment=environment,
        trust=Trust(node.policy),
        domain=None,
    )
    try:
        return (await client.session()).verified
    finally:
        await client.close()


async def sealed(
    node: Node, *, keys: dict[str, str] | None = None, signer: Signer = OPERATOR, **changes: Any
) -> SealedKeys:
    """A message that is right but for what `changes` says of its header."""
    seen = await look(node)
    header = KeysHeader(
        node_id=seen.node_id,
        evidence_digest=seen.fresh.evidence_digest,
        config_digest=seen.keyset.config_digest or bytes(32),
        key_id=seen.keyset.hpke.key_id,
        sequence=1,
        expires_at_ms=system_clock_ms() + 60_000,
    )
    header = replace(header, **changes)
    enc, context = sender(seen.keyset.hpke, header.info(), None)
    ciphertext = context.seal(ProviderKeys(keys or {"openai": node.sim.key}).encode())
    digest = header.signing_digest(node.settings.domain, enc + ciphertext)
    return SealedKeys(header=header, enc=enc, ciphertext=ciphertext, signature=signer.sign(digest))


async def put(node: Node, message: SealedKeys) -> tuple[int, str]:
    answer = await node.post(encode_sealed_keys(message), path=PATH)
    value = answer.json()
    return answer.status_code, value["error"]["code"] if "error" in value else "accepted"


async def health(node: Node) -> str:
    return (await node.http.get(node.url + "/health")).json()["status"]


async def test_no_keys_no_answers_and_nothing_signed(node: Node) -> None:
    assert await health(node) == "waiting for keys"
    for body in (chat(), chat(stream=True), b"not json"):
        answer = await node.post(body)
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "node.no_keys"
        assert "opengradient" not in answer.json()
    assert not node.sim.requests
    outbox = (await node.http.get(node.url + "/health")).json()["outbox"]
    assert not any(outbox.values())


async def test_sealed_keys_are_used(node: Node) -> None:
    assert await put(node, await sealed(node)) == (200, "accepted")
    assert await health(node) == "ok"
    reply, _ = node.checked(await node.post(chat()))
    assert reply.choices[0].text == "Hello from the simulator."


async def test_keys_are_on_no_disk_and_in_no_log(
    node: Node, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await put(node, await sealed(node))
    await node.post(chat())
    assert node.sim.key.encode() not in everything_in(tmp_path / "n")
    assert node.sim.key not in caplog.text


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("keys.node", {"node_id": b"\1" * 32}),
        ("keys.node", {"config_digest": b"\1" * 32}),
        ("keys.operator", {"signer": MemorySigner(b"\x08" * 32)}),
        ("keys.expired", {"expires_at_ms": 1}),
        ("keys.unopened", {"key_id": 255}),
        ("keys.provider", {"keys": {"mistral": "k"}}),
    ],
)
async def test_each_check(node: Node, code: str, change: dict[str, Any]) -> None:
    assert (await put(node, await sealed(node, **change)))[1] == code
    assert await health(node) == "waiting for keys"


async def test_not_for_longer_than_ten_minutes(node: Node) -> None:
    late = system_clock_ms() + MAX_LIFE_MS + 60_000
    assert (await put(node, await sealed(node, expires_at_ms=late)))[1] == "keys.horizon"


async def test_a_changed_message_is_not_the_operators(node: Node) -> None:
    message = await sealed(node)
    for other in (
        replace(message, header=replace(message.header, sequence=9)),
        replace(message, header=replace(message.header, evidence_digest=bytes(32))),
        replace(message, ciphertext=message.ciphertext[:-1] + b"\0"),
        replace(message, enc=bytes(31) + b"\2"),
    ):
        assert (await put(node, other))[1] == "keys.operator"


async def test_signed_again_but_not_sealed_for_it(node: Node) -> None:
    """HPKE's info holds the header too: the operator's signature alone does not move keys."""
    message = await sealed(node)
    header = replace(message.header, sequence=5)
    digest = header.signing_digest(node.settings.domain, message.enc + message.ciphertext)
    moved = replace(message, header=header, signature=OPERATOR.sign(digest))
    assert (await put(node, moved))[1] == "keys.unopened"


async def test_keys_rotate_and_never_go_back(node: Node) -> None:
    first = await sealed(node, keys={"openai": node.sim.key}, sequence=10)
    second = await sealed(node, keys={"anthropic": "k"}, sequence=11)
    assert await put(node, first) == (200, "accepted")
    assert (await put(node, first))[1] == "keys.sequence"
    assert await put(node, second) == (200, "accepted")
    assert (await put(node, first))[1] == "keys.sequence"
    answer = await node.post(chat())
    assert answer.json()["error"]["code"] == "provider.no_key"  # what is left out is gone


async def test_a_refused_message_costs_no_sequence(node: Node) -> None:
    assert (await put(node, await sealed(node, keys={"mistral": "k"}, sequence=99)))[
        1
    ] != "accepted"
    assert await put(node, await sealed(node, sequence=1)) == (200, "accepted")


async def test_environment_keys_take_no_sealed_ones(tmp_path: Path) -> None:
    async with proxy_node(tmp_path) as node:
        assert await put(node, await sealed(node)) == (404, "keys.not_sealed")
        assert await health(node) == "ok"


# The operator's command.


@pytest.fixture
def files(node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    monkeypatch.setenv("OPENGRADIENT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OPENGRADIENT_NETWORK", raising=False)
    made = {}
    for name, content in {
        "policy": canonical_json(node.policy.to_json()),
        "keys": json.dumps({"openai": node.sim.key}).encode(),
        "operator": (b"\7" * 32).hex().encode(),
        "stranger": (b"\x08" * 32).hex().encode(),
    }.items():
        made[name] = tmp_path / name
        made[name].write_bytes(content)
        made[name].chmod(0o600)
    return made


async def command(*arguments: object) -> tuple[int, Any]:
    return await to_thread.run_sync(lambda: run_json("node", *arguments))


async def seal(node: Node, files: dict[str, Path], *more: object, **other: Path) -> tuple[int, Any]:
    used = {**files, **other}
    return await command(
        "seal-keys",
        used["keys"],
        *("--node", node.url, "--policy", used["policy"], "--operator-key", used["operator"]),
        *("--address", f"openai={node.sim.url}"),
        *more,
    )


async def test_the_operators_command(node: Node, files: dict[str, Path]) -> None:
    status, answer = await seal(node, files, "--unsafe-any-measurement", "--sequence", 3)
    assert (status, answer) == (0, {"sequence": 3, "providers": ["openai"]})
    assert await health(node) == "ok"
    status, answer = await seal(node, files, "--unsafe-any-measurement", "--sequence", 3)
    assert status == 1 and "keys.sequence" in answer["error"]["message"]


async def test_keys_go_to_their_providers_only(node: Node, files: dict[str, Path]) -> None:
    """The configuration says where a key goes: here to a simulator, which nobody meant."""
    unsafe = ("--unsafe-any-measurement", "--address", "openai=https://api.openai.com/v1")
    status, answer = await seal(node, files, *unsafe)
    assert (status, answer["error"]["code"]) == (1, "keys.address")
    files["keys"].write_text('{"mistral": "k"}')
    status, answer = await seal(node, files, "--unsafe-any-measurement")
    assert (status, answer["error"]["code"]) == (1, "keys.provider")
    files["keys"].write_text('{"anthropic": "k"}')
    assert (await seal(node, files, "--unsafe-any-measurement"))[0] == 0


async def test_unknown_code_gets_no_keys(node: Node, files: dict[str, Path]) -> None:
    status, answer = await seal(node, files)
    assert (status, answer["error"]["code"]) == (1, "keys.unmeasured")


async def test_known_code_needs_no_unsafe_word(node: Node, files: dict[str, Path]) -> None:
    seen = await look(node)
    strict = replace(node.policy, measurements=frozenset({seen.fresh.measurement}))
    files["policy"].write_bytes(canonical_json(strict.to_json()))
    assert (await seal(node, files))[0] == 0


async def test_another_operator(node: Node, files: dict[str, Path]) -> None:
    status, answer = await seal(node, files, "--unsafe-any-measurement", operator=files["stranger"])
    assert (status, answer["error"]["code"]) == (1, "keys.operator")
    assert await health(node) == "waiting for keys"


async def test_a_node_that_is_not_trusted_gets_no_keys(node: Node, files: dict[str, Path]) -> None:
    other = replace(node.policy, measurements=frozenset({"0x" + "00" * 32}))
    files["policy"].write_bytes(canonical_json(other.to_json()))
    status, answer = await seal(node, files, "--unsafe-any-measurement")
    assert (status, answer["error"]["code"]) == (1, "attestation.measurement")
    assert await health(node) == "waiting for keys"


@pytest.mark.parametrize("content", [b"[]", b'{"openai": 1}', b"sk-1", b'{"a b": "k"}'])
async def test_files_of_keys(node: Node, files: dict[str, Path], content: bytes) -> None:
    files["keys"].write_bytes(content)
    status, answer = await seal(node, files)
    assert (status, answer["error"]["code"]) == (1, "keys.file")
    assert "sk-1" not in json.dumps(answer)


async def test_files_that_others_can_read(node: Node, files: dict[str, Path]) -> None:
    files["keys"].chmod(0o640)
    status, answer = await seal(node, files)
    assert (status, answer["error"]["code"]) == (1, "keys.file")


async def test_inspect(node: Node, files: dict[str, Path]) -> None:
    status, seen = await command("inspect", node.url, "--policy", files["policy"])
    assert status == 0
    assert seen["node_id"] == "0x" + (await look(node)).node_id.hex()
    assert seen["configuration"]["settings"]["operator"] == ADDRESS
    assert seen["configuration"]["settings"]["provider_keys"] == "sealed"
    assert {claim["name"] for claim in seen["claims"]} >= {"enclave", "code", "keys", "nonce"}
