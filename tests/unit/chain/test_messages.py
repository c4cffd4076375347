"""What nodes sign for the registry is standard EIP-712: eth-account signs the same bytes."""

from dataclasses import replace

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from opengradient.chain import messages
from opengradient.chain.messages import (
    EndpointUpdate,
    EvidenceUpdate,
    Heartbeat,
    Registration,
    RegistryDomain,
    uncompressed,
)
from opengradient.chain.values import NodeKind, OhttpConfig
from opengradient.core.digests import keccak256, sha256
from opengradient.core.keys import MemorySigner
from opengradient.errors import ConfigurationError

SECRET = sha256(b"node")
NODE = MemorySigner(SECRET)
DOMAIN = RegistryDomain(chain_id=84532, registry=b"\x12" * 20)
OHTTP = OhttpConfig(key_id=1, kem_id=32, kdf_id=1, aead_id=3, public_key=b"\x05", key_config=b"")
REGISTRATION = Registration(
    owner=b"\x01" * 20,
    payee=b"\x02" * 20,
    kind=NodeKind.RELAY,
    endpoint="https://ünïcode.example",
    public_key=NODE.public_key,
    keyset_digest=sha256(b"1"),
    evidence_digest=sha256(b"2"),
    evidence_blob_id=sha256(b"3"),
    measurement=sha256(b"4"),
    valid_from=1_790_000_000,
    nonce=2**70,
    legacy_public_key=b"rsa",
    tls_certificate=b"der",
    ohttp=OHTTP,
)
NODE_ID = NODE.public_key.node_id
EVIDENCE = EvidenceUpdate(
    node_id=NODE_ID,
    keyset_digest=sha256(b"5"),
    evidence_digest=sha256(b"6"),
    ohttp=OHTTP,
    counter=9,
)
ENDPOINT = EndpointUpdate(node_id=NODE_ID, endpoint="https://x", payee=b"\x03" * 20, counter=3)
HEARTBEAT = Heartbeat(node_id=NODE_ID, counter=4, timestamp=1_790_000_001)


def typed_data(type_string: str, members: dict) -> dict:
    """Read an EIP-712 type string into what eth-account takes."""
    types = {}
    for part in type_string.replace(")", ")\n").splitlines():
        name, _, fields = part.partition("(")
        types[name] = [
            dict(zip(("type", "name"), field.split(" "), strict=True))
            for field in fields.rstrip(")").split(",")
        ]
    domain = {"name": "string", "version": "string", "chainId": "uint256"}
    types["EIP712Domain"] = [
        {"name": name, "type": kind}
        for name, kind in (domain | {"verifyingContract": "address"}).items()
    ]
    return {
        "types": types,
        "primaryType": type_string.partition("(")[0],
        "domain": {
            "name": "OpenGradient NodeRegistry",
            "version": "1",
            "chainId": DOMAIN.chain_id,
            "verifyingContract": "0x" + DOMAIN.registry.hex(),
        },
        "message": {
            name: "0x" + value.hex() if isinstance(value, bytes) and len(value) == 20 else value
            for name, value in members.items()
        },
    }


@pytest.mark.parametrize(
    ("type_string", "message", "members"),
    [
        (messages._REGISTRATION_TYPE, REGISTRATION, REGISTRATION.members()),
        (messages._EVIDENCE_TYPE, EVIDENCE, EVIDENCE.members()),
        (messages._ENDPOINT_TYPE, ENDPOINT, ENDPOINT.members()),
        (
            messages._HEARTBEAT_TYPE,
            HEARTBEAT,
            {"nodeId": NODE_ID, "counter": 4, "timestamp": 1_790_000_001},
        ),
    ],
    ids=["registration", "evidence", "endpoint", "heartbeat"],
)
def test_eth_account_signs_the_same(type_string, message, members):
    signable = encode_typed_data(full_message=typed_data(type_string, dict(members)))
    theirs = Account.sign_message(signable, SECRET)
    ours = NODE.sign(DOMAIN.digest(message.struct_hash()))
    assert ours.encode() == bytes(theirs.signature)


def test_the_registry_hashes_the_uncompressed_key():
    assert keccak256(uncompressed(NODE.public_key)) == NODE_ID


def test_a_word_has_32_bytes():
    with pytest.raises(ConfigurationError):
        replace(REGISTRATION, keyset_digest=bytes(33)).struct_hash()
