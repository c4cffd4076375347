"""Codes of Intel TDX and SGX quotes; ``dcap`` is Intel's chain of trust below both."""

from opengradient.errors._codes._code import Code

_DAMAGED = "Fetch the evidence again; if it stays so, do not use this node."
_FORGED = "Somebody changed or forged the evidence. Do not use this node."
_COLLATERAL = "Fetch Intel's collateral again; if it stays so, do not use its source."
_CLOCK = "Check this machine's clock; for an archived receipt verify at the time it was received."
_REFRESH = "Fetch Intel's collateral again; for an archived receipt verify at its own time."
_PLATFORM = "The node's operator has to update the platform, or TdxPolicy and SgxPolicy accept it."
_POLICY = "Compare the quote (`opengradient evidence inspect`) with the policy's TdxPolicy."
_SGX_POLICY = "Compare the quote (`opengradient evidence inspect`) with the policy's SgxPolicy."
_REVOKED = "Intel revoked it. Do not use this node."

_QUOTE: dict[str, Code] = {
    "dcap.quote.truncated": Code("The quote ends within a field.", _DAMAGED),
    "dcap.quote.trailing": Code("Bytes that are not zero follow the quote.", _DAMAGED),
    "dcap.quote.padding": Code(
        "Zero bytes follow the quote, and the policy does not allow them.",
        "Set allow_padding, or cut them off.",
    ),
    "dcap.quote.version": Code(
        "The quote is of a version that is not accepted for its kind.",
        "TDX quotes are of version 4 or 5, SGX quotes of version 3.",
    ),
    "dcap.quote.key_type": Code(
        "The quote is not signed with ECDSA on P-256.", "No other key type is supported."
    ),
    "dcap.quote.tee_type": Code(
        "The quote is of another kind of TEE than the evidence says.", _FORGED
    ),
    "dcap.quote.vendor": Code("The quote is not by Intel's quoting enclave.", _FORGED),
    "dcap.quote.body_type": Code(
        "The body of a quote of version 5 is of an unknown kind.", "Update opengradient."
    ),
    "dcap.quote.body_size": Code("The body does not have the size of its kind.", _DAMAGED),
    "dcap.quote.certification_type": Code(
        "The quote's certification data is not a report of the quoting enclave.", _DAMAGED
    ),
    "dcap.quote.certification_size": Code(
        "The quote's certification data has another size than it says.", _DAMAGED
    ),
    "dcap.quote.auth_data_size": Code(
        "The quoting enclave's authentication data does not have Intel's 32 bytes.", _DAMAGED
    ),
    "dcap.quote.pck_certification_type": Code(
        "The quote does not carry its PCK certificate chain as PEM.", _DAMAGED
    ),
    "dcap.quote.pck_certification_size": Code(
        "The PCK certificate chain has another size than the quote says.", _DAMAGED
    ),
    "dcap.quote.reserved": Code("Reserved bytes of an enclave's report are not zero.", _FORGED),
    "dcap.quote.key": Code("The attestation key is no point of the curve.", _FORGED),
    "dcap.quote.signature": Code("The quote is not signed by its attestation key.", _FORGED),
}

_CHAIN: dict[str, Code] = {
    "dcap.qe.report_data": Code(
        "The quoting enclave's report does not name the attestation key.", _FORGED
    ),
    "dcap.qe.signature": Code(
        "The quoting enclave's report is not signed by the platform's certified key.", _FORGED
    ),
    "dcap.qe.mr_signer": Code("The quoting enclave is signed by somebody else.", _FORGED),
    "dcap.qe.prod_id": Code("The quoting enclave is another product of its signer.", _FORGED),
    "dcap.qe.misc_select": Code("The quoting enclave's MISCSELECT is not Intel's.", _FORGED),
    "dcap.qe.attributes": Code(
        "The quoting enclave's attributes are not Intel's, for example debug.", _FORGED
    ),
    "dcap.qe.no_level": Code(
        "The quoting enclave is older than every version that Intel knows.", _PLATFORM
    ),
    "dcap.pem.malformed": Code("Certificates are not PEM in its one form.", _DAMAGED),
    "dcap.pem.count": Code("There are more or fewer certificates than the format has.", _DAMAGED),
    "dcap.pck.issuer": Code("The PCK certificate is not by one of Intel's authorities.", _FORGED),
    "dcap.pck.extension": Code(
        "The PCK certificate does not carry the platform's facts in their one form.", _DAMAGED
    ),
    "dcap.pck.revoked": Code("The platform's certificate was revoked.", _REVOKED),
    "dcap.pck_ca.revoked": Code("The authority of PCK certificates was revoked.", _REVOKED),
    "dcap.root.revoked": Code("The root is on its own revocation list.", _REVOKED),
    "dcap.tcb_signer.name": Code(
        "TCB info or QE identity is signed by a certificate for another purpose.", _COLLATERAL
    ),
    "dcap.tcb_signer.revoked": Code("The signer of TCB data was revoked.", _REFRESH),
}

