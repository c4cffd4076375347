"""contracts/src/NodeRegistry.sol: every refusal, every rule."""

from dataclasses import replace

import pytest

from opengradient.chain.messages import EndpointUpdate, EvidenceUpdate, Heartbeat, RegistryDomain
from opengradient.chain.values import NodeKind, NodeStatus, OhttpConfig
from opengradient.core.digests import ZERO32, sha256
from opengradient.errors import RevertedError
from tests.unit.chain.world import MEASUREMENT, OPERATOR, OWNER, START, World, key

NODE, OTHER = key("node"), key("other node")
NODE_ID = NODE.public_key.node_id
OHTTP = OhttpConfig(
    key_id=1, kem_id=0x20, kdf_id=1, aead_id=3, public_key=b"\x05" * 32, key_config=b"\x06" * 41
)


async def test_a_registered_node_reads_back_as_it_signed(world: World):
    await world.register(NODE, legacy_public_key=b"rsa", tls_certificate=b"der", ohttp=OHTTP)
    node = await world.registry.get_node(NODE_ID)
    entry = world.registration(NODE)
    assert (node.node_id, node.owner, node.payee) == (NODE_ID, entry.owner, entry.payee)
    assert (node.kind, node.endpoint) == (NodeKind.LLM_PROXY, entry.endpoint)
    assert (node.keyset_digest, node.evidence_digest) == (
        entry.keyset_digest,
        entry.evidence_digest,
    )
    assert (node.evidence_blob_id, node.measurement) == (entry.evidence_blob_id, MEASUREMENT)
    assert (node.legacy_public_key, node.tls_certificate) == (b"rsa", b"der")
    assert (node.valid_from_ms, node.valid_until_ms) == (START * 1000, None)
    assert (node.last_heartbeat_ms, node.heartbeat_sequence) == (START * 1000, 0)
    assert (node.status, node.ohttp, node.signer) == (
        NodeStatus.ACTIVE,
        OHTTP,
        NODE.public_key.address,
    )
    assert await world.registry.find_node(NODE.public_key.address) == node
    assert await world.registry.find_node(OTHER.public_key.address) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"owner": OWNER.public_key.address}, "NotNodeOwner("),
        ({"nonce": 1}, "WrongNonce(0)"),
        ({"measurement": sha256(b"unknown")}, "MeasurementNotApproved("),
        ({"measurement": ZERO32}, "MeasurementNotApproved("),
        ({"measurement": ZERO32, "kind": NodeKind.LOCAL_INFERENCE}, "MeasurementNotApproved("),
        ({"payee": bytes(20)}, "WrongField(payee)"),
        ({"endpoint": ""}, "WrongField(endpoint)"),
        ({"endpoint": "x" * 257}, "WrongField(endpoint)"),
        ({"legacy_public_key": bytes(8193)}, "WrongField(legacyPublicKey)"),
        ({"tls_certificate": bytes(8193)}, "WrongField(tlsCertificate)"),
        ({"ohttp": replace(OHTTP, public_key=bytes(513))}, "WrongField(ohttpConfig)"),
        ({"ohttp": replace(OHTTP, key_config=bytes(513))}, "WrongField(ohttpConfig)"),
        ({"valid_from": START - 3601}, "WrongTime("),
        ({"valid_from": START + 61}, "WrongTime("),
    ],
)
async def test_registration_refuses(world: World, changes: dict, reason: str):
    entry = world.registration(NODE, **changes)
    call = world.nodes.register(entry, NODE)
    assert (await world.refused(world.operator, call)).startswith(reason)


async def test_registration_refuses_an_unknown_kind(world: World):
    entry = world.registration(NODE)
    members = dict(entry.members()) | {"kind": 7}
    call = world.nodes._call("register", members, ZERO32, ZERO32)
    assert await world.refused(world.operator, call) == "WrongField(kind)"


async def test_registration_needs_the_key_it_names(world: World):
    entry = world.registration(NODE)
    assert await world.refused(world.operator, world.nodes.register(entry, OTHER)) == (
        "WrongSignature()"
    )
    short = dict(entry.members()) | {"signingPublicKey": bytes(63)}
    call = world.nodes._call("register", short, ZERO32, ZERO32)
    assert await world.refused(world.operator, call) == "WrongKey()"


async def test_registration_is_bound_to_chain_and_registry(world: World):
    entry = world.registration(NODE)
    for domain in (
        replace(world.nodes.domain, chain_id=1),
        replace(world.nodes.domain, registry=b"\x01" * 20),
    ):
        signature = NODE.sign(domain.digest(entry.struct_hash()))
        call = world.nodes._call("register", entry.members(), signature.r, signature.vs())
        assert await world.refused(world.operator, call) == "WrongSignature()"


