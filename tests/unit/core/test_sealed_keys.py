"""Sealed provider keys: what they are bound to, and that they have one spelling."""

from dataclasses import replace

import pytest

from opengradient.core.canonical import canonical_json, parse_json_object
from opengradient.core.keys import MemorySigner
from opengradient.core.receipts import ReceiptDomain
from opengradient.core.sealed_keys import KeysHeader, ProviderKeys, SealedKeys
from opengradient.errors import OpenGradientError
from opengradient.wire.sealed_keys import decode_sealed_keys, encode_sealed_keys

DOMAIN = ReceiptDomain(chain_id=7, settlement_contract=b"s" * 20)
HEADER = KeysHeader(
    node_id=b"n" * 32,
    evidence_digest=b"e" * 32,
    config_digest=b"c" * 32,
    key_id=3,
    sequence=4,
    expires_at_ms=5,
)
OPERATOR = MemorySigner(b"\1" * 32)


def sealed() -> SealedKeys:
    enc, ciphertext = b"k" * 32, b"x" * 40
    return SealedKeys(
        header=HEADER,
        enc=enc,
        ciphertext=ciphertext,
        signature=OPERATOR.sign(HEADER.signing_digest(DOMAIN, enc + ciphertext)),
    )


def code(caught: "pytest.ExceptionInfo[OpenGradientError]") -> str:
    return caught.value.code


def test_the_signature_is_eip_712_as_wallets_make_it() -> None:
    eth_account = pytest.importorskip("eth_account", reason="needs the extra chain")
    message = eth_account.messages.encode_typed_data(
        full_message={
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                "SealedKeys": [
                    {"name": "nodeId", "type": "bytes32"},
                    {"name": "evidenceDigest", "type": "bytes32"},
                    {"name": "configDigest", "type": "bytes32"},
                    {"name": "keyId", "type": "uint8"},
                    {"name": "sequence", "type": "uint64"},
                    {"name": "expiresAt", "type": "uint64"},
                    {"name": "sealedHash", "type": "bytes32"},
                ],
            },
            "primaryType": "SealedKeys",
            "domain": {
                "name": "OpenGradient Provider Keys",
                "version": "1",
                "chainId": 7,
                "verifyingContract": "0x" + (b"s" * 20).hex(),
            },
            "message": {
                "nodeId": b"n" * 32,
                "evidenceDigest": b"e" * 32,
                "configDigest": b"c" * 32,
                "keyId": 3,
                "sequence": 4,
                "expiresAt": 5,
                "sealedHash": __import__("eth_utils").keccak(b"k" * 32 + b"x" * 40),
            },
        }
    )
    recovered = eth_account.Account.recover_message(message, signature=sealed().signature.encode())
    assert bytes.fromhex(recovered[2:]) == OPERATOR.public_key.address


def test_signer_and_every_word_that_it_signed() -> None:
    whole = sealed()
    assert whole.signer(DOMAIN) == OPERATOR.public_key.address
    others = [
        replace(whole, header=replace(HEADER, **{name: value}))
        for name, value in {
            "node_id": bytes(32),
            "evidence_digest": bytes(32),
            "config_digest": bytes(32),
            "key_id": 4,
            "sequence": 5,
            "expires_at_ms": 6,
        }.items()
    ]
    others += [replace(whole, enc=bytes(32)), replace(whole, ciphertext=bytes(40))]
    assert all(other.signer(DOMAIN) != OPERATOR.public_key.address for other in others)
    assert whole.signer(replace(DOMAIN, chain_id=8)) != OPERATOR.public_key.address
    infos = {other.header.info() for other in others[:6]} | {HEADER.info()}
    assert len(infos) == 7


