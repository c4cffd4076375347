"""No key is ever seen: not in a repr, not in an error, not in a failure that gets signed."""

import json
import traceback

import pytest

from opengradient.core.modes import ReceiptKind
from opengradient.errors import ConfigurationError, ProtocolError, UnsupportedParameterError
from opengradient.wire.sse import Event
from reference_nodes.llm_proxy_node.backends import Backends, Endpoint, ProviderSettings
from tests.unit.llm_proxy_node.backends.support import KEYS, PROVIDERS, backend, backends, request

SECRETS = [value for name, value in KEYS.items() if name.endswith("_KEY")]
BY_PROVIDER = dict(zip(PROVIDERS, SECRETS, strict=True))


def clean(*values):
    for value in values:
        for secret in SECRETS:
            assert secret not in str(value)
            assert secret not in repr(value)
            assert secret[-12:] not in repr(value)


def test_reprs():
    settings = ProviderSettings.from_env(KEYS)
    clean(settings, Backends.from_settings(settings), backends().configured)
    for provider in PROVIDERS:
        upstream = backend(provider).build(request({"stream": True}), "m")
        assert BY_PROVIDER[provider] in "".join(upstream.headers.values())
        clean(backend(provider), upstream, upstream.public_headers, upstream.url, upstream.body)
        clean(backend(provider).new_stream(ReceiptKind.CHAT))


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 529])
def test_failures(provider, status):
    secret = BY_PROVIDER[provider]
    masked = f"{secret[:8]}****{secret[-12:]}"
    for shown in (secret, f"Bearer {secret}", masked, f"key={secret}&x"):
        for body in (
            {"error": {"message": f"wrong: {shown}", "type": shown, "param": shown, "code": shown}},
            {"error": f"wrong: {shown}", "code": shown},
            {"detail": shown},
            {"error": {"message": shown, "details": [{"fieldViolations": [{"field": shown}]}]}},
        ):
            data = json.dumps(body).encode()
            result = backend(provider).parse_error(status, {"www-authenticate": shown}, data)
            clean(result, result.as_json())


@pytest.mark.parametrize("provider", PROVIDERS)
def test_failures_within_streams(provider):
    secret = BY_PROVIDER[provider]
    parser = backend(provider).new_stream(ReceiptKind.CHAT)
    event = {"type": "error", "error": {"message": f"bad {secret}", "type": "x"}}
    parser.feed(Event(json.dumps(event).encode()))
    assert parser.error is not None
    clean(parser.error)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_raised_errors(provider):
    with pytest.raises(ProtocolError) as protocol:
        backend(provider).parse_reply(ReceiptKind.CHAT, b"{")
    clean(protocol.value, "".join(traceback.format_exception(protocol.value)))
    with pytest.raises(UnsupportedParameterError) as refused:
        backend("anthropic").build(request({"seed": 1}), "m")
    clean(refused.value, "".join(traceback.format_exception(refused.value)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_API_KEY", SECRETS[0] + "\n"),
        ("OPENAI_API_KEY", SECRETS[0] + " x"),
        ("OPENAI_API_KEY", SECRETS[0] + "é"),
        ("OPENAI_BASE_URL", f"https://u:{SECRETS[0]}@api.openai.com/v1"),
        ("OPENAI_BASE_URL", f"https://api.openai.com/v1?key={SECRETS[0]}"),
        ("OPENAI_BASE_URL", f"https://api.openai.com/v1#{SECRETS[0]}"),
        ("OPENAI_BASE_URL", f"ftp://{SECRETS[0]}"),
        ("OPENAI_BASE_URL", f"https://[{SECRETS[0]}/v1"),
        ("OPENAI_BASE_URL", "http://api.openai.com/v1"),
    ],
)
def test_settings_name_the_variable_but_not_its_value(name, value):
    with pytest.raises(ConfigurationError) as caught:
        ProviderSettings.from_env({**KEYS, name: value})
    assert name in str(caught.value)
    clean(caught.value, "".join(traceback.format_exception(caught.value)))


def test_a_key_goes_over_http_to_loopback_only():
    for host in ("127.0.0.1:1", "localhost", "[::1]:1"):
        Endpoint(base_url=f"http://{host}/v1", key="k")
    with pytest.raises(ConfigurationError):
        Endpoint(base_url="http://10.0.0.1/v1", key="k")
    Endpoint(base_url="http://10.0.0.1/v1")