@pytest.mark.parametrize(
    "member",
    [
        "payee",
        "endpoint",
        "keysetDigest",
        "evidenceDigest",
        "evidenceBlobId",
        "validFrom",
        "legacyPublicKey",
        "tlsCertificate",
        "ohttpConfig",
    ],
)
async def test_the_signature_covers_every_member(world: World, member: str):
    entry = world.registration(NODE)
    members = dict(entry.members())
    old = members[member]
    if member == "ohttpConfig":
        members[member] = dict(old) | {"keyId": 9}
    elif isinstance(old, int):
        members[member] = old - 1
    elif isinstance(old, str):
        members[member] = old + "x"
    else:
        members[member] = (old or b"\x00")[:-1] + b"\x77"
    signature = NODE.sign(world.nodes.domain.digest(entry.struct_hash()))
    call = world.nodes._call("register", members, signature.r, signature.vs())
    assert await world.refused(world.operator, call) == "WrongSignature()"


async def test_a_node_registers_once(world: World):
    await world.register(NODE)
    call = world.nodes.register(world.registration(NODE, nonce=1), NODE)
    assert (await world.refused(world.operator, call)).startswith("AlreadyRegistered(")
    await world.operator.execute(world.nodes.retire(NODE_ID))
    assert (await world.refused(world.operator, call)).startswith("AlreadyRegistered(")


async def test_kinds_without_enclave_may_claim_none(world: World):
    await world.register(NODE, kind=NodeKind.STORAGE, measurement=ZERO32)
    assert (await world.registry.get_node(NODE_ID)).status is NodeStatus.ACTIVE


# --- heartbeats ---


def beat(counter: int, timestamp: int) -> Heartbeat:
    return Heartbeat(node_id=NODE_ID, counter=counter, timestamp=timestamp)


async def test_heartbeats_only_go_forward(world: World):
    await world.register(NODE)
    world.clock.now += 100
    call = world.nodes.heartbeat(beat(5, START + 90), NODE)
    await world.stranger.execute(call)
    node = await world.registry.get_node(NODE_ID)
    assert (node.heartbeat_sequence, node.last_heartbeat_ms) == (5, (START + 90) * 1000)
    assert await world.refused(world.stranger, call) == "WrongCounter(5)"
    for counter, timestamp, reason in (
        (4, START + 95, "WrongCounter(5)"),
        (6, START + 89, "WrongTime("),
        (6, START + 100 + 61, "WrongTime("),
    ):
        call = world.nodes.heartbeat(beat(counter, timestamp), NODE)
        assert (await world.refused(world.stranger, call)).startswith(reason)
    call = world.nodes.heartbeat(beat(6, START + 95), OTHER)
    assert await world.refused(world.stranger, call) == "WrongSignature()"


async def test_a_late_relay_makes_no_node_fresher(world: World):
    await world.register(NODE)
    call = world.nodes.heartbeat(beat(1, START + 10), NODE)
    world.clock.now += 1811
    await world.stranger.execute(call)
    assert (await world.registry.get_node(NODE_ID)).status is NodeStatus.SILENT
    assert await world.registry.list_active_nodes(NodeKind.LLM_PROXY, now_ms=START * 1000) == []
    assert await world.registry.was_valid_at(NODE_ID, world.clock.now * 1000)


async def test_liveness_is_told_by_our_clock_too(world: World):
    await world.register(NODE)
    now_ms = START * 1000 + 30 * 60 * 1000
    active = await world.registry.list_active_nodes(NodeKind.LLM_PROXY, now_ms=now_ms)
    assert [node.node_id for node in active] == [NODE_ID]
    assert await world.registry.list_active_nodes(NodeKind.LLM_PROXY, now_ms=now_ms + 1) == []


# --- updates ---


def evidence(counter: int) -> EvidenceUpdate:
    return EvidenceUpdate(
        node_id=NODE_ID,
        keyset_digest=sha256(b"new keyset"),
        evidence_digest=sha256(b"new evidence"),
        evidence_blob_id=sha256(b"new blob"),
        tls_certificate=b"new der",
        ohttp=OHTTP,
        counter=counter,
    )


async def test_evidence_rotates_and_the_old_one_stays_known(world: World):
    await world.register(NODE)
    world.clock.now += 60
    call = world.nodes.rotate_evidence(evidence(1), NODE)
    await world.stranger.execute(call)
    node = await world.registry.get_node(NODE_ID)
    assert node.evidence_digest == sha256(b"new evidence")
    assert (node.keyset_digest, node.tls_certificate) == (sha256(b"new keyset"), b"new der")
    assert (node.evidence_blob_id, node.ohttp, node.update_counter) == (
        sha256(b"new blob"),
        OHTTP,
        1,
    )
    since = world.registry.evidence_since
    assert await since(NODE_ID, sha256(b"evidence")) == START * 1000
    assert await since(NODE_ID, sha256(b"new evidence")) == (START + 60) * 1000
    assert await since(NODE_ID, sha256(b"never")) is None
    assert await world.refused(world.stranger, call) == "WrongCounter(1)"
    call = world.nodes.rotate_evidence(evidence(2), OTHER)
    assert await world.refused(world.stranger, call) == "WrongSignature()"


