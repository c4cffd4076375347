// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// An OHTTP key configuration (RFC 9458, 3.1). All zero and empty where the node has none.
struct OhttpConfig {
    uint8 keyId;
    uint16 kemId;
    uint16 kdfId;
    uint16 aeadId;
    bytes publicKey;
    bytes keyConfig;
}

/// What a node signs with its own key when it registers. `nonce` is `registrationNonce(owner)`.
struct Registration {
    address owner;
    address payee;
    uint8 kind;
    string endpoint;
    bytes signingPublicKey;
    bytes32 keysetDigest;
    bytes32 evidenceDigest;
    bytes32 evidenceBlobId;
    bytes32 measurement;
    bytes legacyPublicKey;
    bytes tlsCertificate;
    OhttpConfig ohttpConfig;
    uint64 validFrom;
    uint256 nonce;
}

/// New evidence for the same key: the measurement cannot change, because the key was born under it.
struct EvidenceUpdate {
    bytes32 nodeId;
    bytes32 keysetDigest;
    bytes32 evidenceDigest;
    bytes32 evidenceBlobId;
    bytes tlsCertificate;
    OhttpConfig ohttpConfig;
    uint64 counter;
}

/// A new address for the same key.
struct EndpointUpdate {
    bytes32 nodeId;
    string endpoint;
    address payee;
    uint64 counter;
}

/// Why a node is or is not to be used now.
enum NodeStatus {
    Unknown,
    Active,
    Silent,
    MeasurementRevoked,
    Retired,
    KeyRevoked
}

/// Where a measurement stands. Revocation is final.
enum MeasurementStatus {
    Unknown,
    Approved,
    Revoked
}

/// What readers get. Times are unix seconds; `validUntil` 0 = open.
struct NodeInfo {
    bytes32 nodeId;
    address owner;
    address payee;
    uint8 kind;
    string endpoint;
    bytes signingPublicKey;
    bytes32 keysetDigest;
    bytes32 evidenceDigest;
    bytes32 evidenceBlobId;
    bytes32 measurement;
    bytes legacyPublicKey;
    bytes tlsCertificate;
    uint64 registeredAt;
    uint64 validFrom;
    uint64 validUntil;
    uint64 lastHeartbeatAt;
    uint64 heartbeatSequence;
    uint64 updateCounter;
    NodeStatus status;
    OhttpConfig ohttpConfig;
}

/// How a node is kept. The four words that heartbeats and closings touch lie together.
struct Node {
    address owner;
    uint8 kind;
    uint64 registeredAt;
    address payee;
    uint64 validFrom;
    uint64 retiredAt;
    uint64 revokedAt;
    uint64 lastHeartbeatAt;
    uint64 heartbeatSequence;
    uint64 updateCounter;
    bytes32 keysetDigest;
    bytes32 evidenceDigest;
    bytes32 evidenceBlobId;
    bytes32 measurement;
    string endpoint;
    bytes signingPublicKey;
    bytes legacyPublicKey;
    bytes tlsCertificate;
    OhttpConfig ohttpConfig;
}
