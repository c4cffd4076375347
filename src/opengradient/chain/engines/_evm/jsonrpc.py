"""JSON-RPC 2.0: requests, batches and errors. Which methods there are is not its business."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, final

from opengradient.core.canonical import load_foreign_json

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
SERVER_ERROR: Final = -32000
REVERTED: Final = 3
"""As go-ethereum answers a reverted call, with the revert data in `error.data`."""

MAX_BATCH: Final = 1000

Method = Callable[[list[Any]], Any]


@final
class RpcError(Exception):
    """An error that its caller is told.

    Attributes:
        code: JSON-RPC error code.
        message: What went wrong.
        data: Revert data as hex, if there is any.
    """

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


def answer(body: bytes, methods: Mapping[str, Method]) -> bytes:
    """Answer a request or a batch; nothing at all to a notification."""
    try:
        request = load_foreign_json(body)
    except ValueError:
        return _encode(_failure(None, RpcError(PARSE_ERROR, "the body is not JSON")))
    if not isinstance(request, list):
        result = _one(request, methods)
        return b"" if result is None else _encode(result)
    if not 0 < len(request) <= MAX_BATCH:
        error = RpcError(INVALID_REQUEST, f"a batch has 1 to {MAX_BATCH} requests")
        return _encode(_failure(None, error))
    answers = [result for one in request if (result := _one(one, methods)) is not None]
    return _encode(answers) if answers else b""


def _one(request: Any, methods: Mapping[str, Method]) -> dict[str, Any] | None:
    if not isinstance(request, dict) or request.get("jsonrpc") != "2.0":
        return _failure(None, RpcError(INVALID_REQUEST, "not a JSON-RPC 2.0 request"))
    number = request.get("id")
    try:
        result = _call(request, methods)
    except RpcError as error:
        response = _failure(number, error)
    else:
        response = {"jsonrpc": "2.0", "id": number, "result": result}
    return response if "id" in request else None


def _call(request: Mapping[str, Any], methods: Mapping[str, Method]) -> Any:
    name, params = request.get("method"), request.get("params", [])
    if not isinstance(name, str) or not isinstance(params, list):
        raise RpcError(INVALID_REQUEST, "a request has a method and a list of params")
    method = methods.get(name)
    if method is None:
        raise RpcError(METHOD_NOT_FOUND, f"the method {name} does not exist")
    return method(params)


def _failure(number: Any, error: RpcError) -> dict[str, Any]:
    shown: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        shown["data"] = error.data
    return {"jsonrpc": "2.0", "id": number, "error": shown}


def _encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
