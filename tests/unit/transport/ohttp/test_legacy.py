"""The public network's sealed format, against a gateway that speaks it."""

import json

import pytest

from opengradient.errors import (
    ChannelError,
    ConfigurationError,
    ConnectError,
    OpenGradientError,
    ProtocolError,
    RelayError,
)
from opengradient.transport import HttpTransport
from opengradient.transport.ohttp import (
    GatewayKey,
    LegacyOhttpTransport,
    ResponseSealer,
    open_request,
    seal_response,
)
from tests.net.server import raw_server
from tests.unit.transport.ohttp.tiny_gateway import http

KEY = GatewayKey.of(bytes(range(32)), key_id=1)
TEE = bytes([9] * 32)
CHAT = "https://node/v1/chat/completions"
BODY = b'{"model": "gpt-5", "messages": []}'
WHOLE, CHUNKED = "message/ohttp-res", "message/ohttp-chunked-res"


class PublicGateway:
    """Opens whole requests and answers as the test says: JSON, pieces of a stream, or raw bytes."""

    def __init__(self, answer, meddle=bytes):
        self.answer = answer
        self.meddle = meddle
        self.seen = []

    async def __call__(self, stream, request):
        if isinstance(self.answer, bytes):
            await stream.send(self.answer)
            return
        opened, exchange = open_request(request.partition(b"\r\n\r\n")[2], {1: KEY})
        self.seen.append(opened)
        if isinstance(self.answer, list):
            sealer = ResponseSealer(exchange)
            sealed = b"".join(map(sealer.seal, self.answer)) + sealer.finish()
            await stream.send(http(200, self.meddle(sealed), CHUNKED))
        else:
            sealed = seal_response(exchange, json.dumps(self.answer).encode())
            await stream.send(http(200, self.meddle(sealed), WHOLE))


def transport_to(server, relay):
    return LegacyOhttpTransport(
        relay, relay_url=server.url, tee_id=TEE, key=KEY.public, headers={"authorization": "x"}
    )


async def whole(gateway, url=CHAT, method="POST"):
    async with raw_server(gateway) as server, HttpTransport() as relay:
        answer = await transport_to(server, relay).request(
            method, url, headers={"idempotency-key": "k"}, content=BODY
        )
        return answer, server.requests[0]


async def pieces(gateway):
    async with (
        raw_server(gateway) as server,
        HttpTransport() as relay,
        transport_to(server, relay).stream("POST", CHAT, content=BODY) as stream,
    ):
        return stream.status, [piece async for piece in stream], server.requests[0]


async def refused(code, kind, call):
    with pytest.raises(ExceptionGroup) as caught:  # of the server's task group
        await call
    error: BaseException = caught.value
    while isinstance(error, ExceptionGroup):
        [error] = error.exceptions
    assert isinstance(error, OpenGradientError)
    assert (error.code, type(error)) == (code, kind)


async def test_json_goes_and_comes_sealed():
    gateway = PublicGateway({"choices": []})
    answer, outer = await whole(gateway)
    assert (answer.status, json.loads(answer.body)) == (200, {"choices": []})
    assert gateway.seen == [BODY]
    assert outer.startswith(b"POST /api/v1/chat/ohttp HTTP/1.1\r\n")
    head = outer.partition(b"\r\n\r\n")[0].lower()
    assert b"x-tee-id: 0x" + TEE.hex().encode() in head
    assert b"content-type: message/ohttp-req" in head
    assert b"authorization: x" in head
    for word in (b"idempotency", b"gpt", b"x-ohttp-stream"):
        assert word not in head


async def test_a_stream_comes_in_chunks():
    status, read, outer = await pieces(PublicGateway([b"data: 1\n\n", b"data: 2\n\n"]))
    assert status == 200
    assert b"".join(read) == b"data: 1\n\ndata: 2\n\n"
    assert b"x-ohttp-stream: true" in outer.lower()


async def test_sealed_errors_have_their_status():
    error = {"status": 422, "body": {"error": "no"}}
    answer, _ = await whole(PublicGateway(error))
    assert (answer.status, json.loads(answer.body)) == (422, {"error": "no"})
    status, read, _ = await pieces(PublicGateway({"status": 500, "body": "down"}))
    assert (status, read) == (500, [b"down"])


async def test_what_is_not_sealed_is_the_relays_word():
    refusal = http(402, b"{}", "application/json")
    await refused("channel.relay_refused", RelayError, whole(PublicGateway(refusal)))
    await refused("channel.relay_refused", RelayError, pieces(PublicGateway(refusal)))
    missing = http(404, b"{}", "application/json")
    await refused("channel.no_node", ConnectError, whole(PublicGateway(missing)))
    plain = http(200, b'{"choices": []}', "application/json")
    await refused("channel.plaintext", ChannelError, whole(PublicGateway(plain)))
    await refused("channel.plaintext", ChannelError, pieces(PublicGateway(plain)))
    await refused("channel.plaintext", ChannelError, whole(PublicGateway([b"x"])))


async def test_what_was_changed_or_cut_is_not_believed():
    def flip(sealed):
        return sealed[:40] + bytes([sealed[40] ^ 1]) + sealed[41:]

    await refused("channel.open", ChannelError, whole(PublicGateway({}, flip)))
    await refused("channel.open", ChannelError, pieces(PublicGateway([b"x" * 50], flip)))
    cut = PublicGateway([b"x" * 50, b"y" * 50], lambda sealed: sealed[:-40])
    await refused("channel.truncated", ProtocolError, pieces(cut))
    await refused("channel.truncated", ProtocolError, whole(PublicGateway({}, lambda s: s[:40])))


async def test_only_chat_goes_that_way():
    gateway = PublicGateway({})
    for method, url in (("GET", CHAT), ("POST", "https://node/v1/completions")):
        await refused("config.invalid", ConfigurationError, whole(gateway, url, method))
    await refused("transport.protocol", ProtocolError, whole(PublicGateway("text")))