async def test_evidence_is_bounded(world: World):
    await world.register(NODE)
    for change, reason in (
        ({"tls_certificate": bytes(8193)}, "WrongField(tlsCertificate)"),
        ({"ohttp": replace(OHTTP, public_key=bytes(513))}, "WrongField(ohttpConfig)"),
    ):
        call = world.nodes.rotate_evidence(replace(evidence(1), **change), NODE)
        assert await world.refused(world.stranger, call) == reason


async def test_the_endpoint_changes_by_the_nodes_signature_only(world: World):
    await world.register(NODE)
    update = EndpointUpdate(
        node_id=NODE_ID, endpoint="https://new.example", payee=b"\x09" * 20, counter=1
    )
    call = world.nodes.update_endpoint(update, NODE)
    await world.stranger.execute(call)
    node = await world.registry.get_node(NODE_ID)
    assert (node.endpoint, node.payee) == ("https://new.example", b"\x09" * 20)
    assert await world.refused(world.stranger, call) == "WrongCounter(1)"
    for change, signer, reason in (
        ({"counter": 2}, OTHER, "WrongSignature()"),
        ({"counter": 2, "endpoint": ""}, NODE, "WrongField(endpoint)"),
        ({"counter": 2, "payee": bytes(20)}, NODE, "WrongField(payee)"),
    ):
        call = world.nodes.update_endpoint(replace(update, **change), signer)
        assert await world.refused(world.stranger, call) == reason


async def test_one_counter_serves_both_updates(world: World):
    await world.register(NODE)
    await world.stranger.execute(world.nodes.rotate_evidence(evidence(3), NODE))
    update = EndpointUpdate(
        node_id=NODE_ID, endpoint="https://x.example", payee=b"\x09" * 20, counter=3
    )
    call = world.nodes.update_endpoint(update, NODE)
    assert await world.refused(world.stranger, call) == "WrongCounter(3)"


# --- closing ---


async def test_a_retired_node_keeps_its_past(world: World):
    await world.register(NODE, valid_from=START - 10)
    world.clock.now += 50
    assert (await world.refused(world.stranger, world.nodes.retire(NODE_ID))).startswith(
        "NotNodeOwner("
    )
    await world.operator.execute(world.nodes.retire(NODE_ID))
    valid = world.registry.was_valid_at
    assert not await valid(NODE_ID, (START - 11) * 1000)
    assert await valid(NODE_ID, (START - 10) * 1000)
    assert await valid(NODE_ID, (START + 49) * 1000 + 999)
    assert not await valid(NODE_ID, (START + 50) * 1000)
    node = await world.registry.get_node(NODE_ID)
    assert (node.status, node.valid_until_ms) == (NodeStatus.RETIRED, (START + 50) * 1000)
    for call in (
        world.nodes.heartbeat(beat(1, world.clock.now), NODE),
        world.nodes.rotate_evidence(evidence(1), NODE),
        world.nodes.update_endpoint(
            EndpointUpdate(node_id=NODE_ID, endpoint="https://x", payee=b"\x01" * 20, counter=1),
            NODE,
        ),
        world.nodes.retire(NODE_ID),
    ):
        assert (await world.refused(world.operator, call)).startswith("NodeClosed(")


@pytest.mark.parametrize("by", ["operator", "owner"])
async def test_a_revoked_key_stays_revoked(world: World, by: str):
    await world.register(NODE)
    revoke = world.nodes.revoke_key(NODE_ID)
    assert (await world.refused(world.stranger, revoke)).startswith("NotNodeOwnerOrGovernance(")
    world.clock.now += 5
    await getattr(world, by).execute(revoke)
    node = await world.registry.get_node(NODE_ID)
    assert (node.status, node.valid_until_ms) == (NodeStatus.KEY_REVOKED, (START + 5) * 1000)
    assert await world.registry.was_valid_at(NODE_ID, START * 1000)
    assert not await world.registry.was_valid_at(NODE_ID, (START + 5) * 1000)
    assert (await world.refused(world.operator, revoke)).startswith("NodeClosed(")
    call = world.nodes.heartbeat(beat(1, world.clock.now), NODE)
    assert (await world.refused(world.operator, call)).startswith("NodeClosed(")


