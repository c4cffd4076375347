"""Codes of attestation tokens (JSON Web Tokens)."""

from opengradient.errors._codes._code import Code

_DAMAGED = "Fetch the token again; if it stays so, do not use this node."
_FORGED = "Somebody changed or forged the token. Do not use this node."
_CLOCK = "Check this machine's clock."
_UNTRUSTED = "Do not use this node. If you run it, compare its token with the policy."
_POLICY = "Compare the token with the policy; change the policy only if the token's value is right."
_REPLAYED = "Ask again with a new nonce; a node that still does this replays an old token."

TABLE: dict[str, Code] = {
    "jwt.structure": Code("The token is not three parts with dots between them.", _DAMAGED),
    "jwt.base64": Code(
        "A part of the token is not base64url in its one spelling without padding.", _DAMAGED
    ),
    "jwt.json": Code(
        "A part of the token is not one strict JSON object (a member twice, NaN, bytes after it).",
        _DAMAGED,
    ),
    "jwt.critical": Code("The token's header demands extensions (crit).", _FORGED),
    "jwt.embedded_key": Code(
        "The token's header brings a key or certificate of its own, which nobody vouches for.",
        _FORGED,
    ),
    "jwt.header": Code("The token's header has a parameter that is not known.", _UNTRUSTED),
    "jwt.type": Code("The token's header names another type than JWT.", _UNTRUSTED),
    "jwt.key_url": Code(
        "The token's header names another address for keys than the policy's issuer.", _FORGED
    ),
    "jwt.key_id": Code(
        "The token is signed with a key that the policy does not pin.",
        "If the service rotated its keys, take the new one from its published key set and pin it.",
    ),
    "jwt.algorithm": Code(
        "The token names another algorithm than the policy fixes for its key.", _FORGED
    ),
    "jwt.signature_form": Code("The token's signature has a wrong size or range.", _DAMAGED),
    "jwt.signature": Code("The token was changed, or not signed by the pinned key.", _FORGED),
    "jwt.time.claim": Code("A time of the token is missing or no whole second.", _DAMAGED),
    "jwt.time.order": Code("The token's times are out of order.", _DAMAGED),
    "jwt.time.not_yet_valid": Code("The token is not valid yet.", _CLOCK),
    "jwt.time.expired": Code(
        "The token is no longer valid.",
        "Fetch a new one; for an archived receipt verify at the time it was received.",
    ),
    "jwt.time.future": Code("The token was issued later than now.", _CLOCK),
    "jwt.time.stale": Code(
        "The token is older than the policy allows.",
        "Fetch a new one; for an archived receipt verify at the time it was received.",
    ),
    "gcp.issuer": Code("The token is not issued by Google's attestation service.", _FORGED),
    "gcp.audience": Code(
        "The token is meant for another audience than the policy names.",
        "Ask the node for a token of your audience; one for somebody else proves nothing to you.",
    ),
    "gcp.software": Code("The token is not of a Confidential Space image.", _UNTRUSTED),
    "gcp.secure_boot": Code("The machine was started without secure boot.", _UNTRUSTED),
    "gcp.debug": Code(
        "A debug image: its operator can log in and read memory.",
        "Never send data to it. For tests, TrustPolicy(allow_debug=True).",
    ),
    "gcp.hardware": Code("The machine is of a hardware model that the policy excludes.", _POLICY),
    "gcp.support": Code(
        "The image lacks a support attribute that the policy demands, for example STABLE.",
        "Use a node that runs a supported Confidential Space image.",
    ),
    "gcp.software_version": Code(
        "The version of the Confidential Space image is missing or below the policy's.",
        "Use a node that runs a newer Confidential Space image.",
    ),
    "gcp.project": Code("The machine runs in a project that the policy does not list.", _POLICY),
    "gcp.zone": Code("The machine runs in a zone that the policy does not list.", _POLICY),
    "gcp.service_account": Code(
        "The machine runs with service accounts that the policy does not list.", _POLICY
    ),
    "gcp.image_digest": Code("The container's image digest is missing or no SHA-256.", _DAMAGED),
    "gcp.command": Code(
        "The operator replaced the container's command, and not by the policy's.", _POLICY
    ),
    "gcp.environment": Code(
        "The operator set an environment variable that the policy does not allow.", _POLICY
    ),
    "gcp.nonce.form": Code("The token's nonces are not one to six texts of 8 to 88.", _DAMAGED),
    "gcp.nonce.keyset": Code("The token does not bind the keyset that comes with it.", _FORGED),
    "gcp.nonce.mismatch": Code("The token does not answer our nonce.", _REPLAYED),
    "maa.issuer": Code("The token is not issued by the tenant that the policy names.", _FORGED),
    "maa.version": Code("The token has another claims version than 1.0.", _UNTRUSTED),
    "maa.attestation_type": Code(
        "The token is of a kind of machine that the policy does not accept.", _POLICY
    ),
    "maa.isolation_tee": Code(
        "The token of a virtual machine says nothing of its isolation.", _UNTRUSTED
    ),
    "maa.secure_boot": Code("The machine was started without secure boot.", _UNTRUSTED),
    "maa.vm_debug": Code("A debugger or test signing is enabled in the machine.", _UNTRUSTED),
    "maa.compliance": Code("The service does not call the machine compliant.", _UNTRUSTED),
    "maa.tenant_policy": Code(
        "The tenant judged by another attestation policy than the caller pins.", _POLICY
    ),
    "maa.debug": Code(
        "A debug machine: its host can read its memory.",
        "Never send data to it. For tests, TrustPolicy(allow_debug=True).",
    ),
    "maa.migration": Code("The machine may be migrated by its host.", _UNTRUSTED),
    "maa.vmpl": Code("The report was made at another privilege level (VMPL).", _UNTRUSTED),
    "maa.svn": Code(
        "A security version is missing or below the policy's minimum.",
        "Use a node with newer firmware, or lower the minimum if you accept the risk.",
    ),
    "maa.tcb_status": Code(
        "The status of the platform's firmware is not accepted by the policy.",
        "Use a node with newer firmware.",
    ),
    "maa.host_data": Code("The host data is not what the policy requires.", _POLICY),
    "maa.measurement": Code("A measurement is missing or not of 48 bytes in hex.", _DAMAGED),
    "maa.report_data": Code("The report data is missing or not of 64 bytes in hex.", _DAMAGED),
    "maa.runtime": Code("The runtime claims bind no user data.", _UNTRUSTED),
    "maa.runtime_hash": Code("The report data is not the hash of the runtime claims.", _FORGED),
}