_CRL: dict[str, Code] = {
    "dcap.crl.malformed": Code("A revocation list is not one, in strict DER.", _COLLATERAL),
    "dcap.crl.algorithm": Code("A revocation list is signed with another algorithm.", _COLLATERAL),
    "dcap.crl.critical_extension": Code(
        "A revocation list has a critical extension: it is a partial or indirect list.",
        _COLLATERAL,
    ),
    "dcap.crl.key_usage": Code("The issuer may not sign revocation lists.", _COLLATERAL),
    "dcap.crl.issuer": Code("A revocation list is of another issuer.", _COLLATERAL),
    "dcap.crl.key_identifier": Code(
        "A revocation list names another key of its issuer.", _COLLATERAL
    ),
    "dcap.crl.issuer_chain": Code(
        "A revocation list came with the certificates of another authority.", _COLLATERAL
    ),
    "dcap.crl.signature": Code("A revocation list is not signed by its issuer.", _COLLATERAL),
    "dcap.crl.not_yet_valid": Code("A revocation list is from the future.", _CLOCK),
    "dcap.crl.expired": Code("A revocation list is out of date.", _REFRESH),
}

_DATA: dict[str, Code] = {
    "dcap.collateral.form": Code(
        "Collateral is not in a form in which Intel's services give it.", _COLLATERAL
    ),
    "dcap.tcb_info.malformed": Code("The TCB info has wrong or unknown fields.", _COLLATERAL),
    "dcap.tcb_info.id": Code("The TCB info is for the other kind of TEE.", _COLLATERAL),
    "dcap.tcb_info.version": Code("The TCB info is not of version 3.", _COLLATERAL),
    "dcap.tcb_info.tcb_type": Code("The TCB info is of an unknown type.", "Update opengradient."),
    "dcap.tcb_info.components": Code(
        "A level of the TCB info does not have exactly 16 components.", _COLLATERAL
    ),
    "dcap.tcb_info.signature_form": Code(
        "The signature of the TCB info is not 64 bytes of r and s.", _COLLATERAL
    ),
    "dcap.tcb_info.signature": Code(
        "The TCB info was changed, or is not signed by Intel.", _COLLATERAL
    ),
    "dcap.tcb_info.not_yet_valid": Code("The TCB info is from the future.", _CLOCK),
    "dcap.tcb_info.expired": Code("The TCB info is out of date.", _REFRESH),
    "dcap.tcb_info.stale": Code("The TCB info is older than the policy allows.", _REFRESH),
    "dcap.tcb_info.evaluation_number": Code(
        "The TCB info is from before a security release that the policy demands.", _REFRESH
    ),
    "dcap.tcb_info.fmspc": Code("The TCB info is for another family of platforms.", _COLLATERAL),
    "dcap.tcb_info.pce_id": Code("The TCB info is for another PCE.", _COLLATERAL),
    "dcap.qe_identity.malformed": Code("The QE identity has wrong or unknown fields.", _COLLATERAL),
    "dcap.qe_identity.id": Code("The QE identity is for the other kind of TEE.", _COLLATERAL),
    "dcap.qe_identity.version": Code("The QE identity is not of version 2.", _COLLATERAL),
    "dcap.qe_identity.signature_form": Code(
        "The signature of the QE identity is not 64 bytes of r and s.", _COLLATERAL
    ),
    "dcap.qe_identity.signature": Code(
        "The QE identity was changed, or is not signed by Intel.", _COLLATERAL
    ),
    "dcap.qe_identity.not_yet_valid": Code("The QE identity is from the future.", _CLOCK),
    "dcap.qe_identity.expired": Code("The QE identity is out of date.", _REFRESH),
    "dcap.qe_identity.stale": Code("The QE identity is older than the policy allows.", _REFRESH),
    "dcap.qe_identity.evaluation_number": Code(
        "The QE identity is from before a security release that the policy demands.", _REFRESH
    ),
    "dcap.tcb.no_level": Code(
        "The platform's firmware is older than every version that Intel knows.", _PLATFORM
    ),
    "dcap.tcb.status": Code(
        "The platform's firmware is not in a state that the policy accepts.", _PLATFORM
    ),
    "dcap.tcb.advisory": Code(
        "Security advisories apply to the platform that the policy does not accept.", _PLATFORM
    ),
}

