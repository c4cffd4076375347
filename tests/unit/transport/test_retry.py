"""What is repeated: with a key much, without one only what was never sent."""

import pytest

from opengradient.errors import (
    ConfigurationError,
    ConnectError,
    NodeError,
    ProtocolError,
    RateLimitedError,
    TimedOutError,
    TransportError,
    VerificationError,
)
from opengradient.transport import RetryPolicy

POLICY = RetryPolicy(max_retries=2)
OVERLOADED = NodeError("full", status=503, code="node.overloaded")


@pytest.mark.parametrize(
    ("error", "without_key", "with_key"),
    [
        (ConnectError("x"), True, True),
        (OVERLOADED, True, True),
        (TimedOutError("x"), False, True),
        (ProtocolError("x"), False, True),
        (TransportError("x"), False, True),
        (NodeError("x", status=502, code="provider.unreachable"), True, True),
        (NodeError("x", status=409, code="node.in_progress"), False, True),
        (NodeError("x", status=500), False, False),
        (NodeError("x", status=502, code="provider.error"), False, False),
        (NodeError("x", status=400), False, False),
        (RateLimitedError("x"), True, True),
        (VerificationError("x"), False, False),
        (ConfigurationError("x"), False, False),
    ],
    ids=lambda value: type(value).__name__ + getattr(value, "code", str(value)),
)
def test_what_may_be_repeated(error, without_key, with_key):
    assert POLICY.may_repeat(error, attempt=1, has_key=False) is without_key
    assert POLICY.may_repeat(error, attempt=1, has_key=True) is with_key


def test_the_number_of_repetitions_is_bounded():
    assert POLICY.may_repeat(ConnectError("x"), attempt=2, has_key=True)
    assert not POLICY.may_repeat(ConnectError("x"), attempt=3, has_key=True)
    assert not RetryPolicy(max_retries=0).may_repeat(ConnectError("x"), attempt=1, has_key=True)


def test_pauses_double_up_to_the_bound():
    pauses = [POLICY.pause(n, retry_after=None, uniform=lambda: 1.0) for n in (1, 2, 3, 10)]
    assert pauses == [0.25, 0.5, 1.0, 8.0]
    assert POLICY.pause(1, retry_after=None, uniform=lambda: 0.0) == 0.125


def test_the_node_may_ask_for_longer_but_not_for_ever():
    assert POLICY.pause(1, retry_after=3.0, uniform=lambda: 0.0) == 3.0
    assert POLICY.pause(1, retry_after=1e9, uniform=lambda: 0.0) == 8.0
