// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Leaves and proofs of OpenZeppelin's StandardMerkleTree.
/// @notice A leaf is [bytes32 digest, bytes32 r, bytes32 vs]: the signature is part of it, so a leaf that no
/// registered node signed is provably wrong. It is hashed twice, so no inner node passes for a leaf.
library ReceiptTree {
    function leafHash(bytes32 digest, bytes32 r, bytes32 vs) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(digest, r, vs))));
    }

    /// @return The root that the proof leads to. Pairs are sorted before they are hashed.
    function climb(bytes32 leaf, bytes32[] calldata proof) internal pure returns (bytes32) {
        for (uint256 i = 0; i < proof.length; ++i) {
            leaf = _pair(leaf, proof[i]);
        }
        return leaf;
    }

    function _pair(bytes32 a, bytes32 b) private pure returns (bytes32 parent) {
        (bytes32 low, bytes32 high) = a < b ? (a, b) : (b, a);
        assembly ("memory-safe") {
            mstore(0x00, low)
            mstore(0x20, high)
            parent := keccak256(0x00, 0x40)
        }
    }
}
