"""Calldata by the committed artifacts."""

import pytest
from eth_abi.abi import encode

from opengradient.chain.abi import NODE_REGISTRY, SETTLEMENT, contract, decode_revert
from opengradient.core.digests import keccak256
from opengradient.errors import ChainError, ConfigurationError

SETTLE = contract(SETTLEMENT)


def test_selectors_are_of_the_public_names():
    registry = contract(NODE_REGISTRY)
    for abi, signature in (
        (registry, "getActiveTEEs(uint8)"),
        (registry, "getTEE(bytes32)"),
        (registry, "isTEEActive(bytes32)"),
        (SETTLE, "anchor(bytes32,uint32,bytes32)"),
        (SETTLE, "verifyInclusion(bytes32,bytes32,bytes32,bytes32,bytes32[])"),
    ):
        name = signature.partition("(")[0]
        assert abi.functions[name].selector == keccak256(signature.encode())[:4]


def test_code_is_within_the_limits_of_ethereum():
    for name in (NODE_REGISTRY, SETTLEMENT):
        assert 0 < len(contract(name).bytecode) < 49_152  # EIP-3860


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"\x01\x02", "0x0102"),
        (bytes.fromhex("08c379a0") + encode(["string"], ["too late"]), "too late"),
        (bytes.fromhex("4e487b71") + encode(["uint256"], [0x11]), "Panic(0x11)"),
        (keccak256(b"EmptyBatch()")[:4], "EmptyBatch()"),
        (
            keccak256(b"AlreadyAnchored(bytes32)")[:4] + b"\x07" * 32,
            f"AlreadyAnchored(0x{'07' * 32})",
        ),
        (keccak256(b"AlreadyAnchored(bytes32)")[:4] + b"\x07", "0x"),
        (keccak256(b"Unknown()")[:4], "0x" + keccak256(b"Unknown()")[:4].hex()),
    ],
)
def test_reverts_are_told(data: bytes, text: str):
    assert decode_revert(data, (SETTLE,)).startswith(text)


def test_wrong_arguments_are_the_callers_mistake():
    for args in ((b"\x01" * 32, 1), (b"\x01" * 33, 1, b"\x01" * 32), (b"\x01" * 32, -1, b"")):
        with pytest.raises(ConfigurationError):
            SETTLE.encode("anchor", *args)
    for ref in ((1, 2, 3), {"root": b""}):
        with pytest.raises(ConfigurationError):
            SETTLE.encode("challengeLeaf", ref, {})


def test_wrong_answers_are_the_ledgers():
    for data in (b"", b"\x01", (7).to_bytes(32)):
        with pytest.raises(ChainError) as caught:
            SETTLE.decode("isAnchored", data)
        assert caught.value.code == "chain.malformed"


def test_a_log_of_another_event_is_refused():
    event = SETTLE.events["BatchAnchored"]
    for topics in ([], [event.topic], [b"\x00" * 32, b"\x01" * 32, b"\x02" * 32]):
        with pytest.raises(ChainError):
            event.decode(topics, b"")
