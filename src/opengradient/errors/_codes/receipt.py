"""Codes of receipts: format, signature, bindings, policy."""

from opengradient.errors._codes._code import Code

_DIFFERENT = "Do not use the answer. Ask another node, and keep the receipt file as evidence."

TABLE: dict[str, Code] = {
    "verification.failed": Code("A check failed.", _DIFFERENT),
    "format.malformed": Code(
        "The input is not well-formed.",
        "Check that the file is complete and unchanged since it was written.",
    ),
    "format.too_large": Code(
        "The input is larger than anything genuine.",
        "Check that this is the right file.",
    ),
    "format.unknown_field": Code(
        "The input has a field that this version does not know.",
        "Unknown fields are refused: remove it, or use a release that knows it.",
    ),
    "format.unsupported": Code(
        "A format or version that this release does not know.",
        "Update opengradient, or use the release that wrote the file.",
    ),
    "receipt.version": Code("The receipt is of another version.", "Use a release that knows it."),
    "receipt.domain": Code(
        "The receipt was signed for another chain or settlement contract.",
        "Verify it with the network profile that it belongs to (--network).",
    ),
    "receipt.signature": Code("The signature does not verify.", _DIFFERENT),
    "receipt.signature.malleable": Code(
        "The signature is not in its one canonical form (low s, v of 27 or 28).", _DIFFERENT
    ),
    "receipt.node_id": Code("The node id does not belong to the signing key.", _DIFFERENT),
    "receipt.kind": Code("The receipt is of another kind than the request.", _DIFFERENT),
    "receipt.evidence_digest": Code(
        "The receipt names other evidence than was presented.", _DIFFERENT
    ),
    "receipt.channel": Code(
        "The receipt names another channel than the one that was used.", _DIFFERENT
    ),
    "receipt.nonce": Code(
        "The receipt answers another request: the nonce is not ours.", _DIFFERENT
    ),
    "receipt.request": Code("The receipt is for another request than was sent.", _DIFFERENT),
    "receipt.upstream": Code("What went upstream is not what the receipt commits to.", _DIFFERENT),
    "receipt.response": Code("The answer is not the one that was signed.", _DIFFERENT),
    "receipt.stream": Code(
        "The chunks that arrived are not the chunks that were signed.", _DIFFERENT
    ),
    "receipt.model": Code("The model is not the one that was signed or asked for.", _DIFFERENT),
    "receipt.usage": Code("The usage shown is not the usage that was signed.", _DIFFERENT),
    "receipt.time": Code(
        "The receipt's times contradict each other, the evidence or the clock.",
        "Check this machine's clock. If it is right, do not use the answer.",
    ),
    "receipt.sequence": Code(
        "The receipt does not continue this key's sequence: something was left out or reordered.",
        _DIFFERENT,
    ),
    "receipt.commitment": Code(
        "A disclosed field does not match its commitment in the signed receipt.", _DIFFERENT
    ),
    "receipt.payment": Code("The payment is not the one that was signed.", _DIFFERENT),
    "receipt.settlement_mode": Code(
        "The receipt names another settlement mode than was asked for.", _DIFFERENT
    ),
    "receipt.verification_mode": Code(
        "The receipt names another verification mode than was asked for.", _DIFFERENT
    ),
    "policy.refused": Code(
        "Authentic, but not what the policy accepts.",
        "If you do accept it, name it in your TrustPolicy.",
    ),
    "policy.simulated": Code(
        "The evidence comes from a software enclave, which proves nothing about hardware.",
        "Use hardware nodes; for a devnet, pass the policy of its network profile.",
    ),
    "policy.mode": Code(
        "The verification mode is not one that the policy accepts.",
        "Allow it in TrustPolicy(modes=...) or ask for another mode.",
    ),
    "policy.model": Code(
        "The provider served another model than the policy allows.",
        "Allow it in TrustPolicy(models=...) or ask for the exact model version.",
    ),
    "policy.no_trust": Code(
        "The policy names no root that could vouch for this evidence.",
        "Pass a TrustPolicy, or a network profile whose roots you trust.",
    ),
    "policy.malformed": Code(
        "The trust policy has a wrong field or value.",
        "Correct the network profile or the TrustPolicy that the message names.",
    ),
    "policy.simulated_root": Code(
        "A software enclave's root was named as a hardware root, or the other way round.",
        "List it under unsafe_simulated_roots (UnsafeSimulatedRoot), where a warning goes with it.",
    ),
    "proof.invalid": Code("The proof of execution does not verify.", _DIFFERENT),
    "legacy.signature": Code(
        "The tee_signature of the public network's format does not verify.", _DIFFERENT
    ),
    "legacy.hash": Code("A tee_* hash does not belong to this request or answer.", _DIFFERENT),
    "legacy.stale": Code(
        "The tee_timestamp is too far from now.",
        "Check this machine's clock, or ask again.",
    ),
}
