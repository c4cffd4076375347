"""The order of a key's receipts as one client sees them; answers may arrive in any order."""

from collections import OrderedDict
from typing import Final, final

from opengradient.core.receipts import Receipt
from opengradient.errors import VerificationError

MEMORY: Final = 4096
"""How many receipts of one key are remembered."""


@final
class KeyHistory:
    """What this client has seen of one key's receipts.

    Concurrent calls end out of order, so that the last receipt seen need not be the last one
    made. What holds all the same: two receipts never have one number, neighbours name each
    other, and what was signed after our request was sent has a higher number than all that we
    had seen by then.
    """

    __slots__ = ("_highest", "_seen")

    def __init__(self) -> None:
        """Nothing seen yet."""
        self._seen: OrderedDict[int, tuple[bytes, bytes]] = OrderedDict()
        self._highest: tuple[int, bytes] | None = None

    @property
    def mark(self) -> tuple[int, bytes] | None:
        """The highest number seen so far and its digest: take it when a request is sent."""
        return self._highest

    def previous_of(
        self, receipt: Receipt, digest: bytes, mark: tuple[int, bytes] | None
    ) -> tuple[int, bytes] | None:
        """What `receipt` must follow: its direct predecessor if known, else the mark.

        Args:
            receipt: The receipt.
            digest: Its signing digest.
            mark: `mark` as it was when the request was sent; None to require nothing.

        Raises:
            VerificationError: Code ``receipt.sequence``: it contradicts a receipt seen before.
        """
        number = receipt.sequence
        same = self._seen.get(number)
        if same is not None and same[0] != digest:
            raise _contradiction(f"two receipts have number {number}")
        following = self._seen.get(number + 1)
        if following is not None and following[1] != digest:
            raise _contradiction(f"number {number + 1} names another predecessor")
        before = self._seen.get(number - 1)
        return mark if before is None else (number - 1, before[0])

    def record(self, receipt: Receipt, digest: bytes) -> None:
        """Remember a receipt that passed every check."""
        self._seen[receipt.sequence] = (digest, receipt.previous_receipt)
        if len(self._seen) > MEMORY:
            self._seen.popitem(last=False)
        if self._highest is None or receipt.sequence > self._highest[0]:
            self._highest = (receipt.sequence, digest)


def _contradiction(what: str) -> VerificationError:
    return VerificationError(
        f"the receipt contradicts an earlier one of this key: {what}", code="receipt.sequence"
    )
