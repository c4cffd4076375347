"""The table of failures is complete, and each row says the truth about what was sent."""

import inspect

import httpx
import pytest

from opengradient.errors import (
    ConfigurationError,
    ConnectError,
    OpenGradientError,
    TimedOutError,
    TransportError,
)
from opengradient.transport._errors import TABLE, mapped, translate


def every_httpx_exception():
    return [
        item
        for _, item in inspect.getmembers(httpx)
        if inspect.isclass(item) and issubclass(item, Exception)
    ]


def make(kind):
    if issubclass(kind, httpx.HTTPStatusError):
        request = httpx.Request("GET", "http://x")
        return kind("m", request=request, response=httpx.Response(500, request=request))
    if kind in (
        httpx.StreamConsumed,
        httpx.StreamClosed,
        httpx.ResponseNotRead,
        httpx.RequestNotRead,
    ):
        return kind()
    return kind("m")


def test_every_exception_of_httpx_has_a_row_of_its_own():
    missing = [kind.__name__ for kind in every_httpx_exception() if kind not in TABLE]
    assert missing == []


@pytest.mark.parametrize("kind", every_httpx_exception(), ids=lambda kind: kind.__name__)
def test_every_exception_of_httpx_becomes_ours(kind):
    with pytest.raises((TransportError, ConfigurationError)) as caught, mapped("GET x"):
        raise make(kind)
    assert isinstance(caught.value.__cause__, kind)


@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
def test_only_what_was_surely_not_sent_is_a_connect_error(kind):
    assert type(translate(make(kind), "x")) is ConnectError


@pytest.mark.parametrize("kind", [httpx.ReadTimeout, httpx.WriteTimeout])
def test_timeouts_after_connecting_may_have_been_processed(kind):
    assert type(translate(make(kind), "x")) is TimedOutError


@pytest.mark.parametrize(
    "kind", [kind for kind in TABLE if TABLE[kind] is ConnectError], ids=lambda kind: kind.__name__
)
def test_no_error_of_a_live_connection_claims_that_nothing_was_sent(kind):
    assert not issubclass(kind, httpx.ReadError | httpx.WriteError | httpx.RemoteProtocolError)


def test_ours_pass_through():
    with pytest.raises(OpenGradientError, match="ours"), mapped("x"):
        raise OpenGradientError("ours")
