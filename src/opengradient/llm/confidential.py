"""The client that goes through a relay."""

from typing import Any, final

from opengradient.llm.client import LLM
from opengradient.nodes.ways import RelayProfile


@final
class ConfidentialLLM(LLM):
    """`LLM` through a relay: the node does not learn who asks, and the relay not what.

    Requests are sealed to each node's attested key (Oblivious HTTP, RFC 9458) and padded. The
    methods, the receipts and the checks are those of `LLM`; receipts name the sealed channel.
    """

    def __init__(
        self, relay: str, *, profile: str = RelayProfile.RECEIPTS, **settings: Any
    ) -> None:
        """Choose relay, network and trust. Nothing is sent before the first call.

        Args:
            relay: Address of the relay.
            profile: ``opengradient-legacy`` for the public network, see `LLM`.
            settings: Further arguments of `LLM`, such as ``network``, ``policy`` and
                ``relay_headers``.

        Raises:
            ConfigurationError: As in `LLM`.
        """
        super().__init__(relay=relay, relay_profile=profile, **settings)
