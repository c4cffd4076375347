// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CompactSignature} from "./CompactSignature.sol";
import {LegacyReader} from "./LegacyReader.sol";
import {NodeMessages} from "./NodeMessages.sol";
import {NodeStore} from "./NodeStore.sol";
import {EndpointUpdate, EvidenceUpdate, MeasurementStatus, Node, OhttpConfig, Registration} from "./NodeTypes.sol";

/// @title The registry of nodes: discovery and history. It is not the trust root: clients check evidence themselves.
/// @notice Registration is open to everyone under an approved measurement. What a node says about itself it signs with
/// its own key; nothing that it signed can be used twice. Closing a key (retire, revoke) is final and keeps its past.
contract NodeRegistry is LegacyReader {
    uint256 private constant MAX_KIND = 6;
    uint256 private constant MAX_ENDPOINT = 256;
    uint256 private constant MAX_DER = 8192;
    uint256 private constant MAX_OHTTP = 512;

    /// How long before the block a registration may place the start of its key's validity.
    uint256 public constant MAX_BACKDATE = 1 hours;
    /// How far a node's clock may be ahead of the block's.
    uint256 public constant MAX_CLOCK_SKEW = 60;

    event NodeRegistered(
        bytes32 indexed nodeId, address indexed owner, uint8 indexed kind, bytes32 measurement, bytes32 evidenceDigest
    );
    event EvidenceRotated(
        bytes32 indexed nodeId, bytes32 evidenceDigest, bytes32 evidenceBlobId, bytes32 keysetDigest, uint64 counter
    );
    event EndpointUpdated(bytes32 indexed nodeId, string endpoint, address payee, uint64 counter);
    event Heartbeat(bytes32 indexed nodeId, uint64 counter, uint64 timestamp);
    event NodeRetired(bytes32 indexed nodeId);
    event KeyRevoked(bytes32 indexed nodeId, address indexed by);
    event MeasurementApproved(bytes32 indexed measurement);
    event MeasurementRevoked(bytes32 indexed measurement);

    error NotNodeOwner(address caller);
    error NotNodeOwnerOrGovernance(address caller);
    error AlreadyRegistered(bytes32 nodeId);
    error NodeClosed(bytes32 nodeId);
    error WrongSignature();
    error WrongNonce(uint256 expected);
    error WrongCounter(uint64 last);
    error WrongTime(uint64 timestamp);
    error WrongKey();
    error WrongField(string field);
    error LegacyKeyTaken(bytes32 teeId);
    error MeasurementNotApproved(bytes32 measurement);
    error MeasurementIsRevoked(bytes32 measurement);

    constructor(address governance) NodeStore(governance) {}

    // --- what nodes do ---

    /// @notice Registers a node. Sent by its owner; (r, vs) is the node's own signature, which shows possession.
    /// `signingPublicKey` is the uncompressed secp256k1 point without its 0x04 prefix: 64 bytes.
    function register(Registration calldata m, bytes32 r, bytes32 vs) external returns (bytes32 nodeId) {
        if (msg.sender != m.owner) revert NotNodeOwner(msg.sender);
        if (m.signingPublicKey.length != 64) revert WrongKey();
        nodeId = keccak256(m.signingPublicKey);
        if (_nodes[nodeId].registeredAt != 0) revert AlreadyRegistered(nodeId);
        uint256 nonce = registrationNonce[m.owner]++;
        if (m.nonce != nonce) revert WrongNonce(nonce);
        if (!_measurementAllowed(m.kind, m.measurement)) revert MeasurementNotApproved(m.measurement);
        _checkFields(m);
        _checkSignature(nodeId, NodeMessages.hash(m), r, vs);
        _store(nodeId, m);
        _enlist(nodeId, m.kind);
        _claimLegacyKey(nodeId, m.legacyPublicKey);
        emit NodeRegistered(nodeId, m.owner, m.kind, m.measurement, m.evidenceDigest);
    }

    /// @notice Replaces a node's evidence, certificate and OHTTP key. Signed by the node; anyone may relay it.
    function rotateEvidence(EvidenceUpdate calldata m, bytes32 r, bytes32 vs) external {
        Node storage node = _open(m.nodeId);
        if (m.tlsCertificate.length > MAX_DER) revert WrongField("tlsCertificate");
        _checkOhttp(m.ohttpConfig);
        _checkSignature(m.nodeId, NodeMessages.hash(m), r, vs);
        _advance(node, m.counter);
        node.keysetDigest = m.keysetDigest;
        node.evidenceBlobId = m.evidenceBlobId;
        node.tlsCertificate = m.tlsCertificate;
        node.ohttpConfig = m.ohttpConfig;
        _setEvidence(m.nodeId, node, m.evidenceDigest);
        emit EvidenceRotated(m.nodeId, m.evidenceDigest, m.evidenceBlobId, m.keysetDigest, m.counter);
    }

    /// @notice Changes a node's endpoint and payee. Signed by the node; anyone may relay it.
    function updateEndpoint(EndpointUpdate calldata m, bytes32 r, bytes32 vs) external {
        Node storage node = _open(m.nodeId);
        _checkEndpoint(m.endpoint);
        if (m.payee == address(0)) revert WrongField("payee");
        _checkSignature(m.nodeId, NodeMessages.hash(m), r, vs);
        _advance(node, m.counter);
        node.endpoint = m.endpoint;
        node.payee = m.payee;
        emit EndpointUpdated(m.nodeId, m.endpoint, m.payee, m.counter);
    }

    /// @notice Says that a node was alive at `timestamp` (unix seconds). Signed by the node; anyone may relay it.
    /// The signed time counts, not the block's: a late relay makes no node look fresher than it was.
    function heartbeat(bytes32 nodeId, uint64 counter, uint64 timestamp, bytes32 r, bytes32 vs) external {
        Node storage node = _open(nodeId);
        if (counter <= node.heartbeatSequence) revert WrongCounter(node.heartbeatSequence);
        if (timestamp < node.lastHeartbeatAt || timestamp > block.timestamp + MAX_CLOCK_SKEW) {
            revert WrongTime(timestamp);
        }
        _checkSignature(nodeId, NodeMessages.heartbeatHash(nodeId, counter, timestamp), r, vs);
        node.heartbeatSequence = counter;
        node.lastHeartbeatAt = timestamp;
        emit Heartbeat(nodeId, counter, timestamp);
    }

    // --- closing: final ---

    /// @notice Ends a node's service. What it signed before stays valid.
    function retire(bytes32 nodeId) external {
        Node storage node = _open(nodeId);
        if (msg.sender != node.owner) revert NotNodeOwner(msg.sender);
        node.retiredAt = uint64(block.timestamp);
        _delist(nodeId, node.kind);
        emit NodeRetired(nodeId);
    }

    /// @notice Revokes a key, also one that was retired. By its owner or by governance; nobody can undo it.
    function revokeKey(bytes32 nodeId) external {
        Node storage node = _known(nodeId);
        if (msg.sender != node.owner && msg.sender != owner) revert NotNodeOwnerOrGovernance(msg.sender);
        if (node.revokedAt != 0) revert NodeClosed(nodeId);
        node.revokedAt = uint64(block.timestamp);
        if (node.retiredAt == 0) _delist(nodeId, node.kind);
        emit KeyRevoked(nodeId, msg.sender);
    }

    // --- governance ---

    /// @notice Admits nodes that run `measurement`.
    function approveMeasurement(bytes32 measurement) external onlyOwner {
        if (measurement == 0) revert WrongField("measurement");
        if (measurementStatus[measurement] == MeasurementStatus.Revoked) revert MeasurementIsRevoked(measurement);
        measurementStatus[measurement] = MeasurementStatus.Approved;
        emit MeasurementApproved(measurement);
    }

    /// @notice Closes every node that runs `measurement`, in one write: readers check it.
    function revokeMeasurement(bytes32 measurement) external onlyOwner {
        if (measurement == 0) revert WrongField("measurement");
        if (measurementStatus[measurement] == MeasurementStatus.Revoked) revert MeasurementIsRevoked(measurement);
        measurementStatus[measurement] = MeasurementStatus.Revoked;
        measurementRevokedAt[measurement] = uint64(block.timestamp);
        emit MeasurementRevoked(measurement);
    }

    // --- parts ---

    /// An enclave kind needs an approved measurement; other kinds may claim none.
    function _measurementAllowed(uint8 kind, bytes32 measurement) private view returns (bool) {
        if (measurement == 0) return kind != KIND_LLM_PROXY && kind != KIND_LOCAL_INFERENCE;
        return measurementStatus[measurement] == MeasurementStatus.Approved;
    }

    function _checkFields(Registration calldata m) private view {
        if (m.kind > MAX_KIND) revert WrongField("kind");
        if (m.payee == address(0)) revert WrongField("payee");
        _checkEndpoint(m.endpoint);
        if (m.legacyPublicKey.length > MAX_DER) revert WrongField("legacyPublicKey");
        if (m.tlsCertificate.length > MAX_DER) revert WrongField("tlsCertificate");
        _checkOhttp(m.ohttpConfig);
        if (m.validFrom + MAX_BACKDATE < block.timestamp || m.validFrom > block.timestamp + MAX_CLOCK_SKEW) {
            revert WrongTime(m.validFrom);
        }
    }

    function _checkEndpoint(string calldata endpoint) private pure {
        uint256 length = bytes(endpoint).length;
        if (length == 0 || length > MAX_ENDPOINT) revert WrongField("endpoint");
    }

    function _checkOhttp(OhttpConfig calldata config) private pure {
        if (config.publicKey.length > MAX_OHTTP || config.keyConfig.length > MAX_OHTTP) {
            revert WrongField("ohttpConfig");
        }
    }

    function _checkSignature(bytes32 nodeId, bytes32 structHash, bytes32 r, bytes32 vs) private view {
        if (CompactSignature.recover(_digest(structHash), r, vs) != _addressOf(nodeId)) revert WrongSignature();
    }

    function _advance(Node storage node, uint64 counter) private {
        if (counter <= node.updateCounter) revert WrongCounter(node.updateCounter);
        node.updateCounter = counter;
    }

    function _open(bytes32 nodeId) private view returns (Node storage node) {
        node = _known(nodeId);
        if (_validUntil(node) != 0) revert NodeClosed(nodeId);
    }

    function _store(bytes32 nodeId, Registration calldata m) private {
        Node storage node = _nodes[nodeId];
        node.owner = m.owner;
        node.kind = m.kind;
        node.registeredAt = uint64(block.timestamp);
        node.payee = m.payee;
        node.validFrom = m.validFrom;
        // The only time so far that the node itself signed.
        node.lastHeartbeatAt = m.validFrom;
        node.keysetDigest = m.keysetDigest;
        node.evidenceBlobId = m.evidenceBlobId;
        node.measurement = m.measurement;
        node.endpoint = m.endpoint;
        node.signingPublicKey = m.signingPublicKey;
        node.legacyPublicKey = m.legacyPublicKey;
        node.tlsCertificate = m.tlsCertificate;
        node.ohttpConfig = m.ohttpConfig;
        _setEvidence(nodeId, node, m.evidenceDigest);
    }

    function _setEvidence(bytes32 nodeId, Node storage node, bytes32 digest) private {
        node.evidenceDigest = digest;
        if (evidenceSince[nodeId][digest] == 0) evidenceSince[nodeId][digest] = uint64(block.timestamp);
    }

    /// The legacy key is not proven here (no RSA on chain): a closed node or one that silently squats gives way only
    /// through `retire` or `revokeKey`. Readers of the legacy interface check the evidence, which binds it.
    function _claimLegacyKey(bytes32 nodeId, bytes calldata legacyPublicKey) private {
        if (legacyPublicKey.length == 0) return;
        bytes32 teeId = keccak256(legacyPublicKey);
        bytes32 holder = nodeIdOfTee[teeId];
        if (holder != 0 && _validUntil(_nodes[holder]) == 0) revert LegacyKeyTaken(teeId);
        nodeIdOfTee[teeId] = nodeId;
    }
}
