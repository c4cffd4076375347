"""Providers' failures: which status and code our client gets, and how long it should wait."""

import json

import pytest

from opengradient.errors import CODES
from tests.unit.llm_proxy_node.backends.support import PROVIDERS, backend


def failure(provider, status, body=b"", **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return backend(provider).parse_error(status, named, data)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("status", "ours", "code"),
    [
        (400, 400, "provider.rejected"),
        (404, 404, "provider.rejected"),
        (413, 413, "provider.rejected"),
        (422, 422, "provider.rejected"),
        (401, 502, "provider.error"),
        (402, 502, "provider.error"),
        (403, 502, "provider.error"),
        (407, 502, "provider.error"),
        (429, 429, "node.rate_limited"),
        (408, 504, "provider.timeout"),
        (504, 504, "provider.timeout"),
        (500, 502, "provider.error"),
        (503, 502, "provider.error"),
        (529, 502, "provider.error"),
        (301, 502, "provider.error"),
        (418, 502, "provider.error"),
    ],
)
def test_statuses(provider, status, ours, code):
    result = failure(provider, status, b"<html>")
    assert (result.status, result.code, result.provider_status) == (ours, code, status)
    assert code in CODES


OPENAI_404 = {"error": {"message": "no such thing", "code": "model_not_found", "type": "x"}}
XAI_404 = {"code": "Some requested entity was not found", "error": "The model x does not exist"}
ANTHROPIC_404 = {"type": "error", "error": {"type": "not_found_error", "message": "model: x"}}
GOOGLE_404 = {"error": {"code": 404, "message": "models/x is not found", "status": "NOT_FOUND"}}


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        ("openai", OPENAI_404),
        ("xai", XAI_404),
        ("anthropic", ANTHROPIC_404),
        ("google", GOOGLE_404),
        ("local", {"object": "error", "message": "The model `x` does not exist."}),
    ],
)
def test_unknown_models(provider, body):
    result = failure(provider, 404, body)
    assert (result.status, result.code) == (404, "provider.unknown_model")
    assert result.parameter is None


@pytest.mark.parametrize(
    ("provider", "status", "body"),
    [
        ("xai", 400, {"code": "x", "error": "Incorrect API key provided: xa***9. Obtain one"}),
        ("openai", 400, {"error": {"message": "bad", "code": "invalid_api_key"}}),
        (
            "google",
            400,
            {
                "error": {
                    "code": 400,
                    "message": "API key not valid. Please pass a valid API key.",
                    "status": "INVALID_ARGUMENT",
                    "details": [{"@type": "x", "reason": "API_KEY_INVALID"}],
                }
            },
        ),
        ("anthropic", 401, {"error": {"type": "authentication_error", "message": "invalid"}}),
    ],
)
def test_a_wrong_key_is_the_nodes_problem(provider, status, body):
    result = failure(provider, status, body)
    assert (result.status, result.code) == (502, "provider.error")
    assert "credentials" in result.message
    assert "API key" not in result.message


@pytest.mark.parametrize(
    ("provider", "body", "message", "parameter"),
    [
        ("openai", {"error": {"message": "bad n", "param": "n"}}, "bad n", "n"),
        ("xai", {"code": "c", "error": "bad n"}, "bad n", None),
        ("local", {"detail": "bad n"}, "bad n", None),
        ("anthropic", {"error": {"type": "t", "message": "bad n"}}, "bad n", None),
        (
            "google",
            {
                "error": {
                    "message": "bad n",
                    "details": [{"fieldViolations": [{"field": "generation_config.n"}]}],
                }
            },
            "bad n",
            "generation_config.n",
        ),
        ("google", [{"error": {"message": "bad n"}}], "bad n", None),
    ],
)
def test_messages_and_parameters(provider, body, message, parameter):
    result = failure(provider, 400, body)
    assert result.message.endswith(f"answered with status 400: {message}")
    assert result.parameter == parameter


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"5",
        b'{"error": 5}',
        b'{"error": {"message": 5, "code": [], "param": {}, "details": 5}}',
        b'{"error": {"details": [5, {"fieldViolations": [5]}, {"retryDelay": 5}]}}',
        b"[" * 100_000,
        b'[{"error"',
    ],
)
def test_any_body_gives_a_failure(provider, body):
    result = failure(provider, 400, body)
    assert result.code == "provider.rejected"
    assert result.message.endswith("no message")
    assert result.parameter is None


def test_messages_are_bounded_and_printable():
    result = failure("openai", 400, {"error": {"message": "a\x1b[31m\n\u202e" + "b" * 5000}})
    assert len(result.message) < 1100
    assert result.message.isprintable()


DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Retry_After": "7"}, 7.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after": "99999999"}, 86_400.0),
        ({"retry_after": "-1"}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": DATE}, 30.0),
        ({"retry_after": "Wed, 21 Oct 2026 07:27:30 GMT", "date": DATE}, 0.0),
        ({"retry_after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry_after_ms": "1500", "retry_after": "2"}, 1.5),
        ({"x_ratelimit_reset_requests": "6m0s", "x_ratelimit_remaining_requests": "0"}, 360.0),
        ({"x_ratelimit_reset_requests": "6m0s", "x_ratelimit_remaining_requests": "5"}, None),
        (
            {
                "x_ratelimit_reset_requests": "1s",
                "x_ratelimit_remaining_requests": "0",
                "x_ratelimit_reset_tokens": "1m30.5s",
                "x_ratelimit_remaining_tokens": "0",
            },
            90.5,
        ),
        ({"x_ratelimit_reset_tokens": "20ms", "x_ratelimit_remaining_tokens": "0"}, 0.02),
        ({"x_ratelimit_reset_tokens": "1x", "x_ratelimit_remaining_tokens": "0"}, None),
        (
            {
                "anthropic_ratelimit_tokens_reset": "2026-10-21T07:28:45Z",
                "anthropic_ratelimit_tokens_remaining": "0",
                "date": DATE,
            },
            45.0,
        ),
        (
            {
                "anthropic_ratelimit_tokens_reset": "2026-10-21T07:28:45Z",
                "anthropic_ratelimit_tokens_remaining": "10",
                "date": DATE,
            },
            None,
        ),
        (
            {"other_reset": "2026-10-21T07:28:45Z", "other_remaining": "0", "date": DATE},
            None,
        ),
    ],
)
def test_retry_after(headers, expected):
    assert failure("openai", 429, b"", **headers).retry_after == expected


def test_google_says_it_in_the_body():
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.074824224s"}]
    body = {"error": {"code": 429, "message": "quota", "details": details}}
    assert failure("google", 429, body).retry_after == pytest.approx(34.074824224)
