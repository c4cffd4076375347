"""Codes of nodes and of the providers behind them."""

from opengradient.errors._codes._code import Code

TABLE: dict[str, Code] = {
    "node.error": Code(
        "The node answered with an error.",
        "The message has what it said; errors carry receipts too.",
    ),
    "node.rate_limited": Code(
        "The node or the provider asks to slow down.",
        "Wait for .retry_after seconds, then repeat.",
    ),
    "node.not_found": Code(
        "The node does not have what was asked for.",
        "Check the name; `opengradient models` lists what is served.",
    ),
    "node.idempotency_conflict": Code(
        "The idempotency key was used before with another request.",
        "Use a new key for a new request.",
    ),
    "node.in_progress": Code(
        "The request with this idempotency key is still running.",
        "Wait for it, then repeat to get its answer.",
    ),
    "node.overloaded": Code(
        "The node has no capacity left.",
        "Repeat later; nothing was processed.",
    ),
    "node.storage": Code(
        "The node could not write its journal, so it answers nothing more.",
        "Ask another node. If you run it: free disk space, then restart it.",
    ),
    "node.client_gone": Code(
        "The client left before the answer was complete.",
        "Repeat with a new idempotency key; the receipt of the cut answer stays available.",
    ),
    "node.unknown_path": Code(
        "The node has no such path.",
        "Check the URL: the OpenAI-compatible paths begin with /v1/.",
    ),
    "node.method": Code(
        "The path does not take this HTTP method.",
        "Use the method that the answer's `allow` header names.",
    ),
    "node.key_retired": Code(
        "The connection stands on a key that the node has replaced; nothing was processed.",
        "Connect again: the node's evidence names its present keys.",
    ),
    "node.sealed_key": Code(
        "A sealed request has no idempotency key, so a relay could have it processed again.",
        "Send an `idempotency-key` header with it.",
    ),
    "provider.error": Code(
        "The provider behind the node failed.",
        "The signed error says what the provider answered; try again or another provider.",
    ),
    "provider.rejected": Code(
        "The provider refused the request.",
        "Correct the request as the message says.",
    ),
    "provider.unreachable": Code(
        "The node could not reach the provider.",
        "Try again later, or another provider.",
    ),
    "provider.timeout": Code(
        "The provider did not answer in time.",
        "Try again later, or another provider.",
    ),
    "provider.protocol": Code(
        "The provider's answer was not understood, or its stream ended early.",
        "Try again; the signed error has the detail.",
    ),
    "provider.no_key": Code(
        "The node has no key for this provider.",
        "Set the provider's key in the node's environment.",
    ),
    "provider.unknown_model": Code(
        "No provider of this node serves the model.",
        "Write the model as provider/model; `opengradient models` lists what is served.",
    ),
    "enclave.unavailable": Code(
        "The enclave's security module could not be reached.",
        "Run the node in what OPENGRADIENT_ENCLAVE names: a Nitro enclave with CAP_SYS_ADMIN (nitro), "
        "or as root in a TDX or SEV-SNP guest with configfs mounted and Linux 6.7 or newer (tsm).",
    ),
    "enclave.certificates": Code(
        "The host gave its guest a certificate table that is none.",
        "It is left out; verifiers ask AMD's service, or tell the host's operator.",
    ),
    "enclave.refused": Code(
        "The enclave's security module refused to make a document.",
        "The message has its answer.",
    ),
    "devnet.start": Code(
        "A node of the devnet did not start, or ended by itself.",
        "The end of its log is in the message; `opengradient devnet up --fresh` starts anew.",
    ),
    "devnet.running": Code(
        "The devnet runs already.",
        "Use it as it is, stop it with `opengradient devnet down`, or pass another --name.",
    ),
    "devnet.stop": Code(
        "The devnet did not stop in time.",
        "Its nodes end with their supervisor, whose process id is in the message.",
    ),
}
