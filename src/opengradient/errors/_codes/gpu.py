"""Codes of GPU evidence."""

from opengradient.errors._codes._code import Code

_DAMAGED = "Fetch the GPU's evidence again; if it stays so, do not rely on this GPU."
_UNTRUSTED = "Do not rely on this GPU. Compare its evidence with NVIDIA's verifier if you run it."
_FORGED = "Somebody changed or forged the GPU's evidence. Do not use this node."
_POLICY = "Compare the GPU with the policy; change the policy only if the GPU is right."

TABLE: dict[str, Code] = {
    "gpu.kind": Code("The evidence is of no kind of device that this release knows.", _UNTRUSTED),
    "gpu.structure": Code(
        "The document is not an overall token and one detached token for each GPU.", _DAMAGED
    ),
    "gpu.issuer": Code("A token is not issued by NVIDIA's attestation service.", _FORGED),
    "gpu.audience": Code("A token is meant for another audience than the policy names.", _POLICY),
    "gpu.subject": Code("The overall token is not of a platform's attestation.", _UNTRUSTED),
    "gpu.version": Code(
        "The claims are of a version that this release does not know.",
        "Update opengradient, or ask the service for claims of version 2.0 or 3.0.",
    ),
    "gpu.overall": Code("The service did not find the platform genuine.", _UNTRUSTED),
    "gpu.submodules": Code("The overall token names other GPUs than tokens are there.", _FORGED),
    "gpu.digest": Code("A GPU's token is not the one that the overall token names.", _FORGED),
    "gpu.nonce": Code(
        "A token does not answer the nonce, or two tokens answer different ones.",
        "Ask again; a node that still does this replays evidence of other keys.",
    ),
    "gpu.measurements": Code("The GPU does not run the firmware of its reference.", _UNTRUSTED),
    "gpu.secure_boot": Code("The GPU was started without secure boot.", _UNTRUSTED),
    "gpu.debug": Code("Debugging of the GPU is enabled.", _UNTRUSTED),
    "gpu.report": Code("The service could not verify the GPU's report.", _UNTRUSTED),
    "gpu.reference": Code("The driver's or VBIOS's reference could not be verified.", _UNTRUSTED),
    "gpu.certificate": Code("A certificate behind the claims is not valid.", _UNTRUSTED),
    "gpu.warning": Code("The service warns of the GPU, or reports errors.", _UNTRUSTED),
    "gpu.identity": Code("A GPU has no name, model or version, or stands twice.", _DAMAGED),
    "gpu.model": Code("The GPU is of a model that the policy does not list.", _POLICY),
    "gpu.driver": Code("The GPU's driver is of a version that the policy excludes.", _POLICY),
    "gpu.vbios": Code("The GPU's VBIOS is of a version that the policy excludes.", _POLICY),
    "gpu.spdm.certificates": Code("A GPU's certificates are not a chain in PEM.", _DAMAGED),
    "gpu.spdm.layout": Code("A GPU's report is not a whole exchange of SPDM 1.1.", _DAMAGED),
    "gpu.spdm.signature_form": Code("r or s of a report's signature is out of range.", _FORGED),
    "gpu.spdm.signature": Code("A report is not signed by the GPU's certificate.", _FORGED),
    "gpu.spdm.firmware_id": Code(
        "A report is of other firmware than the GPU's certificate was made for.", _FORGED
    ),
    "gpu.spdm.measurement": Code("A measurement is not what the policy accepts.", _POLICY),
    "gpu.absent": Code(
        "The policy demands a GPU's evidence, and the node shows none.",
        "Use a node with an attested GPU, or change NvidiaPolicy(required=...).",
    ),
}
