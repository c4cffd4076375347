"""JSON-RPC over HTTP: what `opengradient.chain` speaks to a ledger through."""

from opengradient.chain.rpc import MAX_ANSWER_BYTES, Post
from opengradient.errors import NodeError
from opengradient.transport.http import HttpTransport


def http_post(transport: HttpTransport, url: str) -> Post:
    """Carry JSON-RPC bodies to a URL.

    Args:
        transport: Open for as long as the result is used.
        url: Of the ledger's RPC.
    """

    async def post(body: bytes, /) -> bytes:
        response = await transport.request(
            "POST",
            url,
            headers={"content-type": "application/json"},
            content=body,
            max_bytes=MAX_ANSWER_BYTES,
        )
        # Some servers send JSON-RPC errors with an HTTP error: those are answers all the same.
        if response.status != 200 and not response.body.startswith(b"{"):
            text = response.body.decode("utf-8", "replace")
            raise NodeError(
                f"the ledger answered HTTP {response.status}", status=response.status, body=text
            )
        return response.body

    return post