def test_info_is_as_the_specification_lays_it_out() -> None:
    """docs/spec/sealed-keys.md, clause 3.2."""
    assert HEADER.info() == (
        b"opengradient/provider-keys/v1\0"
        + b"n" * 32
        + b"e" * 32
        + b"c" * 32
        + b"\x03"
        + b"\0\0\0\0\0\0\0\x04"
        + b"\0\0\0\0\0\0\0\x05"
    )


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({"key_id": 0, "sequence": 0, "expires_at_ms": 0}, True),
        ({"key_id": 255, "sequence": 2**53 - 1, "expires_at_ms": 2**53 - 1}, True),
        ({"sequence": 2**53}, False),
        ({"expires_at_ms": 2**53}, False),
        ({"sequence": -1}, False),
        ({"expires_at_ms": -1}, False),
        ({"key_id": -1}, False),
        ({"node_id": bytes(31)}, False),
        ({"config_digest": b""}, False),
    ],
)
def test_words_in_range(change: dict[str, object], fits: bool) -> None:
    if fits:
        assert replace(HEADER, **change)
        return
    with pytest.raises(OpenGradientError) as caught:
        replace(HEADER, **change)
    assert code(caught) == "keys.malformed"


def test_a_ciphertext_has_more_than_its_tag() -> None:
    assert replace(sealed(), ciphertext=bytes(17))
    for size in (16, 64 * 1024 + 1):
        with pytest.raises(OpenGradientError) as caught:
            replace(sealed(), ciphertext=bytes(size))
        assert code(caught) == "keys.malformed"


def test_a_body_that_is_too_large() -> None:
    data = encode_sealed_keys(sealed())
    with pytest.raises(OpenGradientError) as caught:
        decode_sealed_keys(data + b" " * (128 * 1024 + 1 - len(data)))
    assert code(caught) == "format.too_large"


def test_keys_have_one_spelling_and_one_length() -> None:
    keys = ProviderKeys({"openai": "sk-1", "anthropic": "k" * 200})
    assert len(keys.encode()) == 1024
    assert ProviderKeys.parse(keys.encode()) == keys
    assert "sk-1" not in repr(keys)
    for other in (keys.encode() + b" ", keys.encode().rstrip(), b" " + keys.encode()[:-1]):
        with pytest.raises(OpenGradientError) as caught:
            ProviderKeys.parse(other)
        assert code(caught) == "keys.malformed"


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {"openai": 1},
        {"OpenAI": "k"},
        {"openai": "a b"},
        {"openai": ""},
        {"openai": "k" * 1025},
        {f"p{number}": "k" for number in range(17)},
    ],
)
def test_what_is_no_set_of_keys(value: object) -> None:
    with pytest.raises(OpenGradientError) as caught:
        ProviderKeys.of(value)
    assert code(caught) == "keys.malformed"


def test_plaintext_of_another_version() -> None:
    for value in ({"version": "x", "keys": {"a": "b"}}, {"keys": {"a": "b"}}):
        with pytest.raises(OpenGradientError) as caught:
            ProviderKeys.parse(canonical_json(value))
        assert code(caught) == "keys.malformed"


def test_wire() -> None:
    assert decode_sealed_keys(encode_sealed_keys(sealed())) == sealed()


@pytest.mark.parametrize(
    ("expected", "change"),
    [
        ("format.unsupported", {"version": "opengradient.sealed-keys/2"}),
        ("format.unknown_field", {"more": 1}),
        ("format.malformed", {"nodeId": "0x00"}),
        ("format.malformed", {"sequence": -1}),
        ("format.malformed", {"enc": "%"}),
        ("keys.malformed", {"keyId": 256}),
        ("keys.malformed", {"enc": "AAAA"}),
        ("keys.malformed", {"ciphertext": "AAAA"}),
        ("receipt.signature.malleable", {"signature": "0x" + "00" * 65}),
    ],
)
def test_wire_is_strict(expected: str, change: dict[str, object]) -> None:
    value = {**parse_json_object(encode_sealed_keys(sealed())), **change}
    with pytest.raises(OpenGradientError) as caught:
        decode_sealed_keys(canonical_json(value))
    assert code(caught) == expected
