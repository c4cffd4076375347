"""A key that is replaced while its listener listens."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import anyio
import pytest
from anyio.streams.tls import TLSAttribute, TLSStream

from opengradient.core.digests import sha256
from opengradient.errors import ConfigurationError
from opengradient.verify.node import certificate_spki
from reference_nodes._kit.app import App, Request, Response
from reference_nodes._kit.credentials import TlsCredentials, make_tls_credentials
from reference_nodes._kit.server import Bind, serving
from reference_nodes._kit.tls import LiveTls, spki_of, tls_context
from tests.unit._kit.node_parts import START_MS


def credentials() -> TlsCredentials:
    return make_tls_credentials(now_ms=START_MS)


async def channel(request: Request) -> Response:
    kind, key = request.channel
    return Response.json({"kind": kind.name, "key": key.hex()})


APP = App({"/channel": {"GET": channel}})


@asynccontextmanager
async def connected(url: str, name: str | None = "localhost") -> AsyncIterator[TLSStream]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    host, port = url.removeprefix("https://").split(":")
    plain = await anyio.connect_tcp(host, int(port))
    stream = await TLSStream.wrap(
        plain, hostname=name, server_side=False, ssl_context=context, standard_compatible=False
    )
    async with stream:
        yield stream


async def ask(stream: TLSStream) -> bytes:
    await stream.send(b"GET /channel HTTP/1.1\r\nhost: x\r\n\r\n")
    data = b""
    while not data.endswith(b"}"):
        data += await stream.receive()
    return data


def key_of(stream: TLSStream) -> bytes:
    peer = stream.extra(TLSAttribute.peer_certificate_binary)
    assert peer is not None
    return sha256(certificate_spki(peer))


@pytest.mark.parametrize("name", ["localhost", None])
async def test_new_handshakes_get_the_new_key_with_a_server_name_or_without(name) -> None:
    first, second = credentials(), credentials()
    live = LiveTls(first)
    async with serving(APP, Bind(drain_seconds=0), live) as url, connected(url, name) as old:
        assert key_of(old) == first.spki_sha256
        answer = await ask(old)
        assert first.spki_sha256.hex().encode() in answer
        assert b"connection: close" not in answer.lower()
        live.use(tls_context(second))
        assert live.is_current(second.spki_sha256)
        async with connected(url, name) as new:
            assert key_of(new) == second.spki_sha256
            assert second.spki_sha256.hex().encode() in await ask(new)
        # What stands goes on under its own key, once more, and says that it is the last time.
        answer = await ask(old)
        assert first.spki_sha256.hex().encode() in answer
        assert b"connection: close" in answer.lower()
        with pytest.raises(anyio.EndOfStream):
            await old.receive()


async def test_a_plain_listener_has_no_channel() -> None:
    async with serving(APP, Bind(drain_seconds=0), None) as url:
        host, port = url.removeprefix("http://").split(":")
        async with await anyio.connect_tcp(host, int(port)) as stream:
            await stream.send(b"GET /channel HTTP/1.1\r\nhost: x\r\n\r\n")
            data = b""
            while not data.endswith(b"}"):
                data += await stream.receive()
    assert b'"NONE"' in data


def test_only_contexts_of_ours_know_their_key() -> None:
    with pytest.raises(TypeError):
        spki_of(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_not_resumed(version: ssl.TLSVersion) -> None:
    live = LiveTls(credentials())
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    client.maximum_version = client.minimum_version = version

    def connect(session: ssl.SSLSession | None) -> ssl.SSLObject:
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        server_end = live.context.wrap_bio(to_server, to_client, server_side=True)
        client_end = client.wrap_bio(to_client, to_server, session=session)
        pending = [client_end, server_end]
        while pending:
            end = pending.pop(0)
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pending.append(end)
        server_end.write(b"x")
        assert client_end.read(1) == b"x"
        return client_end

    first = connect(None)
    again = connect(first.session) if first.session and first.session.id else connect(None)
    assert not again.session_reused
    assert not (first.session and first.session.has_ticket)


def test_a_key_that_cannot_be_used_is_said_so() -> None:
    broken = replace(credentials(), key_pem=b"no key")
    with pytest.raises(ConfigurationError):
        LiveTls(broken)
    with pytest.raises(TypeError):
        LiveTls(credentials()).use(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
