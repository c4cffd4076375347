"""Pins: exactly one certificate, and nothing is sent to any other."""

import ssl

import pytest

from opengradient.errors import ConfigurationError, ConnectError
from opengradient.transport import HttpTransport, TlsPin
from tests.net.certificates import self_signed
from tests.net.server import raw_server, reply


async def get(url, pin):
    async with HttpTransport(pin=pin) as http:
        return await http.request("GET", url)


async def test_the_pinned_certificate_is_accepted(tmp_path):
    node = self_signed()
    async with raw_server(reply(), node, tmp_path) as server:
        answer = await get(server.url, TlsPin.certificate(node.pem))
    assert answer.status == 200
    assert answer.peer_certificate == node.der


async def test_another_certificate_is_refused_before_anything_is_sent(tmp_path):
    async with raw_server(reply(), self_signed(), tmp_path) as server:
        with pytest.raises(ConnectError) as caught:
            await get(server.url, TlsPin.certificate(self_signed().pem))
    assert caught.value.code == "transport.tls_pin"
    assert server.requests == []


async def test_what_the_pinned_certificate_signed_is_refused(tmp_path):
    authority = self_signed(ca=True)
    leaf = self_signed(issuer=authority)
    async with raw_server(reply(), leaf, tmp_path) as server:
        with pytest.raises(ConnectError) as caught:
            await get(server.url, TlsPin.certificate(authority.pem))
    assert caught.value.code == "transport.tls_pin"
    assert server.requests == []


async def test_an_expired_certificate_is_refused_though_pinned(tmp_path):
    node = self_signed(days=(-3, -1))
    async with raw_server(reply(), node, tmp_path) as server:
        with pytest.raises(ConnectError) as caught:
            await get(server.url, TlsPin.certificate(node.pem))
    assert caught.value.code == "transport.tls_pin"
    assert server.requests == []


async def test_without_pin_the_systems_authorities_decide(tmp_path):
    async with raw_server(reply(), self_signed(), tmp_path) as server:
        with pytest.raises(ConnectError):
            await get(server.url, None)
    assert server.requests == []


async def test_bootstrap_accepts_any_and_shows_it(tmp_path):
    node = self_signed(days=(-3, -1))
    async with raw_server(reply(), node, tmp_path) as server:
        answer = await get(server.url, TlsPin.none_for_bootstrap())
    assert answer.peer_certificate == node.der


def test_tls_is_1_2_or_later():
    for pin in (TlsPin.none_for_bootstrap(), TlsPin.certificate(self_signed().pem)):
        assert pin.context().minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    "pem", ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_what_is_no_certificate_is_refused(pem):
    with pytest.raises(ConfigurationError):
        TlsPin.certificate(pem)


def test_two_certificates_are_refused():
    with pytest.raises(ConfigurationError):
        TlsPin.certificate(self_signed().pem + self_signed().pem)


async def test_running_out_of_time_in_the_handshake_is_a_connect_error():
    async with (
        raw_server(reply()) as server,
        HttpTransport(pin=TlsPin.none_for_bootstrap()) as http,
    ):
        with pytest.raises(ConnectError):
            await http.request("GET", server.url.replace("http:", "https:"), timeout=0.1)
    assert server.requests == []
