"""What a verification found, claim by claim. There is no single green check."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from opengradient.core.claims import Claim, Status

__all__ = ["Claim", "Status", "Verdict"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The claims about one inference, in the order in which they were checked.

    Attributes:
        claims: Every claim, also the absent ones.
        simulated: True where the enclave is software: then no claim rests on hardware.
    """

    claims: tuple[Claim, ...]
    simulated: bool

    def __getitem__(self, name: str) -> Claim:
        """The claim of that name."""
        for claim in self.claims:
            if claim.name == name:
                return claim
        raise KeyError(name)

    def __iter__(self) -> Iterator[Claim]:
        """All claims, in order."""
        return iter(self.claims)

    def _with(self, status: Status) -> tuple[Claim, ...]:
        return tuple(claim for claim in self.claims if claim.status == status)

    @property
    def proven(self) -> tuple[Claim, ...]:
        """The claims that were proven."""
        return self._with(Status.PROVEN)

    @property
    def asserted(self) -> tuple[Claim, ...]:
        """The claims that somebody only asserts."""
        return self._with(Status.ASSERTED)

    @property
    def absent(self) -> tuple[Claim, ...]:
        """The claims that nothing speaks for."""
        return self._with(Status.ABSENT)

    def as_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "simulated": self.simulated,
            "claims": [
                {
                    "name": claim.name,
                    "status": claim.status.value,
                    "source": claim.source,
                    "detail": claim.detail,
                }
                for claim in self.claims
            ],
        }
