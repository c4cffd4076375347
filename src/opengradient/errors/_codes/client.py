"""Codes of the client: configuration, requests, transport."""

from opengradient.errors._codes._code import Code

TABLE: dict[str, Code] = {
    "internal": Code(
        "A defect in this library.",
        "Please report it with the traceback and the version.",
    ),
    "config.invalid": Code(
        "A setting or argument is not valid.",
        "Correct the argument that the message names.",
    ),
    "config.no_network": Code(
        "No network was chosen and none could be found.",
        "Pass og.LLM(network=...), set OPENGRADIENT_NETWORK, or start one with "
        "`opengradient devnet up`.",
    ),
    "request.invalid": Code(
        "The request is not well-formed.",
        "Correct the field that the message names.",
    ),
    "request.unsupported_parameter": Code(
        "This model or provider does not support a parameter of the request.",
        "Leave the named parameter out, or use a model whose provider supports it. "
        "It was not dropped silently, because then the signed request would not be yours.",
    ),
    "request.too_large": Code(
        "The request body is larger than the node accepts.",
        "Send less, or raise the node's OPENGRADIENT_MAX_BODY_BYTES.",
    ),
    "request.too_long": Code(
        "The request has more tokens than the model can see.",
        "Shorten the text or leave out old messages.",
    ),
    "transport.failed": Code(
        "The bytes did not arrive.",
        "Check the network; the error's cause has the detail.",
    ),
    "transport.connect": Code(
        "No connection could be made; nothing was sent.",
        "Check that the node is up (`opengradient nodes`); another node is tried automatically.",
    ),
    "transport.timeout": Code(
        "No answer came in time; the request may have been processed.",
        "Raise the timeout, or repeat with the same idempotency_key: "
        "the node then returns the first answer.",
    ),
    "transport.protocol": Code(
        "The peer broke the protocol, or ended a stream early.",
        "Nothing of this answer was verified. Repeat it with the same idempotency_key.",
    ),
    "transport.stream_cut": Code(
        "The stream ended before its signed final event.",
        "What was printed so far is not verified as a whole. Repeat with the same "
        "idempotency_key, or fetch the receipt of the cut stream with llm.receipt(idempotency_key).",
    ),
    "transport.tls_pin": Code(
        "The TLS certificate is not the one that is pinned, or no longer valid; nothing was sent.",
        "The node may have restarted with new keys: its evidence is fetched again by itself. "
        "If it stays so, somebody stands between you and the node.",
    ),
    "transport.too_large": Code(
        "The answer is larger than what is read.",
        "Ask for less, or use another node.",
    ),
    "transport.no_node": Code(
        "No node of the registry could serve the request.",
        "See `opengradient nodes`; the message lists what each node answered.",
    ),
    "output.schema": Code(
        "The verified answer does not match the requested schema.",
        "The answer itself is authentic: read it from .reply on this error, "
        "or ask the model again.",
    ),
    "payment.refused": Code(
        "The payment was not permitted.",
        "Read the offer on the error; change the spending policy if you agree with it.",
    ),
    "demo.failed": Code(
        "A step of the demonstration did not do what it should.",
        "The message says which. Run `opengradient demo --fresh`; if it stays so, please report it.",
    ),
}
