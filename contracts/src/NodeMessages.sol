// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EndpointUpdate, EvidenceUpdate, OhttpConfig, Registration} from "./NodeTypes.sol";

/// @title EIP-712 struct hashes of what nodes sign for the registry.
library NodeMessages {
    bytes32 private constant OHTTP_TYPEHASH = keccak256(
        "OhttpConfig(uint8 keyId,uint16 kemId,uint16 kdfId,uint16 aeadId,bytes publicKey,bytes keyConfig)"
    );
    bytes32 private constant REGISTRATION_TYPEHASH = keccak256(
        "NodeRegistration(address owner,address payee,uint8 kind,string endpoint,bytes signingPublicKey,"
        "bytes32 keysetDigest,bytes32 evidenceDigest,bytes32 evidenceBlobId,bytes32 measurement,"
        "bytes legacyPublicKey,bytes tlsCertificate,OhttpConfig ohttpConfig,uint64 validFrom,uint256 nonce)"
        "OhttpConfig(uint8 keyId,uint16 kemId,uint16 kdfId,uint16 aeadId,bytes publicKey,bytes keyConfig)"
    );
    bytes32 private constant EVIDENCE_TYPEHASH = keccak256(
        "NodeEvidence(bytes32 nodeId,bytes32 keysetDigest,bytes32 evidenceDigest,bytes32 evidenceBlobId,"
        "bytes tlsCertificate,OhttpConfig ohttpConfig,uint64 counter)"
        "OhttpConfig(uint8 keyId,uint16 kemId,uint16 kdfId,uint16 aeadId,bytes publicKey,bytes keyConfig)"
    );
    bytes32 private constant ENDPOINT_TYPEHASH =
        keccak256("NodeEndpoint(bytes32 nodeId,string endpoint,address payee,uint64 counter)");
    bytes32 private constant HEARTBEAT_TYPEHASH =
        keccak256("NodeHeartbeat(bytes32 nodeId,uint64 counter,uint64 timestamp)");

    function hash(Registration calldata m) internal pure returns (bytes32) {
        bytes memory head = abi.encode(
            REGISTRATION_TYPEHASH,
            m.owner,
            m.payee,
            m.kind,
            keccak256(bytes(m.endpoint)),
            keccak256(m.signingPublicKey),
            m.keysetDigest
        );
        bytes memory tail = abi.encode(
            m.evidenceDigest,
            m.evidenceBlobId,
            m.measurement,
            keccak256(m.legacyPublicKey),
            keccak256(m.tlsCertificate),
            hash(m.ohttpConfig),
            m.validFrom,
            m.nonce
        );
        return keccak256(bytes.concat(head, tail));
    }

    function hash(EvidenceUpdate calldata m) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                EVIDENCE_TYPEHASH,
                m.nodeId,
                m.keysetDigest,
                m.evidenceDigest,
                m.evidenceBlobId,
                keccak256(m.tlsCertificate),
                hash(m.ohttpConfig),
                m.counter
            )
        );
    }

    function hash(EndpointUpdate calldata m) internal pure returns (bytes32) {
        return keccak256(abi.encode(ENDPOINT_TYPEHASH, m.nodeId, keccak256(bytes(m.endpoint)), m.payee, m.counter));
    }

    function heartbeatHash(bytes32 nodeId, uint64 counter, uint64 timestamp) internal pure returns (bytes32) {
        return keccak256(abi.encode(HEARTBEAT_TYPEHASH, nodeId, counter, timestamp));
    }

    function hash(OhttpConfig calldata m) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                OHTTP_TYPEHASH, m.keyId, m.kemId, m.kdfId, m.aeadId, keccak256(m.publicKey), keccak256(m.keyConfig)
            )
        );
    }
}
