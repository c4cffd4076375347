"""The public network's readers work against our registry: with the long struct and the short one."""

from eth_abi.abi import decode

from opengradient.chain.messages import Heartbeat
from opengradient.chain.values import NodeKind, OhttpConfig
from opengradient.core.digests import ZERO32, keccak256
from tests.unit.chain.world import MEASUREMENT, OPERATOR, START, World, key

NODE, OTHER, PLAIN = key("node"), key("other"), key("plain")
RSA, OTHER_RSA = b"rsa spki der", b"another rsa key"
TEE = keccak256(RSA)
OHTTP = OhttpConfig(
    key_id=1, kem_id=0x20, kdf_id=1, aead_id=3, public_key=b"\x05" * 32, key_config=b"\x06" * 41
)
SHORT = "address,address,string,bytes,bytes,bytes32,uint8,bool,uint256,uint256"
LONG = f"{SHORT},(uint8,uint16,uint16,uint16,bytes,bytes,uint256)"


async def raw(world: World, signature: str, *words: bytes) -> bytes:
    data = keccak256(signature.encode())[:4] + b"".join(words)
    return await world.rpc.call(world.registry.address, data)


async def ids(world: World, function: str, kind: int = 0) -> tuple[bytes, ...]:
    return decode(["bytes32[]"], await raw(world, f"{function}(uint8)", kind.to_bytes(32)))[0]


async def flag(world: World, function: str, tee: bytes = TEE) -> bool:
    return decode(["bool"], await raw(world, f"{function}(bytes32)", tee))[0]


async def test_both_structs_decode(world: World):
    await world.register(NODE, legacy_public_key=RSA, tls_certificate=b"der", ohttp=OHTTP)
    await world.register(PLAIN)
    node = world.registration(NODE)
    expected = (
        f"0x{OPERATOR.public_key.address.hex()}",
        f"0x{node.payee.hex()}",
        node.endpoint,
        RSA,
        b"der",
        MEASUREMENT,
        0,
        True,
        START,
        START,
    )
    config = (1, 0x20, 1, 3, b"\x05" * 32, b"\x06" * 41, START)
    one = await raw(world, "getTEE(bytes32)", TEE)
    assert decode([f"({LONG})"], one)[0] == (*expected, config)
    assert decode([f"({SHORT})"], one)[0] == expected
    many = await raw(world, "getActiveTEEs(uint8)", ZERO32)
    assert decode([f"({LONG})[]"], many)[0] == ((*expected, config),)
    assert decode([f"({SHORT})[]"], many)[0] == (expected,)
    assert decode(["bytes"], await raw(world, "getTEEPublicKey(bytes32)", TEE))[0] == RSA


async def test_ids_are_of_nodes_with_a_legacy_key(world: World):
    await world.register(NODE, legacy_public_key=RSA)
    await world.register(PLAIN)
    await world.register(OTHER, legacy_public_key=OTHER_RSA, kind=NodeKind.FULL)
    for function in ("getTEEsByType", "getEnabledTEEs"):
        assert await ids(world, function) == (TEE,)
        assert await ids(world, function, 1) == (keccak256(OTHER_RSA),)
        assert await ids(world, function, 2) == ()
    _, no_key = None, await raw(world, "getTEE(bytes32)", keccak256(OTHER_RSA))
    config = decode([f"({LONG})"], no_key)[0][-1]
    assert config == (0, 0, 0, 0, b"", b"", 0)


async def test_active_is_narrower_than_enabled_and_enabled_than_open(world: World):
    await world.register(NODE, legacy_public_key=RSA)
    assert await flag(world, "isTEEActive")
    assert await flag(world, "isTEEEnabled")
    world.clock.now += 1801
    assert not await flag(world, "isTEEActive")
    assert await flag(world, "isTEEEnabled")
    many = await raw(world, "getActiveTEEs(uint8)", ZERO32)
    assert decode([f"({LONG})[]"], many)[0] == ()
    beat = Heartbeat(node_id=NODE.public_key.node_id, counter=1, timestamp=world.clock.now)
    await world.stranger.execute(world.nodes.heartbeat(beat, NODE))
    assert await flag(world, "isTEEActive")
    await world.owner.execute(world.nodes.revoke_measurement(MEASUREMENT))
    assert not await flag(world, "isTEEActive")
    assert not await flag(world, "isTEEEnabled")
    assert await ids(world, "getTEEsByType") == (TEE,)
    assert await ids(world, "getEnabledTEEs") == ()
    await world.operator.execute(world.nodes.revoke_key(NODE.public_key.node_id))
    assert await ids(world, "getTEEsByType") == ()
    closed = decode([f"({LONG})"], await raw(world, "getTEE(bytes32)", TEE))[0]
    assert closed[7] is False


async def test_unknown_ids(world: World):
    assert not await flag(world, "isTEEActive")
    assert not await flag(world, "isTEEEnabled")


async def test_a_legacy_key_belongs_to_one_open_node(world: World):
    await world.register(NODE, legacy_public_key=RSA)
    entry = world.registration(OTHER, legacy_public_key=RSA, nonce=1)
    call = world.nodes.register(entry, OTHER)
    assert (await world.refused(world.operator, call)).startswith("LegacyKeyTaken(")
    await world.owner.execute(world.nodes.revoke_key(NODE.public_key.node_id))
    await world.operator.execute(call)
    assert await world.read("nodeIdOfTee", TEE) == OTHER.public_key.node_id
    assert await ids(world, "getTEEsByType") == (TEE,)


async def test_lists_end_at_the_limit(world: World):
    """A list cannot outgrow a call; our own readers page instead."""
    limit = await world.read("LEGACY_LIMIT")
    assert limit == 100
    await world.rpc.request("evm_setAutomine", False)
    nonce = await world.rpc.nonce(OPERATOR.public_key.address)
    from opengradient.chain.transactions import Transaction

    for number in range(limit + 1):
        node = key(f"many {number}")
        entry = world.registration(node, legacy_public_key=b"rsa%d" % number, nonce=number)
        call = world.nodes.register(entry, node)
        signed = Transaction(
            chain_id=31337,
            nonce=nonce + number,
            max_priority_fee=1,
            max_fee=10**10,
            gas=800_000,
            to=call.to,
            data=call.data,
        ).sign(OPERATOR)
        await world.rpc.send_raw(signed.raw)
    while await world.rpc.nonce(OPERATOR.public_key.address) < nonce + limit + 1:
        await world.rpc.request("evm_mine")
    assert len(await ids(world, "getTEEsByType")) == limit
    nodes = await world.registry.list_active_nodes(NodeKind.LLM_PROXY, now_ms=START * 1000)
    assert len(nodes) == limit + 1
