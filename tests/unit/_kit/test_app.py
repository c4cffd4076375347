from typing import Any

import pytest

from opengradient.core.canonical import parse_json
from opengradient.errors import ConfigurationError, OpenGradientError
from reference_nodes._kit.app import App, Request, Response


async def call(
    app: App,
    method: str = "GET",
    path: str = "/",
    query: bytes = b"",
    headers: tuple[tuple[bytes, bytes], ...] = (),
    body: tuple[dict[str, Any], ...] = ({"type": "http.request", "body": b""},),
) -> list[Any]:
    """Speak ASGI to an app; give what it sent."""
    sent: list[Any] = []
    pending = list(body)

    async def receive() -> Any:
        return pending.pop(0) if pending else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": headers,
    }
    await app(scope, receive, send)
    return sent


async def echo(request: Request) -> Response:
    return Response.json(
        {
            "tail": request.tail,
            "query": request.query("a"),
            "x": request.header(b"x"),
            "body": len(await request.body(10)),
        }
    )


async def fail(_request: Request) -> Response:
    raise OpenGradientError("broken", code="node.storage")


APP = App({"/echo": {"GET": echo, "HEAD": echo}, "/echo/": {"GET": echo}, "/fail": {"GET": fail}})


def seen(sent: list[Any]) -> tuple[int, Any]:
    return sent[0]["status"], parse_json(b"".join(item["body"] for item in sent[1:]))


async def test_routes_queries_headers() -> None:
    status, value = seen(await call(APP, path="/echo", query=b"a=1", headers=((b"x", b"y"),)))
    assert (status, value) == (200, {"tail": "", "query": {"a": "1"}, "x": "y", "body": 0})
    assert seen(await call(APP, path="/echo/abc"))[1]["tail"] == "abc"


@pytest.mark.parametrize("path", ["/", "/echo/", "/echo/a/b", "/echos", "//echo", ""])
async def test_other_paths(path: str) -> None:
    status, value = seen(await call(APP, path=path))
    assert (status, value["error"]["code"]) == (404, "node.unknown_path")


async def test_other_methods_are_told_which_there_are() -> None:
    sent = await call(APP, method="POST", path="/echo")
    assert sent[0]["status"] == 405
    assert (b"allow", b"GET, HEAD") in sent[0]["headers"]


async def test_head_has_no_body() -> None:
    sent = await call(APP, method="HEAD", path="/echo")
    assert sent[1]["body"] == b""


@pytest.mark.parametrize("query", [b"b=1", b"a=1&a=2", b"a=1&b"])
async def test_unknown_and_repeated_parameters_are_refused(query: bytes) -> None:
    assert seen(await call(APP, path="/echo", query=query))[0] == 400


async def test_a_repeated_header_shows() -> None:
    headers = ((b"x", b"1"), (b"x", b"2"))
    assert seen(await call(APP, path="/echo", headers=headers))[1]["x"] == "1, 2"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (((b"content-length", b"11"),), ()),
        (((b"content-length", b"-1"),), ()),
        (((b"content-length", b"1_0"),), ()),
        ((), ({"type": "http.request", "body": b"x" * 11},)),
        ((), ({"type": "http.request", "body": b"x" * 6, "more_body": True},) * 9),
    ],
)
async def test_large_bodies_are_refused(headers: Any, body: Any) -> None:
    sent = await call(APP, path="/echo", headers=headers, body=body)
    assert seen(sent)[0] == 413
    assert (b"connection", b"close") in sent[0]["headers"]
    assert not sent[-1]["more_body"]


async def test_bodies_come_in_pieces() -> None:
    piece = {"type": "http.request", "body": b"abc", "more_body": True}
    sent = await call(
        APP, path="/echo", body=(piece, piece, {"type": "http.request", "body": b"d"})
    )
    assert seen(sent)[1]["body"] == 7


async def test_nobody_is_answered_who_left() -> None:
    assert await call(APP, path="/echo", body=()) == []


async def test_errors_of_ours_become_answers() -> None:
    status, value = seen(await call(APP, path="/fail"))
    assert (status, value["error"]["code"]) == (503, "node.storage")


async def test_query_needs_no_parameters() -> None:
    with pytest.raises(ConfigurationError):
        Request("GET", "/", "", b"a", {}, None, None).query()  # type: ignore[arg-type]
