"""The policy in force, shared by all parts of one client and replaced in one step."""

from typing import final

from opengradient.verify.policy import TrustPolicy


@final
class Trust:
    """Holds the policy. Whoever judges asks for it when it judges, not before.

    What was verified under one policy object counts under that object only: sessions and evidence
    remember theirs, and are verified anew where it is no longer the one in force.
    """

    __slots__ = ("policy",)

    def __init__(self, policy: TrustPolicy) -> None:
        """Start with this policy."""
        self.policy = policy
