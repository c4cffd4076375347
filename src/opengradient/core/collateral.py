"""What a vendor signs beside a node's evidence: certificates, revocation lists, TCB data.

It is public and not the prover's: every item carries its vendor's signature and its own window
of validity, is checked by itself, and is replaced as it ages. So it is no part of what names a
piece of evidence (`Evidence.digest`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from opengradient.errors import MalformedError

MAX_COLLATERAL_BYTES: Final = 256 * 1024
"""All items together; Intel's for one platform are some 15 KiB, AMD's some 10 KiB."""

MAX_NAME_CHARS: Final = 64


@final
@dataclass(frozen=True, slots=True)
class Collateral:
    """Named items, in the order of their names.

    Attributes:
        items: Pairs of name and bytes; no name twice.
    """

    items: tuple[tuple[str, bytes], ...] = ()

    def __post_init__(self) -> None:
        """Refuse a second order, a name twice, and what is absurdly large."""
        names = [name for name, _ in self.items]
        if names != sorted(set(names)) or not all(0 < len(n) <= MAX_NAME_CHARS for n in names):
            raise MalformedError(
                "collateral items have names, each once, in order", code="evidence.malformed"
            )
        if sum(len(data) for _, data in self.items) > MAX_COLLATERAL_BYTES:
            raise MalformedError("collateral is too large", code="format.too_large")

    @classmethod
    def of(cls, items: Mapping[str, bytes]) -> "Collateral":
        """Take items in any order."""
        return cls(tuple(sorted(items.items())))

    def __bool__(self) -> bool:
        """Whether there is any item."""
        return bool(self.items)

    def get(self, name: str) -> bytes | None:
        """The item of this name, if there is one."""
        return dict(self.items).get(name)

    def require(self, name: str) -> bytes:
        """The item of this name.

        Raises:
            MalformedError: Code ``collateral.missing``.
        """
        found = self.get(name)
        if found is None:
            raise MalformedError(
                f"the check needs the collateral item {name!r}", code="collateral.missing"
            )
        return found

    def merged(self, other: "Collateral") -> "Collateral":
        """These items, replaced and completed by `other`."""
        return Collateral.of({**dict(self.items), **dict(other.items)})

    def require_names(self, known: frozenset[str]) -> None:
        """Refuse items that no check would look at.

        Raises:
            MalformedError: Code ``collateral.unknown``.
        """
        unknown = [name for name, _ in self.items if name not in known]
        if unknown:
            raise MalformedError(
                "collateral that this kind of evidence does not have",
                code="collateral.unknown",
                expected=sorted(known),
                actual=unknown,
            )
