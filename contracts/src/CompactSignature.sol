// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title EIP-2098 compact secp256k1 signatures, low-s only.
library CompactSignature {
    /// Half of the group order (SEC 2, 2.4.1): a larger s is the malleable twin of a smaller one (EIP-2).
    uint256 private constant HALF_ORDER =
        0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    /// @return signer The signer's address, or address zero where the signature is not valid.
    function recover(bytes32 digest, bytes32 r, bytes32 vs) internal pure returns (address signer) {
        uint256 s = uint256(vs) & ((1 << 255) - 1);
        if (s > HALF_ORDER) return address(0);
        return ecrecover(digest, uint8(27 + (uint256(vs) >> 255)), r, bytes32(s));
    }
}
