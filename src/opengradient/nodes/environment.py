"""What the client takes from the machine, in one value, so that tests can give it."""

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import final

import anyio

from opengradient.errors import ConfigurationError, ProtocolError
from opengradient.networks import config_home
from opengradient.transport import HttpTransport, RetryPolicy, TlsPin, Transport, TransportFactory
from opengradient.transport.collateral import CollateralSource, NoCollateral, VendorCollateral


def system_clock_ms() -> int:
    """This machine's time, Unix milliseconds."""
    return time.time_ns() // 1_000_000


def _connect(pin: TlsPin | None) -> Transport:
    return HttpTransport(pin=pin)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Clock, chance, pauses and the network.

    Attributes:
        clock: Unix milliseconds.
        sleep: Waits for seconds.
        uniform: Gives a number from 0 to 1.
        transports: Makes transports.
        retry: When to send again.
        timeout: Seconds per attempt, and the longest silence of a stream.
        collateral: Completes evidence with what its vendor signs beside it.
    """

    clock: Callable[[], int] = system_clock_ms
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    uniform: Callable[[], float] = field(default_factory=lambda: random.SystemRandom().random)
    transports: TransportFactory = _connect
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout: float = 300.0
    collateral: CollateralSource = field(default_factory=NoCollateral)


def environment_of(
    *,
    clock: Callable[[], int],
    timeout: float,
    max_retries: int,
    transports: TransportFactory | None,
    collateral: CollateralSource | None,
) -> Environment:
    """The environment of a client, from what its caller chose.

    Args:
        clock: Unix milliseconds.
        timeout: Seconds per attempt, and the longest silence of a stream.
        max_retries: How often a failed call is sent again, where that is safe.
        transports: Another way to the network; pinned HTTP if None.
        collateral: Another source of what vendors sign beside evidence; if None their services,
            kept in the folder ``collateral`` of the configuration.

    Raises:
        ConfigurationError: A number that makes no sense.
    """
    if timeout <= 0 or max_retries < 0:
        raise ConfigurationError("timeout is above 0 and max_retries is not below it")
    connect = _connect if transports is None else transports
    return Environment(
        clock=clock,
        timeout=timeout,
        retry=RetryPolicy(max_retries=max_retries),
        transports=connect,
        collateral=collateral
        or VendorCollateral(transports=connect, clock=clock, folder=config_home() / "collateral"),
    )


class RpcPost:
    """Carries JSON-RPC over a transport."""

    def __init__(self, transport: Transport, url: str, *, timeout: float) -> None:
        """Post to `url`, waiting at most `timeout` seconds."""
        self._transport = transport
        self._url = url
        self._timeout = timeout

    async def __call__(self, body: bytes, /) -> bytes:
        """Send `body`, return the answer's body."""
        answer = await self._transport.request(
            "POST",
            self._url,
            headers={"content-type": "application/json"},
            content=body,
            timeout=self._timeout,
        )
        if answer.status != 200:
            raise ProtocolError(f"POST {self._url}: status {answer.status}")
        return answer.body
