"""Trust that is taken away holds at once: between two calls, and for a call that is under way."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import opengradient as og
from opengradient.core.measurements import measurement_id
from opengradient.errors import FreshnessError, PolicyError, VerificationError
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.releases import VerifiedReleases, verify_releases, verify_revocations
from reference_nodes._kit.clock import system_clock_ms
from tests.interaction.proxy import Node, proxy_node
from tests.interaction.relay import relay_to
from tests.interaction.sdk import CHAT, HELLO, MODEL, Tamper, client, network_of, read
from tests.unit.verify import releases_factory as make


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with proxy_node(tmp_path / "node", legacy_signatures=False) as running:
        yield running


def facts(node: Node) -> dict[str, str]:
    """What of the node can be revoked."""
    verified = verify_evidence(node.standing, policy=node.policy, now_ms=system_clock_ms())
    return {
        "keys": "0x" + verified.keyset.signing.node_id.hex(),
        "measurements": verified.measurement,
    }


def revoked(node: Node, what: str, policy: TrustPolicy) -> TrustPolicy:
    """The policy with a signed list that revokes one thing."""
    now = system_clock_ms()
    entry = {"id": facts(node)[what], "reason": "test"}
    value = make.revocations(
        issued_at=now, expires_at=now + make.DAY, revoked=make.revoked(**{what: [entry]})
    )
    checked = verify_revocations(*make.signed(value), keys=make.KEYS, threshold=2, now_ms=now)
    return policy.with_revocations(checked)


WHAT = [
    ("keys", "attestation.revoked_key"),
    ("measurements", "attestation.revoked_measurement"),
]


async def refused(ask: Callable[[], Any]) -> str:
    with pytest.raises(VerificationError) as caught:
        await ask()
    return caught.value.code


@pytest.mark.parametrize(("what", "code"), WHAT)
async def test_between_two_calls(node: Node, what: str, code: str) -> None:
    async with client(node) as llm:
        assert (await llm.chat(MODEL, HELLO)).text
        before, asked = llm.policy, len(node.sim.requests)
        llm.use_policy(revoked(node, what, before))
        assert await refused(lambda: llm.chat(MODEL, HELLO)) == code
        assert await refused(lambda: read(llm)) == code
        assert len(node.sim.requests) == asked  # no prompt left for a node that is not trusted
        llm.use_policy(before)
        assert (await llm.chat(MODEL, HELLO)).text


@pytest.mark.parametrize(("what", "code"), WHAT)
async def test_during_a_call(node: Node, what: str, code: str) -> None:
    tamper = Tamper()
    async with client(node, transports=tamper) as llm:
        after = revoked(node, what, llm.policy)

        def meanwhile(body: Any) -> Any:
            llm.use_policy(after)
            return body

        tamper.json[CHAT] = meanwhile
        assert await refused(lambda: llm.chat(MODEL, HELLO)) == code


@pytest.mark.parametrize(("what", "code"), WHAT)
async def test_during_a_stream(node: Node, what: str, code: str) -> None:
    tamper = Tamper()
    async with client(node, transports=tamper) as llm:
        after = revoked(node, what, llm.policy)
        assert (await read(llm)).text

        def meanwhile(frames: Any) -> Any:
            llm.use_policy(after)
            return frames

        tamper.frames = meanwhile
        assert await refused(lambda: read(llm)) == code


async def test_a_recalled_receipt_is_judged_by_the_policy_in_force(node: Node) -> None:
    async with client(node) as llm:
        reply = await llm.chat(MODEL, HELLO, idempotency_key="a-key-of-mine")
        assert reply.text
        assert (await llm.receipt("a-key-of-mine")).receipt
        llm.use_policy(revoked(node, "measurements", llm.policy))
        code = await refused(lambda: llm.receipt("a-key-of-mine"))
        assert code == "attestation.revoked_measurement"


def releases(node: Node, **changes: Any) -> VerifiedReleases:
    """A manifest in which the node's code is a release."""
    now = system_clock_ms()
    verified = verify_evidence(node.standing, policy=node.policy, now_ms=now)
    kind, registers = verified.kind, dict(verified.measurements)
    assert measurement_id(kind, registers) == verified.measurement
    settings = {
        "issued_at": now - make.DAY,
        "expires_at": now + make.DAY,
        "releases": [make.release(measurements=[make.measured(kind, registers)])],
        **changes,
    }
    files = make.signed(make.manifest(**settings))
    return verify_releases(*files, keys=make.KEYS, threshold=2, now_ms=now)


