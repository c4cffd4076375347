import pytest

from opengradient.core.digests import sha256
from opengradient.errors import NodeError, RateLimitedError
from reference_nodes.relay_node import admission
from reference_nodes.relay_node.admission import Admission, Allowances


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_allowance_is_used_up_and_comes_back() -> None:
    clock = Seconds()
    allowances = Allowances(2.0, 3, clock=clock)
    for _ in range(3):
        allowances.take(b"a")
    with pytest.raises(RateLimitedError) as caught:
        allowances.take(b"a")
    assert caught.value.retry_after == 1
    allowances.take(b"b")  # others have their own
    clock.now += 0.49
    with pytest.raises(RateLimitedError):
        allowances.take(b"a")
    clock.now += 0.02
    allowances.take(b"a")
    clock.now += 3600
    for _ in range(3):  # no more is saved up than the burst
        allowances.take(b"a")
    with pytest.raises(RateLimitedError):
        allowances.take(b"a")


def test_those_who_came_longest_ago_are_forgotten(monkeypatch) -> None:
    monkeypatch.setattr(admission, "_REMEMBERED", 2)
    allowances = Allowances(0.001, 1, clock=Seconds())
    for user in (b"a", b"b", b"c"):
        allowances.take(user)
    allowances.take(b"a")
    with pytest.raises(RateLimitedError):
        allowances.take(b"c")


def test_tokens_decide_who_is_let_in() -> None:
    gate = Admission(
        tokens=(sha256(b"one"), sha256(b"two")),
        per_second=1.0,
        burst=2,
        max_concurrent=1,
        clock=Seconds(),
    )
    gate.check("Bearer one", "1.2.3.4")
    gate.check("bearer one", "5.6.7.8")
    with pytest.raises(RateLimitedError):
        gate.check("Bearer one", "9.9.9.9")
    gate.check("Bearer two", "1.2.3.4")
    for shown in (None, "", "Bearer", "Bearer ", "Bearer onee", "one", "Basic one", "Bearer  one"):
        with pytest.raises(NodeError) as caught:
            gate.check(shown, "1.2.3.4")
        assert caught.value.code == "relay.unauthorized"


def test_without_tokens_an_address_has_the_allowance() -> None:
    gate = Admission(tokens=(), per_second=1.0, burst=1, max_concurrent=1, clock=Seconds())
    gate.check(None, "1.2.3.4")
    gate.check(None, "1.2.3.5")
    with pytest.raises(RateLimitedError):
        gate.check("Bearer anything", "1.2.3.4")


def test_places_are_given_back() -> None:
    gate = Admission(tokens=(), per_second=1.0, burst=1, max_concurrent=1, clock=Seconds())
    for _ in range(2):
        with gate.place(), pytest.raises(RateLimitedError), gate.place():
            pass
