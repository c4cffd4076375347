"""What a node signs for the registry: EIP-712 structs in the registry's own domain.

Signing them shows possession of the node's key; a nonce or a counter lets each be used once.
The Solidity side is contracts/src/NodeMessages.sol.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, final

from opengradient.chain.values import NodeKind, OhttpConfig
from opengradient.core.digests import ZERO32, keccak256
from opengradient.core.keys import PublicKey
from opengradient.errors import ConfigurationError

REGISTRY_DOMAIN_NAME: Final = "OpenGradient NodeRegistry"
REGISTRY_DOMAIN_VERSION: Final = "1"

_DOMAIN_TYPE: Final = (
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_OHTTP_TYPE: Final = (
    "OhttpConfig(uint8 keyId,uint16 kemId,uint16 kdfId,uint16 aeadId,bytes publicKey,"
    "bytes keyConfig)"
)
_REGISTRATION_TYPE: Final = (
    "NodeRegistration(address owner,address payee,uint8 kind,string endpoint,"
    "bytes signingPublicKey,bytes32 keysetDigest,bytes32 evidenceDigest,bytes32 evidenceBlobId,"
    "bytes32 measurement,bytes legacyPublicKey,bytes tlsCertificate,OhttpConfig ohttpConfig,"
    "uint64 validFrom,uint256 nonce)" + _OHTTP_TYPE
)
_EVIDENCE_TYPE: Final = (
    "NodeEvidence(bytes32 nodeId,bytes32 keysetDigest,bytes32 evidenceDigest,"
    "bytes32 evidenceBlobId,bytes tlsCertificate,OhttpConfig ohttpConfig,uint64 counter)"
    + _OHTTP_TYPE
)
_ENDPOINT_TYPE: Final = "NodeEndpoint(bytes32 nodeId,string endpoint,address payee,uint64 counter)"
_HEARTBEAT_TYPE: Final = "NodeHeartbeat(bytes32 nodeId,uint64 counter,uint64 timestamp)"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryDomain:
    """The registry that a message is for.

    Attributes:
        chain_id: EIP-155 id.
        registry: 20-byte address of the NodeRegistry contract.
    """

    chain_id: int
    registry: bytes

    def digest(self, struct_hash: bytes) -> bytes:
        """The 32 bytes to sign: ``keccak256(0x1901 || domain || struct)``."""
        name, version = REGISTRY_DOMAIN_NAME.encode(), REGISTRY_DOMAIN_VERSION.encode()
        separator = _hash(
            _DOMAIN_TYPE, keccak256(name), keccak256(version), self.chain_id, self.registry
        )
        return keccak256(b"\x19\x01" + separator + struct_hash)


def _word(value: bytes | int) -> bytes:
    data = value.to_bytes(32) if isinstance(value, int) else value.rjust(32, b"\0")
    if len(data) != 32:
        raise ConfigurationError("a word of a registry message has at most 32 bytes")
    return data


def _hash(type_string: str, *words: bytes | int) -> bytes:
    return keccak256(keccak256(type_string.encode()) + b"".join(map(_word, words)))


def _ohttp_hash(config: OhttpConfig) -> bytes:
    ids = (config.key_id, config.kem_id, config.kdf_id, config.aead_id)
    return _hash(_OHTTP_TYPE, *ids, keccak256(config.public_key), keccak256(config.key_config))


def _ohttp_members(config: OhttpConfig) -> Mapping[str, Any]:
    return {
        "keyId": config.key_id,
        "kemId": config.kem_id,
        "kdfId": config.kdf_id,
        "aeadId": config.aead_id,
        "publicKey": config.public_key,
        "keyConfig": config.key_config,
    }


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A node's entry as it signs it.

    Attributes:
        owner: 20-byte address that sends the registration and may retire the node.
        payee: 20-byte address that is paid.
        kind: What the node does.
        endpoint: Its URL, at most 256 bytes.
        public_key: Its signing key.
        keyset_digest: Digest of its keyset, 32 bytes.
        evidence_digest: Digest of its evidence, 32 bytes.
        evidence_blob_id: Where the evidence is stored, 32 bytes.
        measurement: What code it runs, 32 bytes; zero where it claims no enclave.
        valid_from: Unix seconds from which its receipts count; at most an hour before the block.
        nonce: The registry's `registrationNonce(owner)`.
        legacy_public_key: RSA SPKI DER for the public network's clients.
        tls_certificate: DER.
        ohttp: Its OHTTP key.
    """

    owner: bytes
    payee: bytes
    kind: NodeKind
    endpoint: str
    public_key: PublicKey
    keyset_digest: bytes
    evidence_digest: bytes
    evidence_blob_id: bytes = ZERO32
    measurement: bytes = ZERO32
    valid_from: int
    nonce: int
    legacy_public_key: bytes = b""
    tls_certificate: bytes = b""
    ohttp: OhttpConfig = field(default_factory=OhttpConfig)

    def struct_hash(self) -> bytes:
        """The EIP-712 hash of the struct."""
        return _hash(
            _REGISTRATION_TYPE,
            self.owner,
            self.payee,
            int(self.kind),
            keccak256(self.endpoint.encode()),
            keccak256(uncompressed(self.public_key)),
            self.keyset_digest,
            self.evidence_digest,
            self.evidence_blob_id,
            self.measurement,
            keccak256(self.legacy_public_key),
            keccak256(self.tls_certificate),
            _ohttp_hash(self.ohttp),
            self.valid_from,
            self.nonce,
        )

    def members(self) -> Mapping[str, Any]:
        """The struct as calldata takes it."""
        return {
            "owner": self.owner,
            "payee": self.payee,
            "kind": int(self.kind),
            "endpoint": self.endpoint,
            "signingPublicKey": uncompressed(self.public_key),
            "keysetDigest": self.keyset_digest,
            "evidenceDigest": self.evidence_digest,
            "evidenceBlobId": self.evidence_blob_id,
            "measurement": self.measurement,
            "legacyPublicKey": self.legacy_public_key,
            "tlsCertificate": self.tls_certificate,
            "ohttpConfig": _ohttp_members(self.ohttp),
            "validFrom": self.valid_from,
            "nonce": self.nonce,
        }


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceUpdate:
    """New evidence for the same key. `counter` is above the node's `update_counter`."""

    node_id: bytes
    keyset_digest: bytes
    evidence_digest: bytes
    evidence_blob_id: bytes = ZERO32
    tls_certificate: bytes = b""
    ohttp: OhttpConfig = field(default_factory=OhttpConfig)
    counter: int

    def struct_hash(self) -> bytes:
        """The EIP-712 hash of the struct."""
        return _hash(
            _EVIDENCE_TYPE,
            self.node_id,
            self.keyset_digest,
            self.evidence_digest,
            self.evidence_blob_id,
            keccak256(self.tls_certificate),
            _ohttp_hash(self.ohttp),
            self.counter,
        )

    def members(self) -> Mapping[str, Any]:
        """The struct as calldata takes it."""
        return {
            "nodeId": self.node_id,
            "keysetDigest": self.keyset_digest,
            "evidenceDigest": self.evidence_digest,
            "evidenceBlobId": self.evidence_blob_id,
            "tlsCertificate": self.tls_certificate,
            "ohttpConfig": _ohttp_members(self.ohttp),
            "counter": self.counter,
        }


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointUpdate:
    """A new URL and payee. `counter` is above the node's `update_counter`."""

    node_id: bytes
    endpoint: str
    payee: bytes
    counter: int

    def struct_hash(self) -> bytes:
        """The EIP-712 hash of the struct."""
        endpoint = keccak256(self.endpoint.encode())
        return _hash(_ENDPOINT_TYPE, self.node_id, endpoint, self.payee, self.counter)

    def members(self) -> Mapping[str, Any]:
        """The struct as calldata takes it."""
        return {
            "nodeId": self.node_id,
            "endpoint": self.endpoint,
            "payee": self.payee,
            "counter": self.counter,
        }


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """A sign of life at `timestamp` (unix seconds). `counter` is above the last one's."""

    node_id: bytes
    counter: int
    timestamp: int

    def struct_hash(self) -> bytes:
        """The EIP-712 hash of the struct."""
        return _hash(_HEARTBEAT_TYPE, self.node_id, self.counter, self.timestamp)


def uncompressed(key: PublicKey) -> bytes:
    """A public key as the registry keeps it: 64 bytes, so that the contract can hash it."""
    import coincurve  # noqa: PLC0415

    return coincurve.PublicKey(key.compressed).format(compressed=False)[1:]
