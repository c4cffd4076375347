"""What the full node refuses, and with which code; each case is one honest receipt with one fault."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from opengradient.core.digests import sha256
from opengradient.core.keys import Signature
from opengradient.core.modes import SettlementMode
from opengradient.core.receipts import ReceiptDomain
from opengradient.core.settlement import SettlementState
from opengradient.errors import (
    AttestationError,
    FreshnessError,
    MalformedError,
    PolicyError,
    VerificationError,
)
from reference_nodes.full_node.batcher import BatchPolicy
from tests.receipt_factory import NOW, SIGNER
from tests.unit.full_node.kit import (
    OTHER,
    body,
    body_of,
    codes,
    evidence_of,
    exchange,
    full_node,
    item,
    network,
    receipt,
)

SLOW = BatchPolicy(size=1000, max_age_ms=10**9)


async def answers_to(tmp_path: Path, make, **settings):
    """What a node answers to the body that `make(domain)` gives."""
    async with network() as net, full_node(net, tmp_path, run=False, **settings) as node:
        return await node.submit(make(net.domain))


def changed(signed, **members):
    value = item(signed)
    for path, new in members.items():
        target = value["signed"]
        *parents, last = path.split("__")
        for parent in parents:
            target = target[parent]
        if new is None:
            del target[last]
        else:
            target[last] = new
    return value


def flip(text: str) -> str:
    return text[:-1] + ("0" if text[-1] != "0" else "1")


@pytest.mark.parametrize(
    ("make", "code"),
    [
        pytest.param(
            lambda d: body_of(receipt(1, replace(d, chain_id=1))), "receipt.domain", id="chain"
        ),
        pytest.param(
            lambda d: body_of(receipt(1, ReceiptDomain(chain_id=d.chain_id, settlement_contract=b"\1" * 20))),
            "receipt.domain",
            id="contract",
        ),
        pytest.param(
            lambda d: body(changed(receipt(1, d), receipt__inputTokens=10)),
            "receipt.signature",
            id="changed after signing",
        ),
        pytest.param(
            lambda d: body_of(replace(receipt(1, d), signature=receipt(2, d).signature)),
            "receipt.signature",
            id="signature of another receipt",
        ),
        pytest.param(
            lambda d: body_of(receipt(1, d, signer=OTHER, node_id=SIGNER.public_key.node_id, evidence_digest=evidence_of(SIGNER).digest())),
            "receipt.signature",
            id="signed by another key",
        ),
        pytest.param(
            lambda d: body_of(receipt(1, d, node_id=sha256(b"nobody"))), "receipt.node_id", id="node id"
        ),
        pytest.param(
            lambda d: body_of(receipt(1, d, mode=SettlementMode.PRIVATE)),
            "settlement.private",
            id="private",
        ),
        pytest.param(
            lambda d: body_of(receipt(1, d, finished_at=NOW + 3_600_000)), "receipt.time", id="future"
        ),
        pytest.param(
            lambda d: body_of(receipt(1, d, started_at=NOW - 50)), "receipt.time", id="times in disorder"
        ),
        pytest.param(
            lambda d: body_of(receipt(1, d, started_at=1, first_token_at=0)),
            "receipt.time",
            id="before its evidence",
        ),
        pytest.param(
            lambda d: body_of(receipt(1, d, sequence=1)), "receipt.sequence", id="sequence"
        ),
        pytest.param(
            lambda d: body_of(receipt(1, d, channel_binding=sha256(b"other tls"))),
            "receipt.channel",
            id="channel",
        ),
        pytest.param(
            lambda d: body_of(receipt(1, d, verification_mode=0)), "policy.mode", id="mode"
        ),
        pytest.param(
            lambda d: body_of(receipt(1, d, proof_digest=sha256(b"proof"))), "proof.invalid", id="proof"
        ),
        pytest.param(
            lambda d: body_of(receipt(1, d, mode=SettlementMode.INDIVIDUAL_FULL)),
            "settlement.bundle_missing",
            id="full without bundle",
        ),
        pytest.param(
            lambda d: body(item(receipt(1, d), exchange(1, d).bundle())),
            "settlement.bundle_unwanted",
            id="hashed with bundle",
        ),
        pytest.param(
            lambda d: body_of(receipt(1, d, input_tokens=2**60)),
            "format.malformed",
            id="no canonical form",
        ),
        pytest.param(
            lambda d: body(changed(receipt(1, d), version="opengradient.receipt/2")),
            "receipt.version",
            id="version",
        ),
        pytest.param(
            lambda d: body(changed(receipt(1, d), extra=1)), "format.unknown_field", id="unknown field"
        ),
        pytest.param(
            lambda d: body(changed(receipt(1, d), receipt__price=None)), "format.malformed", id="missing word"
        ),
        pytest.param(lambda d: body({"signed": 1, "bundle": None}), "format.malformed", id="no object"),
        pytest.param(
            lambda d: body({**item(receipt(1, d)), "more": 1}), "format.unknown_field", id="unknown member"
        ),
    ],
)  # fmt: skip
async def test_refuses(tmp_path: Path, make, code: str) -> None:
    (answer,) = await answers_to(tmp_path, make)
    assert (answer.state, answer.code) == (SettlementState.REFUSED, code)
    assert answer.message


async def test_refuses_a_signature_with_high_s(tmp_path: Path) -> None:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

    def make(domain):
        honest = receipt(1, domain)
        s = order - int.from_bytes(honest.signature.s)
        twin = Signature(honest.signature.r, s.to_bytes(32), 55 - honest.signature.v)
        return body_of(replace(honest, signature=twin))

    (answer,) = await answers_to(tmp_path, make)
    assert (answer.state, answer.code) == (SettlementState.REFUSED, "receipt.signature.malleable")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"receipts":[]}',
        b'{"receipts":[],"more":1}',
        b'{"receipts":{}}',
        b'{"receipts":[1],"receipts":[1]}',
        json.dumps({"receipts": [0] * 1001}).encode(),
    ],
)
async def test_refuses_bodies_that_are_no_requests(tmp_path: Path, data: bytes) -> None:
    async with network() as net, full_node(net, tmp_path, run=False) as node:
        with pytest.raises(MalformedError):
            await node.submit(data)


async def test_a_bad_receipt_does_not_spoil_its_neighbours(tmp_path: Path) -> None:
    def make(domain):
        bad = replace(receipt(2, domain), signature=receipt(1, domain).signature)
        return body_of(receipt(1, domain), bad, receipt(3, domain))

    answers = await answers_to(tmp_path, make)
    assert codes(answers) == [None, "receipt.signature", None]
    assert [answer.state for answer in answers] == ["accepted", "refused", "accepted"]


async def test_a_refused_forgery_does_not_block_the_genuine_receipt(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path, run=False) as node:
        honest = receipt(1, net.domain)
        forged = replace(honest, signature=receipt(2, net.domain).signature)
        assert codes(await node.submit(body_of(forged))) == ["receipt.signature"]
        assert codes(await node.submit(body_of(honest))) == [None]


async def test_asks_for_evidence_and_goes_on_when_it_has_it(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path, run=False, known=False) as node:
        # Another key than other tests use: a process keeps what it has verified.
        await net.register(OTHER)
        request = body_of(receipt(1, net.domain, signer=OTHER))
        (answer,) = await node.submit(request)
        assert (answer.state, answer.code) == ("queued", "settlement.evidence_needed")
        assert await node.settlement(answer.digest) is None
        await node.add_evidence(evidence_of(OTHER))
        assert [a.state for a in await node.submit(request)] == ["accepted"]


async def test_asks_for_registration_of_an_unknown_node(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path, run=False) as node:
        await node.add_evidence(evidence_of(OTHER))
        request = body_of(receipt(1, net.domain, signer=OTHER))
        (answer,) = await node.submit(request)
        assert (answer.state, answer.code) == ("queued", "settlement.unknown_node")
        await net.register(OTHER)
        assert [a.state for a in await node.submit(request)] == ["accepted"]


async def test_refuses_receipts_of_a_revoked_key(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path, run=False) as node:
        await net.sender.execute(net.registry.revoke_key(SIGNER.public_key.node_id))
        (answer,) = await node.submit(body_of(receipt(1, net.domain)))
        assert (answer.state, answer.code) == ("refused", "settlement.key_revoked")


async def test_learns_of_a_revocation_within_seconds(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path, run=False) as node:
        assert codes(await node.submit(body_of(receipt(1, net.domain)))) == [None]
        await net.sender.execute(net.registry.revoke_key(SIGNER.public_key.node_id))
        net.clock.now_ms += 10_000
        assert codes(await node.submit(body_of(receipt(2, net.domain)))) == [
            "settlement.key_revoked"
        ]


async def test_takes_what_a_retired_node_made_before(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path, run=False) as node:
        net.clock.now_ms += 5_000
        await net.sender.execute(net.registry.retire(SIGNER.public_key.node_id))
        late = receipt(2, net.domain, finished_at=NOW + 6_000)
        assert codes(await node.submit(body_of(receipt(1, net.domain), late))) == [
            None,
            "receipt.time",
        ]


async def test_refuses_what_was_made_before_its_key_was_valid(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path, run=False) as node:
        early = receipt(
            1, net.domain, started_at=NOW - 3_000_900, first_token_at=0, finished_at=NOW - 3_000_100
        )
        (answer,) = await node.submit(body_of(early))
        assert (answer.state, answer.code) == ("refused", "receipt.time")


async def test_a_dead_ledger_delays_unknown_nodes_and_not_known_ones(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path, run=False, batches=SLOW) as node:
        await net.register(OTHER)
        await node.add_evidence(evidence_of(OTHER))
        await node.submit(body_of(receipt(1, net.domain)))
        net.switch.down = True
        net.clock.now_ms += 60_000
        answers = await node.submit(
            body_of(receipt(2, net.domain), receipt(3, net.domain, signer=OTHER))
        )
        assert [a.state for a in answers] == ["accepted", "queued"]
        assert codes(answers) == [None, "chain.unreachable"]


# --- evidence ---


async def test_refuses_evidence_that_the_policy_does_not_trust(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path, run=False) as node:
        genuine = evidence_of(SIGNER)
        broken = replace(
            genuine, document=genuine.document[:-1] + bytes([genuine.document[-1] ^ 1])
        )
        with pytest.raises(AttestationError):
            await node.add_evidence(broken)
        with pytest.raises(PolicyError):
            await node.add_evidence(replace(genuine, kind="aws-nitro"))
        assert await node.evidence(broken.digest()) is None


async def test_refuses_late_evidence_that_the_ledger_does_not_know(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path, run=False) as node:
        net.clock.now_ms += 4 * 3_600_000
        with pytest.raises(VerificationError) as caught:
            await node.add_evidence(evidence_of(OTHER))
        assert caught.value.code in ("nitro.timestamp.stale", "x509.expired")


async def test_takes_late_evidence_that_was_published_in_time(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path, run=False, known=False) as node:
        net.clock.now_ms += 4 * 3_600_000
        digest = await node.add_evidence(evidence_of(SIGNER))
        known = await node.evidence(digest)
        assert known is not None
        assert NOW <= known.judged_at_ms <= NOW + 10_000


async def test_late_evidence_waits_for_a_dead_ledger(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path, run=False, known=False) as node:
        net.clock.now_ms += 4 * 3_600_000
        net.switch.down = True
        with pytest.raises(FreshnessError):
            await node.add_evidence(evidence_of(SIGNER))
