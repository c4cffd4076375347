// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Eip712Domain} from "./Eip712Domain.sol";
import {INodeKeys, KeyRecord} from "./INodeKeys.sol";
import {MeasurementStatus, Node, NodeInfo, NodeStatus} from "./NodeTypes.sol";
import {TwoStepOwner} from "./TwoStepOwner.sol";

/// @title Where nodes are kept, and the views over them. No view loops further than its caller asks.
abstract contract NodeStore is TwoStepOwner, Eip712Domain, INodeKeys {
    uint8 internal constant KIND_LLM_PROXY = 0;
    uint8 internal constant KIND_LOCAL_INFERENCE = 2;

    /// A node whose last heartbeat is older than this is silent: not active, but its key stays valid.
    uint256 public constant HEARTBEAT_MAX_AGE = 30 minutes;

    mapping(bytes32 nodeId => Node) internal _nodes;
    mapping(uint8 kind => bytes32[]) internal _everOfKind;
    mapping(uint8 kind => bytes32[]) internal _openOfKind;
    mapping(bytes32 nodeId => uint256 indexPlusOne) internal _openIndex;

    mapping(address nodeOwner => uint256) public registrationNonce;
    mapping(address signer => bytes32 nodeId) public nodeIdOf;
    mapping(bytes32 teeId => bytes32 nodeId) public nodeIdOfTee;
    mapping(bytes32 measurement => MeasurementStatus) public measurementStatus;
    mapping(bytes32 measurement => uint64 timestamp) public measurementRevokedAt;
    /// When a node first published an evidence digest (unix seconds): old receipts stay checkable after a rotation.
    mapping(bytes32 nodeId => mapping(bytes32 digest => uint64 timestamp)) public evidenceSince;

    error UnknownNode(bytes32 nodeId);

    constructor(address governance) TwoStepOwner(governance) Eip712Domain("OpenGradient NodeRegistry", "1") {}

    // --- one node ---

    /// @notice Everything about a node, also after it was closed.
    function getNode(bytes32 nodeId) external view returns (NodeInfo memory) {
        return _info(nodeId);
    }

    /// @notice True where the node's key was valid at `timestamp` (unix seconds).
    function wasValidAt(bytes32 nodeId, uint64 timestamp) external view returns (bool) {
        Node storage node = _nodes[nodeId];
        uint64 until = _validUntil(node);
        return node.registeredAt != 0 && timestamp >= node.validFrom && (until == 0 || timestamp < until);
    }

    /// @inheritdoc INodeKeys
    function keyRecordOf(address signer) external view returns (KeyRecord memory record) {
        bytes32 nodeId = nodeIdOf[signer];
        Node storage node = _nodes[nodeId];
        record.nodeId = nodeId;
        record.registeredAt = node.registeredAt;
        record.validFrom = node.validFrom;
        record.validUntil = _validUntil(node);
        record.revokedAt = _earlier(node.revokedAt, measurementRevokedAt[node.measurement]);
    }

    // --- pages ---

    /// @notice A page of all nodes of a kind that ever registered, in order of registration.
    function nodesByKind(uint8 kind, uint256 offset, uint256 limit) external view returns (NodeInfo[] memory) {
        return _page(_everOfKind[kind], offset, limit);
    }

    /// @notice A page of the nodes of a kind that were not retired and not revoked. Closing a node moves another one
    /// into its place, so a reader that pages while nodes close may have to start again.
    function openNodesByKind(uint8 kind, uint256 offset, uint256 limit) external view returns (NodeInfo[] memory) {
        return _page(_openOfKind[kind], offset, limit);
    }

    /// @notice How many nodes of a kind ever registered, and how many of them are open.
    function countByKind(uint8 kind) external view returns (uint256 ever, uint256 open) {
        return (_everOfKind[kind].length, _openOfKind[kind].length);
    }

    // --- parts ---

    function _page(bytes32[] storage ids, uint256 offset, uint256 limit) private view returns (NodeInfo[] memory page) {
        uint256 left = offset < ids.length ? ids.length - offset : 0;
        page = new NodeInfo[](left < limit ? left : limit);
        for (uint256 i = 0; i < page.length; ++i) {
            page[i] = _info(ids[offset + i]);
        }
    }

    function _info(bytes32 nodeId) internal view returns (NodeInfo memory info) {
        Node storage node = _known(nodeId);
        info.nodeId = nodeId;
        info.owner = node.owner;
        info.payee = node.payee;
        info.kind = node.kind;
        info.endpoint = node.endpoint;
        info.signingPublicKey = node.signingPublicKey;
        info.keysetDigest = node.keysetDigest;
        info.evidenceDigest = node.evidenceDigest;
        info.evidenceBlobId = node.evidenceBlobId;
        info.measurement = node.measurement;
        info.legacyPublicKey = node.legacyPublicKey;
        info.tlsCertificate = node.tlsCertificate;
        info.registeredAt = node.registeredAt;
        info.validFrom = node.validFrom;
        info.validUntil = _validUntil(node);
        info.lastHeartbeatAt = node.lastHeartbeatAt;
        info.heartbeatSequence = node.heartbeatSequence;
        info.updateCounter = node.updateCounter;
        info.status = _status(node);
        info.ohttpConfig = node.ohttpConfig;
    }

    function _status(Node storage node) internal view returns (NodeStatus) {
        if (node.registeredAt == 0) return NodeStatus.Unknown;
        if (node.revokedAt != 0) return NodeStatus.KeyRevoked;
        if (measurementRevokedAt[node.measurement] != 0) return NodeStatus.MeasurementRevoked;
        if (node.retiredAt != 0) return NodeStatus.Retired;
        return node.lastHeartbeatAt + HEARTBEAT_MAX_AGE < block.timestamp ? NodeStatus.Silent : NodeStatus.Active;
    }

    function _validUntil(Node storage node) internal view returns (uint64) {
        return _earlier(node.retiredAt, _earlier(node.revokedAt, measurementRevokedAt[node.measurement]));
    }

    /// The earlier of two times, where 0 means never.
    function _earlier(uint64 a, uint64 b) private pure returns (uint64) {
        if (a == 0) return b;
        return b == 0 || a < b ? a : b;
    }

    function _known(bytes32 nodeId) internal view returns (Node storage node) {
        node = _nodes[nodeId];
        if (node.registeredAt == 0) revert UnknownNode(nodeId);
    }

    /// A node id is the keccak256 of its public key, so its last 20 bytes are the key's address.
    function _addressOf(bytes32 nodeId) internal pure returns (address) {
        return address(uint160(uint256(nodeId)));
    }

    function _enlist(bytes32 nodeId, uint8 kind) internal {
        nodeIdOf[_addressOf(nodeId)] = nodeId;
        _everOfKind[kind].push(nodeId);
        _openOfKind[kind].push(nodeId);
        _openIndex[nodeId] = _openOfKind[kind].length;
    }

    function _delist(bytes32 nodeId, uint8 kind) internal {
        bytes32[] storage ids = _openOfKind[kind];
        bytes32 last = ids[ids.length - 1];
        uint256 index = _openIndex[nodeId];
        ids[index - 1] = last;
        _openIndex[last] = index;
        delete _openIndex[nodeId];
        ids.pop();
    }
}
