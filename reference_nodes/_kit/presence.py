"""Work that ends when the client whom it is for has left."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from opengradient.errors import OpenGradientError
from reference_nodes._kit.app import ClientGoneError

T = TypeVar("T")


async def while_present(gone: Callable[[], Awaitable[None]], work: Callable[[], Awaitable[T]]) -> T:
    """Return what the work returns; stop it when the client leaves.

    Args:
        gone: Returns when the client has left.
        work: What is done for it.

    Raises:
        ClientGoneError: It left first.
        OpenGradientError: As the work raises.
    """
    results: list[T] = []
    failure: OpenGradientError | None = None
    async with anyio.create_task_group() as tasks:

        async def watch() -> None:
            await gone()
            tasks.cancel_scope.cancel()

        tasks.start_soon(watch)
        try:
            results.append(await work())
        except OpenGradientError as error:
            failure = error  # raised below: the task group would wrap it
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
    if not results:
        raise ClientGoneError("the client left before its answer was complete")
    return results[0]