_TDX: dict[str, Code] = {
    "tdx.module.unknown": Code("Intel's data does not know this TDX module.", _PLATFORM),
    "tdx.module.signer": Code("The TDX module is signed by somebody else.", _FORGED),
    "tdx.module.attributes": Code("The TDX module has other attributes than Intel's.", _FORGED),
    "tdx.module.no_level": Code(
        "The TDX module is older than every version that Intel knows.", _PLATFORM
    ),
    "tdx.debug": Code(
        "A debug domain: its host can read its memory.",
        "Never send data to it. For tests, TrustPolicy(allow_debug=True).",
    ),
    "tdx.attributes": Code("The domain has attributes that the policy does not allow.", _POLICY),
    "tdx.sept_ve_disable": Code(
        "The domain's host can make it take exceptions on its private memory.", _POLICY
    ),
    "tdx.xfam": Code(
        "The domain has processor features that the policy does not allow, or lacks basic ones.",
        _POLICY,
    ),
    "tdx.mr_seam": Code("The TDX module is none that the policy lists.", _POLICY),
    "tdx.mr_config_id": Code("The domain's MRCONFIGID is none that the policy lists.", _POLICY),
    "tdx.mr_owner": Code("The domain's MROWNER is none that the policy lists.", _POLICY),
    "tdx.mr_owner_config": Code(
        "The domain's MROWNERCONFIG is none that the policy lists.", _POLICY
    ),
    "tdx.mr_service_td": Code(
        "The domain trusts service domains that the policy does not list.", _POLICY
    ),
    "tdx.event_log.malformed": Code("The event log has wrong or unknown fields.", _DAMAGED),
    "tdx.event_log.digest": Code(
        "An event of the guest does not have the digest of its content.", _FORGED
    ),
    "tdx.event_log.register": Code(
        "Replaying the event log does not give the register that the hardware signed.", _FORGED
    ),
    "tdx.event_log.missing": Code(
        "The policy demands events of the guest, and no event log is there.",
        "Ask the node for its event log and pass it as the collateral item event_log.",
    ),
    "tdx.event_log.event": Code(
        "The guest did not log an event as the policy demands.",
        "Compare the log with TdxPolicy(events=...).",
    ),
}

_SGX: dict[str, Code] = {
    "sgx.not_initialised": Code("The enclave was not initialised.", _FORGED),
    "sgx.debug": Code(
        "A debug enclave: its host can read its memory.",
        "Never send data to it. For tests, TrustPolicy(allow_debug=True).",
    ),
    "sgx.flags": Code("The enclave has flags that the policy does not allow.", _SGX_POLICY),
    "sgx.xfrm": Code(
        "The enclave has processor features that the policy does not allow, or lacks basic ones.",
        _SGX_POLICY,
    ),
    "sgx.misc_select": Code(
        "The enclave is told of faulting addresses, or has reserved bits.", _SGX_POLICY
    ),
    "sgx.isv_prod_id": Code("The enclave is another product of its signer.", _SGX_POLICY),
    "sgx.isv_svn": Code("The enclave is of an older version than the policy demands.", _SGX_POLICY),
    "sgx.config_id": Code("The enclave's CONFIGID is none that the policy lists.", _SGX_POLICY),
}

TABLE: dict[str, Code] = {**_QUOTE, **_CHAIN, **_CRL, **_DATA, **_TDX, **_SGX}
