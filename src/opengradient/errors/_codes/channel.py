"""Codes of the confidential channel."""

from opengradient.errors._codes._code import Code

_AGAIN = (
    "Nothing of it was believed. Repeat it with the same idempotency_key, or use another relay."
)

TABLE: dict[str, Code] = {
    "channel.relay": Code(
        "The relay answered with an error of its own, which no node vouches for.",
        "The message has what it said. Repeat with the same idempotency_key, or use another relay.",
    ),
    "channel.varint": Code(
        "An integer does not fit where it is written.",
        "Use 0 to 2^62 - 1; this is a defect of whoever wrote the message.",
    ),
    "channel.bhttp": Code(
        "A message inside the confidential channel is not valid binary HTTP.",
        "Whoever sealed it broke RFC 9292; the message says where.",
    ),
    "channel.bhttp_field": Code(
        "A field of a binary HTTP message is not one that HTTP carries.",
        "Field names are lower-case tokens, values hold no line break; see RFC 9292 section 3.6.",
    ),
    "channel.bhttp_truncated": Code(
        "A binary HTTP message ends in its middle.",
        "Whoever sealed it broke RFC 9292 section 3.8: only what is empty may be left out.",
    ),
    "channel.bhttp_padding": Code(
        "A binary HTTP message is followed by bytes that are not zero.",
        "Whoever sealed it broke RFC 9292 section 3.8.",
    ),
    "channel.bhttp_too_large": Code(
        "A binary HTTP message is larger than what is read.",
        "Send less: heads are bounded at 64 KiB, content by the reader.",
    ),
    "channel.key_config": Code(
        "A key configuration for Oblivious HTTP is not well-formed.",
        "It must be as RFC 9458 section 3 says; ask the node's operator.",
    ),
    "channel.key_suite": Code(
        "A key configuration offers no algorithms that this release knows.",
        "Offer X25519, HKDF-SHA256 and AES-GCM or ChaCha20-Poly1305.",
    ),
    "channel.key_unknown": Code(
        "The request is sealed to a key that the node does not have, or no longer.",
        "Fetch and verify the node's evidence again; nothing was processed.",
    ),
    "channel.malformed": Code(
        "What came through the confidential channel is not Oblivious HTTP.",
        _AGAIN,
    ),
    "channel.too_large": Code(
        "A message of the confidential channel, or one chunk of it, is larger than what is read.",
        "Send less, or raise the reader's bound.",
    ),
    "channel.open": Code(
        "What came through the confidential channel was not sealed for this request: it was "
        "changed, exchanged, reordered or sent before.",
        _AGAIN,
    ),
    "channel.truncated": Code(
        "The confidential channel ended before its sealed final chunk.",
        _AGAIN,
    ),
    "channel.plaintext": Code(
        "An answer came through the relay that is not sealed, as if it were the node's.",
        "It was not read. The relay is faulty or dishonest: use another one.",
    ),
    "channel.node": Code(
        "The relay showed the evidence of another node than it was asked for.",
        "Nothing was sent. Use another relay, or list its nodes again.",
    ),
    "channel.no_node": Code(
        "The relay does not carry requests to this node; nothing reached it.",
        "Another node of the relay is tried by itself. If all fail, check the relay's URL.",
    ),
    "channel.node_unreachable": Code(
        "The relay says that it could not connect to the node, so that nothing reached it.",
        "Another node of the relay is tried by itself.",
    ),
    "channel.relay_rate_limited": Code(
        "The relay asks to slow down; it carried nothing.",
        "Wait for .retry_after seconds, then repeat.",
    ),
    "channel.relay_refused": Code(
        "The relay refused to carry the request.",
        "The message has its status and what it said: 401 and 403 want credentials, "
        "og.LLM(relay_headers=...).",
    ),
}
