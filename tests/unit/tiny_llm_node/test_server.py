import json
import sys

import anyio
import httpx
import pytest

from opengradient.errors import ConfigurationError
from reference_nodes.tiny_llm_node.config import Config, parse_config

ASK = {"model": "og/tiny", "messages": [{"role": "user", "content": "What does a receipt prove?"}]}


async def _line(stream):
    text = b""
    while not text.endswith(b"\n"):
        text += await stream.receive(1)
    return text.decode().strip()


async def test_over_a_real_socket():
    command = [sys.executable, "-m", "reference_nodes.tiny_llm_node", "--port", "0"]
    with anyio.fail_after(60):
        async with await anyio.open_process(command, stderr=None) as process:
            try:
                ready, _, url = (await _line(process.stdout)).partition(" ")
                assert ready == "READY"
                await _talk(url)
            finally:
                process.terminate()
                await process.wait()


async def _talk(url):
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        whole = (await http.post("/v1/chat/completions", json=ASK)).json()
        async with http.stream(
            "POST", "/v1/chat/completions", json=ASK | {"stream": True}
        ) as reply:
            lines = [line async for line in reply.aiter_lines() if line.startswith("data: {")]
        choices = [json.loads(line[6:])["choices"][0] for line in lines]
        parts = [choice["delta"].get("content", "") for choice in choices]
        assert len(parts) > 4
        assert "".join(parts) == whole["choices"][0]["message"]["content"]
        assert (await http.get("/health")).json()["callers"] == 0


async def test_bad_weights_stop_the_start(tmp_path):
    command = [sys.executable, "-m", "reference_nodes.tiny_llm_node", "--weights", str(tmp_path)]
    done = await anyio.run_process(command, check=False)
    assert done.returncode == 2
    assert b"config.invalid" in done.stderr


def test_settings():
    assert parse_config([], {}) == Config()
    config = parse_config(
        ["--port", "81", "--model-id", "x", "--max-callers", "3"],
        {"OPENGRADIENT_MAX_BODY_BYTES": "9"},
    )
    assert (config.port, config.model_id, config.max_callers, config.max_body_bytes) == (
        81,
        "x",
        3,
        9,
    )


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--port", "-1"], {}),
        (["--port", "65536"], {}),
        (["--max-callers", "0"], {}),
        ([], {"OPENGRADIENT_MAX_BODY_BYTES": "0"}),
        ([], {"OPENGRADIENT_MAX_BODY_BYTES": "many"}),
    ],
)
def test_settings_out_of_range_are_refused(arguments, environment):
    with pytest.raises(ConfigurationError):
        parse_config(arguments, environment)
