"""The simulators themselves: they check, they record, and they fail on command."""

import json
import ssl
import subprocess
import sys

import anyio
import httpx
import pytest

from opengradient.testing.simulators import ProviderSimulator, Scenario, scenario_of_model
from opengradient.testing.simulators._fast import FastAnswers
from opengradient.testing.simulators._http import serving
from opengradient.testing.simulators.simulator import DIALECTS

BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def client():
    return httpx.AsyncClient(timeout=5)


def auth(sim):
    return {"authorization": f"Bearer {sim.key}"}


async def post(sim, body, path="/chat/completions", **headers):
    async with client() as http:
        return await http.post(sim.url + path, json=body, headers={**auth(sim), **headers})


async def test_requests_are_recorded_as_they_came():
    raw = b'{ "model":"m", "messages" : [{"role":"user","content":"\xc3\xa9"}] }'
    async with ProviderSimulator.openai() as sim, client() as http:
        headers = {**auth(sim), "content-type": "application/json", "x-mine": "1"}
        await http.post(sim.url + "/chat/completions?a=b", content=raw, headers=headers)
        (request,) = sim.requests
    assert (request.method, request.target) == ("POST", "/v1/chat/completions?a=b")
    assert request.path == "/v1/chat/completions"
    assert request.headers["x-mine"] == "1"
    assert request.body == raw
    assert request.json()["model"] == "m"


async def test_the_script_comes_before_the_models_name():
    async with ProviderSimulator.openai() as sim:
        sim.enqueue(Scenario(text=("one",)), Scenario(text=("two",)))
        answers = [(await post(sim, {**BODY, "model": "sim-echo"})).json() for _ in range(3)]
    texts = [answer["choices"][0]["message"]["content"] for answer in answers]
    assert texts == ["one", "two", "hi"]


@pytest.mark.parametrize(
    ("name", "path", "body", "headers", "status"),
    [
        ("openai", "/nowhere", BODY, {}, 404),
        ("openai", "/chat/completions", BODY, {"authorization": "Bearer no"}, 401),
        ("openai", "/chat/completions", {"model": "m"}, {}, 400),
        ("openai", "/chat/completions", {**BODY, "bogus": 1}, {}, 400),
        ("openai", "/chat/completions", BODY, {"content-type": "text/plain"}, 400),
        ("openai", "/chat/completions", {**BODY, "stream_options": {}}, {}, 400),
        ("openai", "/embeddings", {"model": "m", "input": "x", "n": 2}, {}, 400),
        ("openai", "/chat/completions", [], {}, 400),
        ("compatible", "/chat/completions", {**BODY, "bogus": 1}, {}, 200),
        ("xai", "/chat/completions", {**BODY, "logit_bias": {}}, {}, 400),
        ("xai", "/chat/completions", BODY, {"authorization": "Bearer no"}, 400),
    ],
)
async def test_openai_checks(name, path, body, headers, status):
    async with getattr(ProviderSimulator, name)() as sim:
        assert (await post(sim, body, path, **headers)).status_code == status


CLAUDE = {**BODY, "max_tokens": 5}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (CLAUDE, {}, 200),
        (CLAUDE, {"x-api-key": "no"}, 401),
        (CLAUDE, {"anthropic-version": ""}, 400),
        (BODY, {}, 400),
        ({**CLAUDE, "n": 1}, {}, 400),
        ({**CLAUDE, "messages": []}, {}, 400),
        ({**CLAUDE, "messages": [{"role": "system", "content": "x"}]}, {}, 400),
        ({**CLAUDE, "messages": [{"role": "user", "content": ""}]}, {}, 400),
        (
            {**CLAUDE, "messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]},
            {},
            400,
        ),
    ],
)
async def test_anthropic_checks(body, headers, status):
    async with ProviderSimulator.anthropic() as sim, client() as http:
        sent = {"x-api-key": sim.key, "anthropic-version": "2023-06-01", **headers}
        answer = await http.post(sim.url + "/v1/messages", json=body, headers=sent)
        assert answer.status_code == status
        assert status == 200 or answer.json()["type"] == "error"
        assert (await http.post(sim.url + "/v1/other", json=body, headers=sent)).status_code == 404


GEMINI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


@pytest.mark.parametrize(
    ("method", "body", "key", "status"),
    [
        ("generateContent", GEMINI, None, 200),
        ("generateContent", GEMINI, "no", 400),
        ("generateContent", {}, None, 400),
        ("generateContent", {**GEMINI, "messages": []}, None, 400),
        ("generateContent", {**GEMINI, "generationConfig": {"top_p": 1}}, None, 400),
        ("streamGenerateContent", GEMINI, None, 501),
        ("streamGenerateContent?alt=sse", GEMINI, None, 200),
        ("countTokens", GEMINI, None, 404),
        ("embedContent", {"content": {}, "input": "x"}, None, 400),
    ],
)
async def test_google_checks(method, body, key, status):
    async with ProviderSimulator.google() as sim, client() as http:
        url = f"{sim.url}/v1beta/models/m:{method}"
        answer = await http.post(url, json=body, headers={"x-goog-api-key": key or sim.key})
    assert answer.status_code == status


async def test_cut_streams_break_the_http_body():
    async with ProviderSimulator.openai() as sim, client() as http:
        body = {**BODY, "model": "sim-cut-after-3", "stream": True}
        request = http.build_request(
            "POST", sim.url + "/chat/completions", json=body, headers=auth(sim)
        )
        answer = await http.send(request, stream=True)
        seen = b""

        async def read():
            nonlocal seen
            async for piece in answer.aiter_bytes():
                seen += piece

        with pytest.raises(httpx.RemoteProtocolError):
            await read()
        assert seen.count(b"data: ") == 3


