"""The client's side of the channel, with a relay in between that may do anything but decrypt."""

from contextlib import asynccontextmanager
from typing import ClassVar

import anyio
import anyio.lowlevel
import pytest

from opengradient.errors import (
    ChannelError,
    ConfigurationError,
    ConnectError,
    OpenGradientError,
    ProtocolError,
    RelayError,
    TimedOutError,
    TransportError,
)
from opengradient.transport import HttpTransport, RetryPolicy, Timeouts
from opengradient.transport.ohttp import (
    AnswerSealer,
    GatewayKey,
    OhttpTransport,
    check_relay_url,
    open_sealed_request,
    route_of,
)
from opengradient.wire.bhttp import BinaryResponse, ResponseHead
from tests.net.server import raw_server
from tests.unit.transport.ohttp.tiny_gateway import NODE_ID, OK, SEALED, Gateway, channel, http

KEY = GatewayKey.of(bytes(range(32)), key_id=7)
SECRET = {"idempotency-key": "key-of-the-call", "X-Nonce": "aa"}
PROMPT = b'{"model": "openai/gpt-5", "messages": "tell me a secret"}'


def gateway(answer=None, **settings):
    return Gateway(
        {7: KEY}, answer or (lambda _: BinaryResponse(head=OK, content=b"yes")), **settings
    )


async def post(transport, **more):
    return await transport.request(
        "POST", transport.route + "/v1/chat?x=1", headers=SECRET, content=PROMPT, **more
    )


async def read(transport, **more):
    async with transport.stream(
        "POST", transport.route + "/v1/chat", headers=SECRET, content=PROMPT, **more
    ) as stream:
        return [piece async for piece in stream]


async def refused(code, kind, call):
    with pytest.raises(OpenGradientError) as caught:
        await call
    assert (caught.value.code, type(caught.value)) == (code, kind)
    return caught.value


async def test_a_request_arrives_whole_and_so_does_its_answer():
    served = gateway(lambda _: BinaryResponse(head=ResponseHead(status=429), content=b"no"))
    async with channel(served) as (transport, _):
        answer = await post(transport)
    assert (answer.status, answer.body, answer.peer_certificate) == (429, b"no", None)
    [inner] = served.seen
    assert (inner.head.method, inner.head.path) == ("POST", "/v1/chat?x=1")
    assert inner.head.headers == (("idempotency-key", "key-of-the-call"), ("x-nonce", "aa"))
    assert inner.content == PROMPT


async def test_repeated_headers_are_joined_and_informational_heads_passed_over():
    early = ResponseHead(status=103)
    served = gateway(lambda _: BinaryResponse(head=OK, informational=(early,)))
    async with channel(served) as (transport, _):
        answer = await post(transport)
    assert answer.headers == {"content-type": "text/plain", "a": "1, 2"}


async def test_the_relay_sees_nothing_of_the_request():
    served = gateway()
    async with channel(served, headers={"Authorization": "Bearer mine"}) as (transport, server):
        await post(transport)
        await transport.request("GET", transport.route + "/v1/models", headers={"z": "y"})
    first, second = (request.split(b"\r\n\r\n", 1) for request in server.requests)
    assert sorted(first[0].decode().lower().split("\r\n")) == [
        "accept-encoding: identity",
        "accept: message/ohttp-chunked-res",
        "authorization: bearer mine",
        "connection: keep-alive",
        f"content-length: {len(first[1])}",
        "content-type: message/ohttp-chunked-req",
        f"host: 127.0.0.1:{server.port}",
        f"post /v1/relay/0x{'ab' * 32} http/1.1",
        "user-agent: opengradient",
    ]
    assert first[0] == second[0]  # another method, path, headers and size, and the same outside
    assert len(first[1]) == len(second[1])
    for word in (b"secret", b"gpt", b"idempotency", b"nonce", b"chat", b"POST /v1/chat"):
        assert word not in server.requests[0].lower()


async def test_credentials_may_be_fetched_for_each_request():
    given = iter(["one", "two"])

    async def fetch():
        return {"authorization": next(given)}

    served = gateway()
    async with channel(served, headers=fetch) as (transport, server):
        await post(transport)
        await post(transport)
    assert [f"authorization: {n}".encode() in r for n, r in zip(("one", "two"), server.requests, strict=True)] == [True, True]  # fmt: skip


async def test_a_stream_comes_piece_by_piece():
    words = [b"a" * 100, b"b" * 200, b"c" * 300]
    async with channel(gateway(lambda _: words)) as (transport, _):
        assert b"".join(await read(transport)) == b"".join(words)
        async with transport.stream("POST", transport.route + "/x") as stream:
            assert stream.status == 200
            assert stream.headers["a"] == "1, 2"
            assert await stream.read() == b"".join(words)
        async with transport.stream("POST", transport.route + "/x") as stream:
            await refused("transport.too_large", ProtocolError, stream.read(10))


