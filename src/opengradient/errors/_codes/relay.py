"""Codes of relays, which carry sealed requests to nodes."""

from opengradient.errors._codes._code import Code

TABLE: dict[str, Code] = {
    "relay.unknown_node": Code(
        "The relay carries nothing to this node.",
        "GET /v1/relay/nodes lists the nodes that it carries to; a restarted node has a new id.",
    ),
    "relay.unauthorized": Code(
        "The relay serves those only who show one of its tokens.",
        "Send `authorization: Bearer TOKEN`; ask its operator for one.",
    ),
    "relay.media_type": Code(
        "The relay carries sealed requests only.",
        "Send message/ohttp-req or message/ohttp-chunked-req.",
    ),
    "relay.unreachable": Code(
        "The relay could not connect to the node; nothing was sent to it.",
        "Repeat later, or choose another node.",
    ),
    "relay.lost": Code(
        "The relay lost the node before its answer; it may have processed the request.",
        "Repeat with the same idempotency key.",
    ),
    "relay.answer": Code(
        "The node answered with something that is not sealed, so the relay does not pass it on.",
        "Repeat later, or choose another node; the relay's log has the status.",
    ),
}
