"""Codes of AMD SEV-SNP reports."""

from opengradient.errors._codes._code import Code

_UNTRUSTED = "Do not use this node. If you run it, fetch its certificates anew from AMD's service."
_DAMAGED = "Fetch the report again; if it stays so, do not use this node."
_FORGED = "Somebody changed or forged the evidence. Do not use this node."
_CHOICE = "Use another node, or change SnpPolicy(...) in the trust policy if this is meant."
_LIST = "Fetch AMD's revocation list again and put it into the collateral as `crl`."
_OLD = "Use a node with newer firmware; if you run it, update the host's SEV firmware and BIOS."

TABLE: dict[str, Code] = {
    "snp.report.size": Code("A report does not have 1,184 bytes.", _DAMAGED),
    "snp.report.version": Code(
        "The report is of a version that this release does not know.", "Update opengradient."
    ),
    "snp.report.signature_algorithm": Code(
        "The report names another algorithm than ECDSA with SHA-384 on P-384.", _FORGED
    ),
    "snp.report.reserved": Code("Bytes that the layout reserves are not zero.", _DAMAGED),
    "snp.report.flags": Code("Flags of the key that have no meaning are set.", _DAMAGED),
    "snp.report.unsigned": Code(
        "The firmware says that it signed nothing.",
        "If you run the node, let its host provision a VCEK or VLEK.",
    ),
    "snp.report.signing_key": Code("The report names no known kind of key.", _DAMAGED),
    "snp.report.masked_key": Code(
        "The host masks the chip's key, so the report has no signature.",
        "If you run the node, clear MaskChipKey on its host.",
    ),
    "snp.report.author_key": Code("The report has an author's key that its flags deny.", _DAMAGED),
    "snp.report.policy_one": Code("Bit 17 of the guest's policy is not one.", _DAMAGED),
    "snp.report.policy_bits": Code(
        "The guest's policy has bits of no published meaning.", "Update opengradient."
    ),
    "snp.report.vmpl": Code(
        "The privilege level is none of a guest: the host may have asked for the report.",
        _UNTRUSTED,
    ),
    "snp.signature.reserved": Code("Bytes behind the signature are not zero.", _DAMAGED),
    "snp.signature.unused": Code("r or s is longer than 48 bytes.", _DAMAGED),
    "snp.signature.range": Code(
        "r or s of the signature is zero or not below the order of the curve.", _FORGED
    ),
    "snp.signature.mismatch": Code(
        "The report was changed, or not signed by the key of the certificate beside it.", _FORGED
    ),
    "snp.signer": Code("The policy does not accept this kind of key.", _CHOICE),
    "snp.chain.product": Code(
        "The trusted root is not the ARK of a known product line.",
        "Name roots by opengradient.verify.trust.amd_ark(product).",
    ),
    "snp.chain.issuer": Code(
        "The certificate in the middle is not the product line's issuer of such leaves.",
        _UNTRUSTED,
    ),
    "snp.chain.leaf": Code("The leaf is not the kind of certificate it came as.", _UNTRUSTED),
    "snp.crl.missing": Code("AMD's revocation list did not come with the evidence.", _LIST),
    "snp.crl.malformed": Code("The revocation list is not strict DER of version 2.", _LIST),
    "snp.crl.algorithm": Code("The revocation list is signed with another algorithm.", _LIST),
    "snp.crl.issuer": Code("The revocation list is not of the chain's ARK.", _LIST),
    "snp.crl.critical_extension": Code(
        "The revocation list has a critical extension, so it may be partial.", _LIST
    ),
    "snp.crl.key_usage": Code("The ARK may not sign revocation lists.", _FORGED),
    "snp.crl.signature": Code("The revocation list is not signed by the ARK.", _FORGED),
    "snp.crl.next_update": Code("The revocation list does not say until when it counts.", _LIST),
    "snp.crl.not_yet_valid": Code(
        "The revocation list is from the future.", "Check this machine's clock."
    ),
    "snp.crl.expired": Code("The revocation list is out of date.", _LIST),
    "snp.crl.stale": Code("The revocation list is older than the policy allows.", _LIST),
    "snp.crl.revoked": Code(
        "AMD revoked the certificate that issued the leaf.", "Do not use this node."
    ),
    "snp.crl.revoked_leaf": Code("AMD revoked the VLEK.", "Do not use this node."),
    "snp.leaf.extension": Code(
        "An extension of AMD's is missing in the leaf, or not of its form.", _UNTRUSTED
    ),
    "snp.leaf.struct_version": Code(
        "The leaf has another structure than its product line.", _UNTRUSTED
    ),
    "snp.leaf.product": Code("The leaf is of another product line than its chain.", _UNTRUSTED),
    "snp.leaf.kind": Code(
        "A VCEK without a chip, a VLEK without a provider, or a leaf with both.", _UNTRUSTED
    ),
    "snp.leaf.reserved": Code("A reserved level in the leaf is not zero.", _UNTRUSTED),
    "snp.leaf.tcb": Code(
        "The key was certified for other firmware than the report says.", _UNTRUSTED
    ),
    "snp.leaf.chip_id": Code(
        "The key was certified for another chip than the report says.", _FORGED
    ),
    "snp.leaf.cpuid": Code("The CPUID in the report is not of the chain's product line.", _FORGED),
    "snp.debug": Code(
        "A debug guest: its host can read its memory.",
        "Never send data to it. For tests, TrustPolicy(allow_debug=True).",
    ),
    "snp.guest.smt": Code("The guest may run beside other threads of its cores.", _CHOICE),
    "snp.guest.migrate_ma": Code("The guest allows a migration agent.", _CHOICE),
    "snp.guest.migration_agent": Code("The guest has a migration agent.", _CHOICE),
    "snp.guest.cxl": Code("The guest's memory may lie on CXL devices.", _CHOICE),
    "snp.guest.single_socket": Code("The guest may run on several sockets.", _CHOICE),
    "snp.guest.demand": Code(
        "The guest does not demand of its host what the policy requires.", _CHOICE
    ),
    "snp.guest.abi": Code("The guest runs on older firmware than the policy accepts.", _CHOICE),
    "snp.guest.svn": Code("The guest's version is older than the policy accepts.", _CHOICE),
    "snp.vmpl": Code("The report was asked for at a privilege level not accepted.", _CHOICE),
    "snp.platform.unknown": Code(
        "The host is set up in a way that this release does not know.",
        "Update opengradient, or set SnpPolicy(allow_unknown_platform=True).",
    ),
    "snp.platform.required": Code("The host lacks what the policy requires.", _CHOICE),
    "snp.platform.forbidden": Code("The host has what the policy forbids.", _CHOICE),
    "snp.platform.mitigations": Code("The firmware lacks a mitigation.", _OLD),
    "snp.tcb.reserved": Code("Reserved bytes of a level of firmware are not zero.", _DAMAGED),
    "snp.tcb.order": Code(
        "The firmware reports more than it committed to, or committed to more than runs.", _FORGED
    ),
    "snp.tcb.reported": Code("The reported firmware is below the policy's minimum.", _OLD),
    "snp.tcb.committed": Code("The host can go back to firmware below the minimum.", _OLD),
    "snp.tcb.launch": Code("The guest was launched on firmware below the minimum.", _OLD),
    "snp.chip.masked": Code("The host hides which chip it is.", _CHOICE),
    "snp.chip.unknown": Code("The policy does not list the chip.", _CHOICE),
    "snp.csp": Code("The VLEK belongs to a provider that the policy does not list.", _CHOICE),
    "snp.kds": Code(
        "AMD's service cannot be asked for the key of this report.",
        "For a VLEK ask the cloud provider; otherwise let the host show its chip id.",
    ),
}