async def test_pieces_are_handed_out_before_the_end():
    """The relay holds the rest back until the first piece was read."""
    go_on = anyio.Event()

    async def handler(stream, request):
        _, exchange = open_sealed_request(request.partition(b"\r\n\r\n")[2], {7: KEY})
        sealer = AnswerSealer(exchange, OK)
        first, rest = sealer.content(b"first" * 20), sealer.content(b"x" * 100) + sealer.end()
        await stream.send(http(200, first, SEALED, length=len(first) + len(rest)))
        await go_on.wait()
        await stream.send(rest)

    async with raw_server(handler) as server:
        transport = OhttpTransport(
            HttpTransport(), relay_url=server.url, node_id=NODE_ID, key=KEY.public, owns_relay=True
        )
        with anyio.fail_after(10):
            async with transport.stream("GET", transport.route + "/x") as stream:
                pieces = aiter(stream)
                assert await anext(pieces) == b"first" * 20
                go_on.set()
                assert [piece async for piece in pieces] == [b"x" * 100]
        await transport.aclose()


async def test_a_swapped_answer_is_not_ours():
    other = gateway(lambda _: [b"other" * 30])
    async with channel(other) as (transport, _):
        await read(transport)
    served = gateway(meddle=lambda _: other.answers[0])
    async with channel(served) as (transport, _):
        await refused("channel.open", ChannelError, post(transport))
        await refused("channel.open", ChannelError, read(transport))


async def test_a_replayed_answer_is_not_ours():
    served = gateway(lambda _: [b"old" * 50])
    async with channel(served) as (transport, _):
        await read(transport)
        served.meddle = lambda _: served.answers[0]
        await refused("channel.open", ChannelError, read(transport))


@pytest.mark.parametrize("cut", [0, 10, 32, 33, 100, 700, -1])
async def test_a_truncated_answer_has_no_end(cut):
    served = gateway(lambda _: [b"a" * 100, b"b" * 100], meddle=lambda sealed: sealed[:cut])
    async with channel(served) as (transport, _):
        for call in (post(transport), read(transport)):
            with pytest.raises((ProtocolError, ChannelError)) as caught:
                await call
            assert caught.value.code in ("channel.truncated", "channel.open")


async def test_what_came_before_the_cut_was_authentic():
    served = gateway(lambda _: [b"a" * 100, b"b" * 100], meddle=lambda sealed: sealed[:700])
    async with (
        channel(served) as (transport, _),
        transport.stream("GET", transport.route + "/x") as stream,
    ):
        pieces = aiter(stream)
        assert await anext(pieces) == b"a" * 100
        await refused("channel.truncated", ProtocolError, anext(pieces))


async def test_a_connection_that_breaks_is_a_broken_connection():
    broken = http(200, bytes(40), SEALED, length=5000)
    async with channel(gateway(raw=[broken, broken])) as (transport, _):
        for call in (post(transport), read(transport)):
            with pytest.raises(TransportError):
                await call


async def test_a_changed_answer_is_not_believed():
    def flip(sealed):
        return sealed[:60] + bytes([sealed[60] ^ 1]) + sealed[61:]

    async with channel(gateway(meddle=flip)) as (transport, _):
        await refused("channel.open", ChannelError, post(transport))
        await refused("channel.open", ChannelError, read(transport))


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "message/ohttp-res", ""])
async def test_an_answer_in_plain_text_is_not_read(kind):
    plain = http(200, b'{"choices": []}', kind)
    async with channel(gateway(raw=[plain, plain])) as (transport, _):
        await refused("channel.plaintext", ChannelError, post(transport))
        await refused("channel.plaintext", ChannelError, read(transport))


class Dribbler:
    """A relay that sends something all the time, and never anything whole."""

    status = 200
    headers: ClassVar = {"content-type": SEALED}

    @asynccontextmanager
    async def stream(self, method, url, *, headers=None, content=b"", timeout=None):
        yield self

    async def __aiter__(self):
        yield bytes(40)
        while True:
            await anyio.lowlevel.checkpoint()
            yield b""

    async def aclose(self):
        pass


async def test_dribbled_bytes_are_no_sign_of_life():
    transport = OhttpTransport(
        Dribbler(),
        relay_url="https://relay",
        node_id=NODE_ID,
        key=KEY.public,
        timeouts=Timeouts(silence=0.1),
    )
    with anyio.fail_after(5):
        await refused("transport.timeout", TimedOutError, read(transport))
        await refused("transport.timeout", TimedOutError, read(transport, timeout=0.05))


async def test_a_relay_that_says_nothing():
    async def handler(stream, request):
        await anyio.sleep_forever()

    async with raw_server(handler) as server:
        transport = OhttpTransport(
            HttpTransport(), relay_url=server.url, node_id=NODE_ID, key=KEY.public, owns_relay=True
        )
        with anyio.fail_after(5):
            await refused("transport.timeout", TimedOutError, post(transport, timeout=0.1))
            await refused("transport.timeout", TimedOutError, read(transport, timeout=0.1))
        await transport.aclose()


