"""The seam at which a relay pays nodes for its users."""

from collections.abc import Mapping
from typing import Protocol, final


class RelayPayer(Protocol):
    """Pays for what a relay carries.

    It learns what the relay learns: the node and the size of the sealed request, not its price.
    """

    async def headers(self, *, node_id: bytes, sealed_bytes: int) -> Mapping[str, str]:
        """Headers that pay for one request, for the node.

        Args:
            node_id: 32-byte id of the node.
            sealed_bytes: Size of the sealed request.

        Raises:
            PaymentError: The payer does not pay for this one; it is not carried.
        """
        ...


@final
class FreeRelay:
    """Pays nothing: for nodes that are free."""

    async def headers(self, *, node_id: bytes, sealed_bytes: int) -> Mapping[str, str]:  # noqa: ARG002
        """No headers."""
        return {}
