"""Codes of the ledger and of settlement."""

from opengradient.errors._codes._code import Code

TABLE: dict[str, Code] = {
    "chain.unreachable": Code(
        "The ledger did not answer.",
        "Check the RPC address of the network profile. Settlement waits; nothing is lost.",
    ),
    "chain.reverted": Code(
        "The contract refused the call.",
        "The reason is in the message.",
    ),
    "chain.not_final": Code(
        "Not anchored deep enough yet.",
        "Ask again later; nothing is lost.",
    ),
    "chain.wrong_chain": Code(
        "The RPC serves another chain than the network profile names.",
        "Correct the profile's rpc_url or chain_id.",
    ),
    "chain.reorganised": Code(
        "The block that anchored this batch is no longer part of the chain.",
        "The full node anchors the same root again; ask later.",
    ),
    "chain.rejected": Code(
        "The RPC refused the request.",
        "The message has its reason. Nothing was mined.",
    ),
    "chain.malformed": Code(
        "The RPC's answer is not well-formed.",
        "Check that the RPC address is an Ethereum JSON-RPC endpoint.",
    ),
    "chain.timeout": Code(
        "The transaction was not confirmed in the time given.",
        "It may still be mined: wait for the same signed transaction again; never sign another.",
    ),
    "chain.replaced": Code(
        "Another transaction took this one's nonce.",
        "Use one sender per key. Check what was mined, then send again.",
    ),
    "chain.engine": Code(
        "The ledger engine could not start.",
        "The message says what is missing: a package, a program on PATH, or a free port.",
    ),
    "chain.state": Code(
        "The ledger's data folder belongs to another chain or release.",
        "Name another folder, or the settings it was made with. It is never overwritten.",
    ),
    "settlement.refused": Code(
        "The full node refused the receipt.",
        "The message says which check failed. Keep the receipt file.",
    ),
    "settlement.private": Code(
        "This inference was asked for in PRIVATE mode: nothing of it is settled.",
        "Use BATCH_HASHED if you want a proof of inclusion.",
    ),
    "settlement.evidence_needed": Code(
        "The full node does not have the evidence that the receipt names.",
        "Post the evidence to /v1/evidence, then post the receipt again.",
    ),
    "settlement.unknown_node": Code(
        "The registry does not know the node that signed the receipt.",
        "Register the node; the receipt can be posted again then.",
    ),
    "settlement.key_revoked": Code(
        "The key that signed the receipt, or the code it ran, was revoked on the ledger.",
        "Do not use this node. Keep the receipt file.",
    ),
    "settlement.bundle_missing": Code(
        "An INDIVIDUAL_FULL receipt came without all of its preimages.",
        "Post the whole receipt file with it, nothing withheld but the idempotency key.",
    ),
    "settlement.bundle_unwanted": Code(
        "A BATCH_HASHED receipt came with preimages, which must not be published.",
        "Post the signed receipt alone.",
    ),
    "settlement.batch_data": Code(
        "The data of a batch is not what was anchored.",
        "Fetch the blob from another full node; if it is the same there, challenge the batch.",
    ),
    "settlement.batch_invalid": Code(
        "The batch was shown to the settlement contract to be wrong, and is void.",
        "The full node that anchored it is suspended; the message has the details.",
    ),
    "settlement.blob": Code(
        "A stored blob is missing or no longer has the bytes of its id.",
        "Restore the data folder from another full node; blobs can be fetched by their id.",
    ),
    "settlement.inclusion": Code(
        "The Merkle proof does not lead to the anchored root.",
        "Fetch the proof again from another full node.",
    ),
    "settlement.not_anchored": Code(
        "The root is not anchored by the settlement contract.",
        "Check the network profile, and the full node that gave the proof.",
    ),
    "settlement.timeout": Code(
        "The receipt was not settled in the time given.",
        "It stays in the node's durable outbox: wait again later.",
    ),
}
