// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CompactSignature} from "./CompactSignature.sol";
import {Eip712Domain} from "./Eip712Domain.sol";
import {INFERENCE_RECEIPT_TYPEHASH, InferenceReceipt} from "./InferenceReceipt.sol";
import {INodeKeys, KeyRecord} from "./INodeKeys.sol";
import {ReceiptTree} from "./ReceiptTree.sol";
import {TwoStepOwner} from "./TwoStepOwner.sol";

/// @title Anchors batches of inference receipts, and takes back what is shown to be wrong.
/// @notice One storage slot per batch. Any leaf that should not be in a batch can be shown to the contract by
/// anyone, with nothing but the leaf and its Merkle proof: the batch is then invalid and its submitter suspended.
contract Settlement is TwoStepOwner, Eip712Domain {
    enum BatchStatus {
        None,
        Anchored,
        Invalid
    }

    enum SubmitterStatus {
        None,
        Authorised,
        Suspended
    }

    /// Kept in one word, lowest bits first: 8 status, 32 size, 40 anchoredAt, 176 commitment.
    struct Batch {
        uint40 anchoredAt;
        uint32 size;
        BatchStatus status;
        bytes22 commitment;
    }

    /// What names a batch and shows that the caller knows its data: the preimage of `Batch.commitment`.
    struct BatchRef {
        bytes32 root;
        bytes32 blobId;
        address submitter;
    }

    /// A leaf and the way from it to the root.
    struct Leaf {
        bytes32 digest;
        bytes32 r;
        bytes32 vs;
        bytes32[] proof;
    }

    /// A submitter cannot see a revocation or a retirement before it is mined. One that was mined less than this
    /// before the batch was anchored is no fault of its submitter.
    uint256 public constant CLOSING_GRACE = 10 minutes;

    INodeKeys public immutable registry;
    mapping(bytes32 root => uint256 word) private _batches;
    mapping(address submitter => SubmitterStatus) public submitters;

    event BatchAnchored(bytes32 indexed root, address indexed submitter, uint32 size, bytes32 blobId);
    event BatchInvalidated(
        bytes32 indexed root, address indexed submitter, address indexed challenger, bytes32 leaf
    );
    event SubmitterChanged(address indexed submitter, SubmitterStatus status);

    error NotSubmitter(address caller);
    error AlreadyAnchored(bytes32 root);
    error EmptyBatch();
    error NotAnchored(bytes32 root);
    error WrongBatchData(bytes32 root);
    error LeafNotInBatch(bytes32 root, bytes32 leaf);
    error LeafIsValid(bytes32 leaf);
    error NotADuplicate();

    constructor(address initialOwner, INodeKeys nodeRegistry)
        TwoStepOwner(initialOwner)
        Eip712Domain("OpenGradient Receipt", "1")
    {
        if (address(nodeRegistry) == address(0)) revert ZeroAddress();
        registry = nodeRegistry;
    }

    // --- who may anchor ---

    /// @notice Lets `submitter` anchor batches; also lifts a suspension.
    function authoriseSubmitter(address submitter) external onlyOwner {
        if (submitter == address(0)) revert ZeroAddress();
        _setSubmitter(submitter, SubmitterStatus.Authorised);
    }

    /// @notice Takes the right to anchor away. Batches that are anchored stay.
    function removeSubmitter(address submitter) external onlyOwner {
        _setSubmitter(submitter, SubmitterStatus.None);
    }

    // --- anchoring ---

    /// @notice Anchors the root of a batch of `size` receipts whose data is the blob `blobId`.
    function anchor(bytes32 root, uint32 size, bytes32 blobId) external {
        if (submitters[msg.sender] != SubmitterStatus.Authorised) revert NotSubmitter(msg.sender);
        if (size == 0 || root == 0) revert EmptyBatch();
        if (_batches[root] != 0) revert AlreadyAnchored(root);
        _batches[root] = uint256(BatchStatus.Anchored) | (uint256(size) << 8)
            | (uint256(uint40(block.timestamp)) << 40) | (uint256(uint176(_commitment(blobId, msg.sender))) << 80);
        emit BatchAnchored(root, msg.sender, size, blobId);
    }

    // --- reading ---

    /// @notice What is kept about the batch `root`; all zero where it is unknown.
    function batches(bytes32 root) public view returns (Batch memory) {
        uint256 word = _batches[root];
        return Batch({
            anchoredAt: uint40(word >> 40),
            size: uint32(word >> 8),
            status: BatchStatus(uint8(word)),
            commitment: bytes22(uint176(word >> 80))
        });
    }

    /// @notice True where `root` is anchored and was not shown to be wrong.
    function isAnchored(bytes32 root) public view returns (bool) {
        return uint8(_batches[root]) == uint8(BatchStatus.Anchored);
    }

    /// @notice True where `root` was anchored by `submitter` with `blobId`, also if it was invalidated later.
    function checkBatch(bytes32 root, bytes32 blobId, address submitter) public view returns (bool) {
        Batch memory batch = batches(root);
        return batch.status != BatchStatus.None && batch.commitment == _commitment(blobId, submitter);
    }

    /// @notice True where the leaf (digest, r, vs) is in the batch `root`, and that batch stands.
    function verifyInclusion(bytes32 root, bytes32 digest, bytes32 r, bytes32 vs, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        return isAnchored(root) && ReceiptTree.climb(ReceiptTree.leafHash(digest, r, vs), proof) == root;
    }

    /// @notice The EIP-712 digest that a node signs.
    function receiptDigest(InferenceReceipt calldata receipt) public view returns (bytes32) {
        return _digest(keccak256(abi.encode(INFERENCE_RECEIPT_TYPEHASH, receipt)));
    }

    // --- challenging: permissionless ---

    /// @notice Invalidates a batch with a leaf that no key known to the registry signed.
    function challengeLeaf(BatchRef calldata ref, Leaf calldata leaf) external {
        Batch memory batch = _standing(ref);
        bytes32 hash = _included(ref.root, leaf);
        address signer = CompactSignature.recover(leaf.digest, leaf.r, leaf.vs);
        if (!_keyFault(signer, registry.keyRecordOf(signer), batch.anchoredAt)) revert LeafIsValid(hash);
        _invalidate(ref, hash);
    }

    /// @notice Invalidates a batch with a receipt that names another node than its signer, or that was finished
    /// outside the validity of its node's key. `leaf.digest` must be the digest of `receipt`.
    function challengeReceipt(BatchRef calldata ref, InferenceReceipt calldata receipt, Leaf calldata leaf) external {
        Batch memory batch = _standing(ref);
        bytes32 hash = _included(ref.root, leaf);
        if (receiptDigest(receipt) != leaf.digest) revert LeafNotInBatch(ref.root, hash);
        address signer = CompactSignature.recover(leaf.digest, leaf.r, leaf.vs);
        KeyRecord memory key = registry.keyRecordOf(signer);
        bool wrong = _keyFault(signer, key, batch.anchoredAt) || receipt.nodeId != key.nodeId
            || _outsideValidity(key, receipt.finishedAt, batch.anchoredAt);
        if (!wrong) revert LeafIsValid(hash);
        _invalidate(ref, hash);
    }

    /// @notice Invalidates the later of two batches that hold the same receipt (`first.digest == second.digest`).
    /// Inside one batch (both references equal) two leaves or two places of one leaf show it. A submitter is
    /// suspended only where both batches are its own: it cannot see what another one anchors at the same time.
    function challengeDuplicate(
        BatchRef calldata firstRef,
        Leaf calldata first,
        BatchRef calldata secondRef,
        Leaf calldata second
    ) external {
        Batch memory firstBatch = _standing(firstRef);
        Batch memory secondBatch = _standing(secondRef);
        bytes32 firstHash = _included(firstRef.root, first);
        bytes32 secondHash = _included(secondRef.root, second);
        if (first.digest != second.digest) revert NotADuplicate();
        if (firstRef.root == secondRef.root && firstHash == secondHash && _sameProof(first.proof, second.proof)) {
            revert NotADuplicate();
        }
        bool firstIsLater = firstBatch.anchoredAt > secondBatch.anchoredAt
            || (firstBatch.anchoredAt == secondBatch.anchoredAt && firstRef.root > secondRef.root);
        (BatchRef calldata later, bytes32 hash) = firstIsLater ? (firstRef, firstHash) : (secondRef, secondHash);
        if (firstRef.submitter == secondRef.submitter) {
            _invalidate(later, hash);
        } else {
            _invalidateBatch(later, hash);
        }
    }

    // --- the parts of a challenge ---

    function _standing(BatchRef calldata ref) private view returns (Batch memory batch) {
        batch = batches(ref.root);
        if (batch.status != BatchStatus.Anchored) revert NotAnchored(ref.root);
        if (batch.commitment != _commitment(ref.blobId, ref.submitter)) revert WrongBatchData(ref.root);
    }

    function _included(bytes32 root, Leaf calldata leaf) private pure returns (bytes32 hash) {
        hash = ReceiptTree.leafHash(leaf.digest, leaf.r, leaf.vs);
        if (ReceiptTree.climb(hash, leaf.proof) != root) revert LeafNotInBatch(root, hash);
    }

    function _keyFault(address signer, KeyRecord memory key, uint256 anchoredAt) private pure returns (bool) {
        if (signer == address(0) || key.nodeId == 0 || key.registeredAt > anchoredAt) return true;
        return key.revokedAt != 0 && key.revokedAt + CLOSING_GRACE <= anchoredAt;
    }

    /// Receipts carry milliseconds, the registry seconds.
    function _outsideValidity(KeyRecord memory key, uint64 finishedAt, uint256 anchoredAt)
        private
        pure
        returns (bool)
    {
        uint256 finished = uint256(finishedAt) / 1000;
        if (finished < key.validFrom) return true;
        return key.validUntil != 0 && finished >= key.validUntil && key.validUntil + CLOSING_GRACE <= anchoredAt;
    }

    function _sameProof(bytes32[] calldata a, bytes32[] calldata b) private pure returns (bool) {
        return keccak256(abi.encodePacked(a)) == keccak256(abi.encodePacked(b));
    }

    function _invalidate(BatchRef calldata ref, bytes32 leaf) private {
        _invalidateBatch(ref, leaf);
        _setSubmitter(ref.submitter, SubmitterStatus.Suspended);
    }

    function _invalidateBatch(BatchRef calldata ref, bytes32 leaf) private {
        uint256 word = _batches[ref.root];
        _batches[ref.root] = (word & ~uint256(0xff)) | uint256(BatchStatus.Invalid);
        emit BatchInvalidated(ref.root, ref.submitter, msg.sender, leaf);
    }

    function _setSubmitter(address submitter, SubmitterStatus status) private {
        submitters[submitter] = status;
        emit SubmitterChanged(submitter, status);
    }

    function _commitment(bytes32 blobId, address submitter) private pure returns (bytes22) {
        return bytes22(keccak256(abi.encode(blobId, submitter)));
    }
}