async def test_the_code_claim_names_release_and_commit(node: Node) -> None:
    policy = replace(node.policy, measurements=releases(node))
    async with client(node, policy=policy) as llm:
        claim = (await llm.chat(MODEL, HELLO)).verdict["code"]
    # A software enclave proves nothing about hardware, so its code is asserted, whoever lists it.
    assert claim.status == og.Status.ASSERTED
    checked = verify_evidence(node.standing, policy=policy, now_ms=system_clock_ms())
    assert checked.measurement_source == (
        "release llm-proxy 1.4.0 in signed manifest 7: https://example.org/node at " + "ab" * 20
    )
    assert TrustPolicy.from_json(policy.to_json()) == policy


@pytest.mark.parametrize("what", ["keys", "measurements"])
async def test_what_the_manifest_revokes(node: Node, what: str) -> None:
    entry = {"id": facts(node)[what], "reason": "leaks"}
    bad = releases(node, revoked=make.revoked(**{what: [entry]}))
    async with client(node, policy=replace(node.policy, measurements=bad)) as llm:
        code = await refused(lambda: llm.chat(MODEL, HELLO))
    assert code == f"releases.revoked_{what.removesuffix('s')}"


async def test_code_that_is_no_release(node: Node) -> None:
    none = releases(node, releases=[make.release()])
    async with client(node, policy=replace(node.policy, measurements=none)) as llm:
        assert await refused(lambda: llm.chat(MODEL, HELLO)) == "releases.unlisted"


async def test_a_manifest_that_expires_while_it_is_used(node: Node) -> None:
    ahead = 0
    policy = replace(
        node.policy,
        measurements=releases(node, expires_at=system_clock_ms() + 60_000),
    )
    async with client(node, policy=policy, clock=lambda: system_clock_ms() + ahead) as llm:
        assert (await llm.chat(MODEL, HELLO)).text
        ahead = 61_000
        with pytest.raises(FreshnessError) as caught:
            await llm.chat(MODEL, HELLO)
    assert caught.value.code == "releases.expired"


async def test_an_equal_policy_is_still_another_one(node: Node) -> None:
    async with client(node) as llm:
        await llm.chat(MODEL, HELLO)
        llm.use_policy(replace(llm.policy, allow_debug=False))
        assert (await llm.chat(MODEL, HELLO)).text
        llm.use_policy(replace(llm.policy, roots=()))
        with pytest.raises(PolicyError):
            await llm.chat(MODEL, HELLO)


@pytest.mark.parametrize(("what", "code"), WHAT)
async def test_behind_a_relay(node: Node, tmp_path: Path, what: str, code: str) -> None:
    async with relay_to(tmp_path, node) as relay:
        settings: dict[str, Any] = {"network": network_of(node), "max_retries": 0}
        async with og.ConfidentialLLM(relay, **settings) as llm:
            assert (await llm.chat(MODEL, HELLO)).text
            asked = len(node.sim.requests)
            llm.use_policy(revoked(node, what, llm.policy))
            assert await refused(lambda: llm.chat(MODEL, HELLO)) == code
            assert await refused(lambda: read(llm)) == code
            assert len(node.sim.requests) == asked


@pytest.mark.parametrize(("what", "code"), WHAT)
async def test_behind_a_relay_during_a_call(
    node: Node, tmp_path: Path, what: str, code: str
) -> None:
    async with relay_to(tmp_path, node) as relay:
        settings: dict[str, Any] = {"network": network_of(node), "max_retries": 0}
        async with og.ConfidentialLLM(relay, **settings) as llm:
            after = revoked(node, what, llm.policy)

            async def ask() -> None:
                async with llm.stream(MODEL, HELLO) as stream:
                    async for _ in stream:
                        llm.use_policy(after)

            assert await refused(ask) == code
