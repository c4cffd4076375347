"""Codes of evidence: attestation documents, certificates, measurements."""

from opengradient.errors._codes._code import Code

_UNTRUSTED = (
    "Do not use this node. If you run it, compare its evidence with `opengradient evidence verify`."
)
_DAMAGED = "Fetch the document again; if it stays so, do not use this node."
_FORGED = "Somebody changed or forged the evidence. Do not use this node."
_REPLAYED = "Ask again with a new nonce; a node that still does this replays old evidence."

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
    "attestation.no_keyset": Code(
        "The evidence is authentic but binds no keyset.",
        "It is not the evidence of an OpenGradient node of this version; use another node.",
    ),
    "attestation.configuration": Code(
        "The node shows another configuration than its evidence binds.", _UNTRUSTED
    ),
    "configuration.malformed": Code(
        "The node's configuration has wrong fields, or is too large.", _UNTRUSTED
    ),
    "attestation.register": Code(
        "A register that the policy requires is missing or has another value.",
        "Compare the register with TrustPolicy(registers=...).",
    ),
    "attestation.report_data": Code(
        "The quote or report binds another keyset than the one that came with it.", _UNTRUSTED
    ),
    "attestation.nonce": Code("The evidence does not answer our nonce.", _REPLAYED),
    "attestation.revoked_product": Code(
        "The evidence comes from a product line that the policy excludes.",
        "Use a node on other hardware; which lines are broken is written in docs/trust.md.",
    ),
    "attestation.revoked_measurement": Code(
        "The enclave runs code that was revoked.", "Use a node that runs a newer release."
    ),
    "attestation.revoked_key": Code(
        "The enclave's signing key was revoked.", "Use another node; do not use old answers of it."
    ),
    "evidence.malformed": Code(
        "The evidence lacks a kind or document, or carries what its kind does not have.",
        _DAMAGED,
    ),
    "cbor.malformed": Code("The document is not in the strict subset of CBOR.", _DAMAGED),
    "nitro.cose.structure": Code(
        "The document is not a COSE_Sign1 in its one accepted form.", _DAMAGED
    ),
    "nitro.cose.protected_header": Code(
        "The protected header is not exactly ES384, the only algorithm of Nitro.", _FORGED
    ),
    "nitro.cose.unprotected_header": Code("The unprotected header is not empty.", _FORGED),
    "nitro.cose.signature_form": Code(
        "The signature is not 96 bytes of r and s; DER signatures are refused.", _DAMAGED
    ),
    "nitro.cose.signature_range": Code(
        "r or s of the signature is zero or not below the order of the curve.", _FORGED
    ),
    "nitro.cose.signature": Code(
        "The document was changed, or not signed by the key of its leaf certificate.", _FORGED
    ),
    "nitro.payload.structure": Code("The payload is not a map with text keys.", _DAMAGED),
    "nitro.payload.module_id": Code("The module id is missing, empty or too long.", _DAMAGED),
    "nitro.payload.digest": Code("The measurements are not made with SHA-384.", _DAMAGED),
    "nitro.payload.timestamp": Code("The timestamp is missing or no time.", _DAMAGED),
    "nitro.payload.certificate": Code(
        "A certificate is missing or not of 1 to 1,024 bytes.", _DAMAGED
    ),
    "nitro.payload.cabundle": Code("The list of certificates is missing or empty.", _DAMAGED),
    "nitro.payload.public_key": Code("The public_key field is of a wrong type or size.", _DAMAGED),
    "nitro.payload.user_data": Code("The user_data field is of a wrong type or size.", _DAMAGED),
    "nitro.payload.nonce": Code("The nonce field is of a wrong type or size.", _DAMAGED),
    "nitro.pcr.map": Code("The PCRs are not a map of 1 to 32 entries.", _DAMAGED),
    "nitro.pcr.index": Code("A PCR index is not in 0 to 31.", _DAMAGED),
    "nitro.pcr.length": Code("A PCR does not have the 48 bytes of SHA-384.", _DAMAGED),
    "nitro.pcr.missing": Code("PCR0, PCR1 or PCR2 is missing.", _DAMAGED),
    "nitro.timestamp.future": Code(
        "The document's time is later than now.", "Check this machine's clock."
    ),
    "nitro.timestamp.stale": Code(
        "The document is older than the policy allows.",
        "Check this machine's clock and fetch new evidence; verify an archived receipt at its own time.",
    ),
    "nitro.debug": Code(
        "A debug enclave: its host can read its memory and its measurements are zero.",
        "Never send data to it. For tests, TrustPolicy(allow_debug=True).",
    ),
    "nitro.nonce.absent": Code("The document has no nonce, though one was sent.", _REPLAYED),
    "nitro.nonce.mismatch": Code("The document answers another nonce.", _REPLAYED),
    "keyset.malformed": Code("The keyset has wrong fields or values.", _UNTRUSTED),
    "keyset.not_canonical": Code(
        "The keyset is written in another way than its one encoding.", _UNTRUSTED
    ),
    "keyset.user_data": Code("The keyset and user_data name different RSA keys.", _UNTRUSTED),
    "nitriding.layout": Code(
        "user_data is not two SHA-256 multihashes as nitriding writes them.", _UNTRUSTED
    ),
    "nitriding.tls_certificate": Code(
        "user_data names another TLS certificate than the one in use.", _UNTRUSTED
    ),
    "nitriding.signing_key": Code(
        "user_data names another signing key than the one in use.", _UNTRUSTED
    ),
    "signature.form": Code("A signature or its key does not have the right length.", _DAMAGED),
    "signature.range": Code("A number of a signature is zero or past its curve.", _FORGED),
    "signature.key": Code("A key is too small to be trusted, or absurdly large.", _UNTRUSTED),
    "signature.invalid": Code("The signature does not verify under the key.", _FORGED),
    "x509.root": Code(
        "The chain does not start at a root that the policy trusts.",
        "For a devnet, pass the policy of its network profile; otherwise do not use this node.",
    ),
    "x509.length": Code("The chain is too short or too long.", _UNTRUSTED),
    "x509.malformed": Code("A certificate is not strict DER of X.509 version 3.", _DAMAGED),
    "x509.serial": Code("A serial number is not positive, or too long.", _UNTRUSTED),
    "x509.algorithm": Code("A certificate is signed with another algorithm.", _UNTRUSTED),
    "x509.key": Code("A certificate has a key of another kind or curve.", _UNTRUSTED),
    "x509.critical_extension": Code(
        "A certificate has a critical extension that this release does not know.", _UNTRUSTED
    ),
    "x509.ca": Code("A certificate was issued by one that is no CA.", _FORGED),
    "x509.key_usage": Code("An issuer may not sign certificates.", _FORGED),
    "x509.path_length": Code("More authorities stand below an issuer than it allows.", _FORGED),
    "x509.leaf_ca": Code("The leaf certificate is a CA, or does not say that it is none.", _FORGED),
    "x509.leaf_key_usage": Code("The leaf's key is not for signing data only.", _FORGED),
    "x509.name_chain": Code("A certificate names another issuer than the one before it.", _FORGED),
    "x509.key_identifier": Code("A certificate names another key of its issuer.", _FORGED),
    "x509.signature": Code("A certificate is not signed by its issuer.", _FORGED),
    "x509.not_yet_valid": Code("A certificate is not valid yet.", "Check this machine's clock."),
    "x509.expired": Code(
        "A certificate is no longer valid.",
        "Check this machine's clock and fetch new evidence; verify an archived receipt at its own time.",
    ),
    "eif.malformed": Code(
        "The enclave image file cannot be read.",
        "Check that it is complete, and made for Nitro Enclaves (format version 2 to 4).",
    ),
}
