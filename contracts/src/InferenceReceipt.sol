// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// What a node signs about one inference: fixed-width words only. Times are unix milliseconds.
struct InferenceReceipt {
    bytes32 receiptId;
    uint8 kind;
    uint8 verificationMode;
    uint8 settlementMode;
    bytes32 nodeId;
    bytes32 evidenceDigest;
    uint8 channelKind;
    bytes32 channelBinding;
    bytes32 clientNonce;
    bytes32 requestCommitment;
    bytes32 upstreamCommitment;
    bytes32 responseCommitment;
    bytes32 streamRoot;
    uint32 streamChunks;
    uint16 status;
    bytes32 modelCommitment;
    uint8 proofKind;
    uint16 proofSoundnessBits;
    bytes32 proofDigest;
    uint64 inputTokens;
    uint64 outputTokens;
    uint64 cachedInputTokens;
    uint256 price;
    bytes32 paymentCommitment;
    uint64 startedAt;
    uint64 firstTokenAt;
    uint64 finishedAt;
    uint64 sequence;
    bytes32 previousReceipt;
}

bytes32 constant INFERENCE_RECEIPT_TYPEHASH = keccak256(
    "InferenceReceipt(bytes32 receiptId,uint8 kind,uint8 verificationMode,uint8 settlementMode,"
    "bytes32 nodeId,bytes32 evidenceDigest,uint8 channelKind,bytes32 channelBinding,bytes32 clientNonce,"
    "bytes32 requestCommitment,bytes32 upstreamCommitment,bytes32 responseCommitment,bytes32 streamRoot,"
    "uint32 streamChunks,uint16 status,bytes32 modelCommitment,uint8 proofKind,uint16 proofSoundnessBits,"
    "bytes32 proofDigest,uint64 inputTokens,uint64 outputTokens,uint64 cachedInputTokens,uint256 price,"
    "bytes32 paymentCommitment,uint64 startedAt,uint64 firstTokenAt,uint64 finishedAt,uint64 sequence,"
    "bytes32 previousReceipt)"
);
