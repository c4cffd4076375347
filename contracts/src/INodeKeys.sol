// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// What the registry knows of one signing key. Times are unix seconds; 0 in `validUntil` and `revokedAt` = never.
struct KeyRecord {
    bytes32 nodeId;
    uint64 registeredAt;
    uint64 validFrom;
    uint64 validUntil;
    uint64 revokedAt;
}

/// @title The part of the node registry that settlement stands on.
interface INodeKeys {
    /// @return The record of the key whose address is `signer`; `nodeId` is zero where no node has that key.
    /// `validUntil` is the earliest of retirement, key revocation and measurement revocation;
    /// `revokedAt` the earlier of the two revocations.
    function keyRecordOf(address signer) external view returns (KeyRecord memory);
}
