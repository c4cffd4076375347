"""What the tests of the backends need."""

import json

from opengradient.core.messages import StreamAccumulator
from opengradient.wire.openai_request import CHAT_PATH, parse_request
from opengradient.wire.sse import EventDecoder
from reference_nodes.llm_proxy_node.backends import Backends, ProviderSettings

KEYS = {
    "OPENAI_API_KEY": "sk-proj-oaiSECRET0123456789",
    "ANTHROPIC_API_KEY": "sk-ant-antSECRET0123456789",
    "GOOGLE_API_KEY": "AIzaGooSECRET0123456789",
    "XAI_API_KEY": "xai-xaiSECRET0123456789",
    "OPENGRADIENT_UPSTREAM_URL": "http://127.0.0.1:9/v1",
    "OPENGRADIENT_UPSTREAM_API_KEY": "upstreamSECRET0123456789",
}
PROVIDERS = ("openai", "anthropic", "google", "xai", "local")
PIXEL = "data:image/png;base64,iVBORw0KGgo="
USER = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def backends():
    """All five, with keys that tests can look for."""
    return Backends.from_settings(ProviderSettings.from_env(KEYS))


def backend(provider):
    """One of them."""
    return backends().resolve(f"{provider}/m")[0]


def request(body, path=CHAT_PATH):
    """A validated request; the body may lack model and messages."""
    whole = {"model": "m", **({"messages": [USER]} if path == CHAT_PATH else {}), **body}
    return parse_request(json.dumps(whole).encode(), path, max_bytes=10**7)


def built(provider, body, path=CHAT_PATH, model="m"):
    """The upstream body, parsed."""
    return json.loads(backend(provider).build(request(body, path), model).body)


def sse(*events):
    """Events as bytes; a pair is a named event."""
    out = b""
    for event in events:
        name, data = event if isinstance(event, tuple) else (None, event)
        text = data if isinstance(data, str) else json.dumps(data)
        out += (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()
    return out


def run_stream(provider, data, kind):
    """Feed a whole body; the parser, the deltas, and the choices that they make."""
    parser = backend(provider).new_stream(kind)
    deltas = [delta for event in EventDecoder().feed(data) for delta in parser.feed(event)]
    whole = StreamAccumulator()
    for delta in deltas:
        whole.add(delta)
    return parser, deltas, whole.choices()