async def test_a_retired_key_can_still_be_revoked(world: World):
    await world.register(NODE)
    world.clock.now += 5
    await world.operator.execute(world.nodes.retire(NODE_ID))
    world.clock.now += 5
    await world.owner.execute(world.nodes.revoke_key(NODE_ID))
    node = await world.registry.get_node(NODE_ID)
    assert (node.status, node.valid_until_ms) == (NodeStatus.KEY_REVOKED, (START + 5) * 1000)


async def test_a_revoked_measurement_closes_its_nodes(world: World):
    await world.register(NODE)
    await world.register(OTHER)
    revoke = world.nodes.revoke_measurement(MEASUREMENT)
    assert (await world.refused(world.operator, revoke)).startswith("NotOwner(")
    world.clock.now += 7
    receipt = await world.owner.execute(revoke)
    assert receipt.gas_used < 75_000
    for node_id in (NODE_ID, OTHER.public_key.node_id):
        node = await world.registry.get_node(node_id)
        assert (node.status, node.valid_until_ms) == (
            NodeStatus.MEASUREMENT_REVOKED,
            (START + 7) * 1000,
        )
    assert await world.registry.list_active_nodes(NodeKind.LLM_PROXY, now_ms=0) == []
    approve = world.nodes.approve_measurement(MEASUREMENT)
    assert (await world.refused(world.owner, approve)).startswith("MeasurementIsRevoked(")
    assert (await world.refused(world.owner, revoke)).startswith("MeasurementIsRevoked(")
    call = world.nodes.register(world.registration(key("third"), nonce=2), key("third"))
    assert (await world.refused(world.operator, call)).startswith("MeasurementNotApproved(")


async def test_measurements_are_governed(world: World):
    code = sha256(b"other code")
    approve = world.nodes.approve_measurement(code)
    assert (await world.refused(world.operator, approve)).startswith("NotOwner(")
    assert not await world.registry.measurement_approved(code)
    await world.owner.execute(approve)
    assert await world.registry.measurement_approved(code)
    for call in (world.nodes.approve_measurement(ZERO32), world.nodes.revoke_measurement(ZERO32)):
        assert await world.refused(world.owner, call) == "WrongField(measurement)"


async def test_unknown_nodes_are_refused(world: World):
    with pytest.raises(RevertedError) as caught:
        await world.registry.get_node(NODE_ID)
    assert caught.value.reason.startswith("UnknownNode(")
    assert not await world.registry.was_valid_at(NODE_ID, START * 1000)
    for call in (world.nodes.retire(NODE_ID), world.nodes.revoke_key(NODE_ID)):
        assert (await world.refused(world.owner, call)).startswith("UnknownNode(")


# --- lists and ownership ---


async def test_pages_and_open_lists(world: World):
    nodes = [key(f"node {number}") for number in range(5)]
    ids = [await world.register(node) for node in nodes]
    assert [n.node_id for n in await world.registry.list_nodes(NodeKind.LLM_PROXY)] == ids
    page = await world.read("nodesByKind", 0, 3, 10)
    assert [info["nodeId"] for info in page] == ids[3:]
    assert await world.read("nodesByKind", 0, 5, 10) == []
    assert await world.read("nodesByKind", 0, 99, 10) == []
    for index in (1, 4):
        await world.operator.execute(world.nodes.retire(ids[index]))
    await world.owner.execute(world.nodes.revoke_key(ids[0]))
    assert await world.read("countByKind", 0) == (5, 2)
    open_ids = {info["nodeId"] for info in await world.read("openNodesByKind", 0, 0, 10)}
    assert open_ids == {ids[2], ids[3]}
    assert [n.node_id for n in await world.registry.list_nodes(NodeKind.LLM_PROXY)] == ids
    active = await world.registry.list_active_nodes(NodeKind.LLM_PROXY, now_ms=START * 1000)
    assert {node.node_id for node in active} == {ids[2], ids[3]}


async def test_ownership_takes_two_steps(world: World):
    offer = world.nodes._call("transferOwnership", OPERATOR.public_key.address)
    accept = world.nodes._call("acceptOwnership")
    assert (await world.refused(world.operator, offer)).startswith("NotOwner(")
    await world.owner.execute(offer)
    assert (await world.refused(world.stranger, accept)).startswith("NotPendingOwner(")
    await world.operator.execute(accept)
    approve = world.nodes.approve_measurement(sha256(b"x"))
    assert (await world.refused(world.owner, approve)).startswith("NotOwner(")
    await world.operator.execute(approve)
    assert (await world.refused(world.operator, accept)).startswith("NotPendingOwner(")


async def test_the_domain_is_the_contracts(world: World):
    domain: RegistryDomain = world.registry.domain
    assert domain == world.deployment.registry_domain
    separator = await world.read("domainSeparator")
    from opengradient.core.digests import keccak256

    assert domain.digest(ZERO32) == keccak256(b"\x19\x01" + separator + ZERO32)
