// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {NodeStore} from "./NodeStore.sol";
import {Node, NodeStatus, OhttpConfig} from "./NodeTypes.sol";

/// @title The read interface of the public network's TEE registry, over the same nodes.
/// @notice A TEE id is the keccak256 of the node's legacy RSA key (SPKI DER); nodes without one are not seen here.
/// Readers that know the shorter struct without `ohttpConfig` decode these answers too: ABI tuples are offset-based.
abstract contract LegacyReader is NodeStore {
    struct LegacyOhttpConfig {
        uint8 keyId;
        uint16 kemId;
        uint16 kdfId;
        uint16 aeadId;
        bytes publicKey;
        bytes keyConfig;
        uint256 registeredAt;
    }

    struct TEEInfo {
        address owner;
        address paymentAddress;
        string endpoint;
        bytes publicKey;
        bytes tlsCertificate;
        bytes32 pcrHash;
        uint8 teeType;
        bool enabled;
        uint256 registeredAt;
        uint256 lastHeartbeatAt;
        LegacyOhttpConfig ohttpConfig;
    }

    /// The legacy interface has no paging: it shows the first open nodes only, so that no list can outgrow a call.
    uint256 public constant LEGACY_LIMIT = 100;

    enum Filter {
        Open,
        Enabled,
        Active
    }

    /// @notice The open nodes of a type that are active, in full.
    function getActiveTEEs(uint8 teeType) external view returns (TEEInfo[] memory tees) {
        bytes32[] memory ids = _select(teeType, Filter.Active);
        tees = new TEEInfo[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            tees[i] = _teeInfo(_nodes[nodeIdOfTee[ids[i]]]);
        }
    }

    /// @notice The ids of the open nodes of a type whose measurement was not revoked.
    function getEnabledTEEs(uint8 teeType) external view returns (bytes32[] memory) {
        return _select(teeType, Filter.Enabled);
    }

    /// @notice The ids of the open nodes of a type.
    function getTEEsByType(uint8 teeType) external view returns (bytes32[] memory) {
        return _select(teeType, Filter.Open);
    }

    /// @notice One node, also after it was closed.
    function getTEE(bytes32 teeId) external view returns (TEEInfo memory) {
        return _teeInfo(_known(nodeIdOfTee[teeId]));
    }

    function getTEEPublicKey(bytes32 teeId) external view returns (bytes memory) {
        return _known(nodeIdOfTee[teeId]).legacyPublicKey;
    }

    function isTEEActive(bytes32 teeId) external view returns (bool) {
        return _passes(_nodes[nodeIdOfTee[teeId]], Filter.Active);
    }

    function isTEEEnabled(bytes32 teeId) external view returns (bool) {
        return _passes(_nodes[nodeIdOfTee[teeId]], Filter.Enabled);
    }

    function _select(uint8 teeType, Filter filter) private view returns (bytes32[] memory ids) {
        bytes32[] storage open = _openOfKind[teeType];
        uint256 end = open.length < LEGACY_LIMIT ? open.length : LEGACY_LIMIT;
        ids = new bytes32[](end);
        uint256 count = 0;
        for (uint256 i = 0; i < end; ++i) {
            Node storage node = _nodes[open[i]];
            if (node.legacyPublicKey.length != 0 && _passes(node, filter)) {
                ids[count++] = keccak256(node.legacyPublicKey);
            }
        }
        assembly ("memory-safe") {
            mstore(ids, count)
        }
    }

    function _passes(Node storage node, Filter filter) private view returns (bool) {
        NodeStatus status = _status(node);
        if (filter == Filter.Open) return status != NodeStatus.Unknown;
        return status == NodeStatus.Active || (filter == Filter.Enabled && status == NodeStatus.Silent);
    }

    function _teeInfo(Node storage node) private view returns (TEEInfo memory info) {
        OhttpConfig memory ohttp = node.ohttpConfig;
        info.owner = node.owner;
        info.paymentAddress = node.payee;
        info.endpoint = node.endpoint;
        info.publicKey = node.legacyPublicKey;
        info.tlsCertificate = node.tlsCertificate;
        info.pcrHash = node.measurement;
        info.teeType = node.kind;
        info.enabled = _passes(node, Filter.Enabled);
        info.registeredAt = node.registeredAt;
        info.lastHeartbeatAt = node.lastHeartbeatAt;
        info.ohttpConfig = LegacyOhttpConfig({
            keyId: ohttp.keyId,
            kemId: ohttp.kemId,
            kdfId: ohttp.kdfId,
            aeadId: ohttp.aeadId,
            publicKey: ohttp.publicKey,
            keyConfig: ohttp.keyConfig,
            registeredAt: ohttp.publicKey.length == 0 ? 0 : node.registeredAt
        });
    }
}