async def test_a_key_that_the_node_does_not_have_means_that_nothing_was_done():
    served = Gateway({8: GatewayKey.generate(key_id=8)}, lambda _: [b"never"])
    async with channel(served, KEY) as (transport, _):
        await refused("channel.key_unknown", ConnectError, post(transport))
        await refused("channel.key_unknown", ConnectError, read(transport))
    assert not served.seen


RETRY = RetryPolicy(max_retries=2)


@pytest.mark.parametrize(
    ("status", "code", "kind", "repeats"),
    [
        (404, "channel.no_node", ConnectError, True),
        (503, "channel.node_unreachable", ConnectError, True),
        (400, "channel.relay_refused", RelayError, False),
        (401, "channel.relay_refused", RelayError, False),
        (402, "channel.relay_refused", RelayError, False),
        (302, "channel.relay_refused", RelayError, False),
        (204, "channel.relay_refused", RelayError, False),
        (429, "channel.relay_rate_limited", RelayError, True),
        (500, "channel.relay", RelayError, True),
        (502, "channel.relay", RelayError, True),
    ],
)
async def test_what_the_relay_says_for_itself(status, code, kind, repeats):
    body = b'{"error": {"message": "so\\u0007 it is", "code": "x"}}'
    said = http(status, body, "application/json", "retry-after: 7\r\n")
    if status == 204:
        said = b"HTTP/1.1 204 X\r\nconnection: close\r\n\r\n"
    async with channel(gateway(raw=[said, said])) as (transport, _):
        error = await refused(code, kind, post(transport))
        await refused(code, kind, read(transport))
    assert "the relay itself answered" in error.message
    assert f"status {status}" in error.message
    assert RETRY.may_repeat(error, attempt=1, has_key=True) == repeats
    if status == 429:
        assert error.retry_after == 7.0
    if isinstance(error, RelayError) and status != 204:
        assert error.status == status
        assert error.body == body.decode()
        assert "'so it is'" in error.message


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (
            400,
            "text/plain",
            b'{"type": "https://iana.org/assignments/http-problem-types#ohttp-key"}',
        ),
        (400, "application/problem+json", b'{"type": "about:blank"}'),
        (400, "application/problem+json", b'["type"]'),
        (400, "application/problem+json", b"{"),
        (400, "application/json", b'{"error": {"message": 5}}'),
    ],
)
async def test_only_the_problem_of_the_rfc_speaks_of_keys(status, kind, body):
    async with channel(gateway(raw=[http(status, body, kind)])) as (transport, _):
        await refused("channel.relay_refused", RelayError, post(transport))


async def test_a_sealed_error_is_the_nodes_and_not_the_relays():
    served = gateway(lambda _: BinaryResponse(head=ResponseHead(status=502), content=b"down"))
    async with channel(served) as (transport, _):
        assert (await post(transport)).status == 502


async def test_bounds():
    large = gateway(lambda _: BinaryResponse(head=OK, content=b"x" * 5000))
    async with channel(large) as (transport, _):
        assert len((await post(transport, max_bytes=5000)).body) == 5000
        with pytest.raises(OpenGradientError) as caught:
            await post(transport, max_bytes=4999)
        assert caught.value.code == "channel.bhttp_too_large"
    huge = gateway(lambda _: BinaryResponse(head=OK, content=b"x" * 2_000_000))
    async with channel(huge) as (transport, _):
        await refused("transport.too_large", ProtocolError, post(transport, max_bytes=1000))


async def test_urls_of_other_nodes_are_refused():
    async with channel(gateway()) as (transport, server):
        for url in (server.url + "/v1/chat", transport.route, transport.route + "x/v1"):
            await refused("config.invalid", ConfigurationError, transport.request("GET", url))
    assert transport.route == route_of(server.url + "/", NODE_ID)


async def test_an_unreachable_relay_got_nothing():
    transport = OhttpTransport(
        HttpTransport(), relay_url="http://127.0.0.1:1", node_id=NODE_ID, key=KEY.public
    )
    await refused("transport.connect", ConnectError, post(transport))


async def test_the_relays_connections_stay_open_for_whoever_shares_them():
    async with raw_server(gateway()) as server, HttpTransport() as relay:
        for _ in range(2):
            transport = OhttpTransport(relay, relay_url=server.url, node_id=NODE_ID, key=KEY.public)
            assert (await post(transport)).body == b"yes"
            await transport.aclose()


def test_addresses_of_relays():
    assert check_relay_url("https://relay.example/") == "https://relay.example"
    assert check_relay_url("http://127.0.0.1:8440") == "http://127.0.0.1:8440"
    for url in (
        "http://relay.example",
        "relay.example",
        "ftp://127.0.0.1",
        "https://user:x@relay.example",
        "https://relay.example/?q=1",
        "https://[",
        "https://relay.example:0",
    ):
        with pytest.raises(ConfigurationError):
            check_relay_url(url)
