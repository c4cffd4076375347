"""Codes of evidence: attestation documents, certificates, measurements."""

from opengradient.errors._codes._code import Code

_UNTRUSTED = (
    "Do not use this node. If you run it, compare its evidence with `opengradient evidence verify`."
)

TABLE: dict[str, Code] = {
    "attestation.failed": Code("The evidence does not show what it should.", _UNTRUSTED),
    "attestation.chain": Code(
        "The certificates do not lead from the pinned root to the key.", _UNTRUSTED
    ),
    "attestation.measurement": Code(
        "The enclave runs code that the policy does not allow.",
        "Compare the measurements with the release you expect; add them to the policy if right.",
    ),
    "attestation.freshness": Code(
        "The evidence is too old, from the future, or not an answer to our nonce.",
        "Fetch new evidence; check this machine's clock.",
    ),
    "attestation.kind": Code(
        "The evidence is of a kind that this release does not verify.",
        "Update opengradient, or use a node with another kind of enclave.",
    ),
    "attestation.binding": Code("The evidence does not bind the key that is in use.", _UNTRUSTED),
}