async def test_cut_replies_break_the_http_body():
    async with ProviderSimulator.openai() as sim:
        sim.enqueue(Scenario(cut_after=0))
        with pytest.raises(httpx.RemoteProtocolError):
            await post(sim, BODY)


async def test_malformed_json():
    async with ProviderSimulator.openai() as sim:
        answer = await post(sim, {**BODY, "model": "sim-malformed-json"})
    with pytest.raises(json.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize("model", ["sim-hang-after-0", "sim-hang-after-2"])
async def test_hanging_answers_hang_and_do_not_hold_up_the_end(model):
    with anyio.fail_after(5):
        async with ProviderSimulator.openai() as sim, client() as http:
            body = {**BODY, "model": model, "stream": True}
            with pytest.raises(httpx.ReadTimeout):
                await http.post(
                    sim.url + "/chat/completions", json=body, headers=auth(sim), timeout=0.2
                )
            assert len(sim.requests) == 1


async def test_slow_streams_come_piece_by_piece():
    async with ProviderSimulator.openai() as sim, client() as http:
        body = {**BODY, "model": "sim-slow-10ms", "stream": True}
        async with http.stream(
            "POST", sim.url + "/chat/completions", json=body, headers=auth(sim)
        ) as answer:
            pieces = [piece async for piece in answer.aiter_raw()]
    assert len(pieces) > 3
    assert b"".join(pieces).endswith(b"data: [DONE]\n\n")


async def test_rate_limits():
    async with ProviderSimulator.openai() as sim:
        sim.rate_limit = 2
        answers = [await post(sim, BODY) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "1"


async def test_usage_of_a_stream_comes_only_when_asked_for():
    async with ProviderSimulator.openai() as sim:
        plain = await post(sim, {**BODY, "stream": True})
        asked = await post(sim, {**BODY, "stream": True, "stream_options": {"include_usage": True}})
    assert b"usage" not in plain.content
    assert b"usage" in asked.content


async def test_one_connection_carries_many_requests_in_order():
    async with ProviderSimulator.openai() as sim:
        stream = await anyio.connect_tcp("127.0.0.1", int(sim.origin.rpartition(":")[2]))
        async with stream:
            for text in ("a", "b"):
                body = json.dumps(
                    {"model": "sim-echo", "messages": [{"role": "user", "content": text}]}
                ).encode()
                head = (
                    f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
                    f"authorization: Bearer {sim.key}\r\ncontent-type: application/json\r\n"
                    f"content-length: {len(body)}\r\n\r\n"
                )
                await stream.send(head.encode() + body)
            received = b""
            with anyio.fail_after(5):
                while received.count(b"chat.completion") < 2:
                    received += await stream.receive()
        assert received.index(b'"content":"a"') < received.index(b'"content":"b"')


async def test_what_is_not_http():
    async with (
        ProviderSimulator.openai() as sim,
        await anyio.connect_tcp("127.0.0.1", int(sim.origin.rpartition(":")[2])) as raw,
    ):
        await raw.send(b"\x16\x03\x01 nonsense\r\n\r\n")
        with anyio.fail_after(5):
            assert (await raw.receive()).startswith(b"HTTP/1.1 400")


async def test_tls(tmp_path):
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    _self_signed(certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    trust = ssl.create_default_context(cafile=certificate)
    async with ProviderSimulator.openai(tls=context) as sim:
        assert sim.url.startswith("https://127.0.0.1:")
        async with httpx.AsyncClient(verify=trust, timeout=5) as http:
            answer = await http.post(sim.url + "/chat/completions", json=BODY, headers=auth(sim))
    assert answer.status_code == 200


def _self_signed(certificate, key):
    import datetime as dt
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "simulator")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@pytest.mark.parametrize("provider", DIALECTS)
async def test_fast_answers_are_whole(provider):
    answers = FastAnswers(DIALECTS[provider], chunks=25)
    async with serving(answers.handle) as port, client() as http:
        url = f"http://127.0.0.1:{port}/v1/chat/completions"
        whole = await http.post(url, json=BODY)
        stream = await http.post(url, json={**BODY, "stream": True})
    assert whole.json()
    assert stream.headers["content-type"] == "text/event-stream"
    assert all(f" word{number}".encode() in stream.content for number in range(25))


def test_names_of_scenarios():
    assert scenario_of_model("gpt-4.1") == Scenario()
    assert scenario_of_model("sim-status-429-retry-9").headers == {"retry-after": "9"}
    assert scenario_of_model("sim-cut-after-3").cut_after == 3
    assert len(scenario_of_model("sim-chunks-100").text) == 100


def test_importing_it_loads_no_server_and_no_node():
    code = (
        "import sys, opengradient.testing, opengradient.testing.simulators\n"
        "bad = [m for m in sys.modules if m.split('.')[0] in"
        " {'httptools', 'uvicorn', 'starlette', 'uvloop', 'reference_nodes', 'httpx'}]\n"
        "assert not bad, bad\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_command_starts_and_says_how_to_reach_it():
    command = [sys.executable, "-m", "opengradient.testing.simulators", "--provider", "anthropic"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline(), process.stdout.readline()]
        process.terminate()
    assert lines[0].startswith("export ANTHROPIC_API_KEY=")
    assert lines[1].startswith("export ANTHROPIC_BASE_URL=http://127.0.0.1:")
