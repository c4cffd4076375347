"""The notebook in which a verification writes its claims."""

from opengradient.verify.verdict import Claim, Status


class Notebook:
    """Collects claims in order."""

    def __init__(self) -> None:
        """Start empty."""
        self.claims: list[Claim] = []

    def write(self, claim: Claim) -> None:
        """Note a claim that another check has made."""
        self.claims.append(claim)

    def proven(self, name: str, source: str, detail: str = "") -> None:
        """Note what was proven."""
        self.claims.append(Claim(name, Status.PROVEN, source, detail))

    def asserted(self, name: str, source: str, detail: str = "") -> None:
        """Note what somebody only says."""
        self.claims.append(Claim(name, Status.ASSERTED, source, detail))

    def absent(self, name: str, why: str, detail: str = "") -> None:
        """Note what nothing speaks for."""
        self.claims.append(Claim(name, Status.ABSENT, why, detail))
