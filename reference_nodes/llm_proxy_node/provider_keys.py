"""Where the proxy's provider keys come from: the environment, or its operator, sealed.

Sealed keys live in this object's memory and nowhere else: a restarted node waits for new ones.
"""

import logging
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Final, Protocol, final

from opengradient.core.receipts import ReceiptDomain
from opengradient.core.sealed_keys import (
    MAX_LIFE_MS,
    NO_CONFIGURATION,
    KeysHeader,
    ProviderKeys,
    SealedKeys,
)
from opengradient.errors import (
    ConfigurationError,
    FreshnessError,
    NodeError,
    VerificationError,
)
from opengradient.transport.ohttp import GatewayKey
from opengradient.transport.sealed_keys import check_operator, open_keys
from reference_nodes._kit.clock import Clock
from reference_nodes.llm_proxy_node.backends import Backends, Endpoint, ProviderSettings

_log = logging.getLogger("opengradient.node")

WAITING: Final = "waiting for keys"
READY: Final = "ok"


class Identity(Protocol):
    """What of a node's identity the vault needs."""

    @property
    def node_id(self) -> bytes:
        """The node's id."""
        ...

    def gateway_keys(self) -> Mapping[int, GatewayKey]:
        """The HPKE keys that are in use, by key id."""
        ...


class KeySource(Protocol):
    """Gives the backends that have keys."""

    @property
    def status(self) -> str:
        """For /health."""
        ...

    def current(self) -> Backends:
        """The backends.

        Raises:
            NodeError: Code ``node.no_keys``: none have come yet.
        """
        ...

    def accept(self, sealed: SealedKeys) -> tuple[str, ...]:
        """Take sealed keys; returns the providers that have keys now.

        Raises:
            ConfigurationError: Code ``keys.not_sealed``.
            VerificationError: They are not for this node, from its operator, now.
        """
        ...


@final
class EnvironmentKeys:
    """Keys that stood in the environment at start."""

    def __init__(self, providers: ProviderSettings) -> None:
        """Take them."""
        self._backends = Backends.from_settings(providers)

    @property
    def status(self) -> str:
        """Always ready."""
        return READY

    def current(self) -> Backends:
        """The backends."""
        return self._backends

    def accept(self, sealed: SealedKeys) -> tuple[str, ...]:
        """Refuse: this node's keys are the environment's."""
        raise ConfigurationError(
            f"keys of sequence {sealed.header.sequence} are not taken", code="keys.not_sealed"
        )


@final
class SealedVault:
    """Keys that the operator seals to the enclave. Each message replaces all keys before it."""

    def __init__(
        self,
        *,
        providers: ProviderSettings,
        identity: Identity,
        domain: ReceiptDomain,
        operator: bytes,
        config_digest: bytes | None,
        clock: Clock,
    ) -> None:
        """Begin without keys.

        Args:
            providers: Where the providers are, as the attested configuration names them.
            identity: Has the HPKE keys.
            domain: Where the node's receipts belong.
            operator: The 20-byte address that the attested configuration names.
            config_digest: Digest of that configuration.
            clock: The node's clock.

        Raises:
            ConfigurationError: Code ``keys.environment``: there are keys already.
        """
        refuse_environment_keys(providers)
        self._providers = providers
        self._identity = identity
        self._domain = domain
        self._operator = operator
        self._config_digest = config_digest or NO_CONFIGURATION
        self._clock = clock
        self._sequence = -1
        self._backends: Backends | None = None

    @property
    def status(self) -> str:
        """Whether keys have come."""
        return WAITING if self._backends is None else READY

    def current(self) -> Backends:
        """The backends that have keys."""
        if self._backends is None:
            raise NodeError(
                "the node waits for its operator's keys", status=503, code="node.no_keys"
            )
        return self._backends

    def accept(self, sealed: SealedKeys) -> tuple[str, ...]:
        """Check, open and use sealed keys.

        The steps: 1. this node and configuration; 2. the operator's signature; 3. expiry;
        4. sequence; 5. HPKE; 6. the providers are those of the configuration. Nothing changes
        before the last one passed.
        """
        header = sealed.header
        self._check_node(header)  # (1)
        check_operator(sealed, domain=self._domain, operator=self._operator)  # (2)
        self._check_time(header)  # (3)
        if header.sequence <= self._sequence:  # (4)
            raise FreshnessError(
                "the node has newer keys",
                code="keys.sequence",
                expected=f"> {self._sequence}",
                actual=header.sequence,
            )
        keys = open_keys(sealed, self._key(header.key_id))  # (5)
        backends = Backends.from_settings(self._with(keys))  # (6)
        self._backends, self._sequence = backends, header.sequence
        names = tuple(sorted(keys.keys))
        _log.info("provider keys taken", extra={"providers": names, "sequence": header.sequence})
        return names

    def _check_node(self, header: KeysHeader) -> None:
        wanted = (self._identity.node_id, self._config_digest)
        if (header.node_id, header.config_digest) != wanted:
            raise VerificationError(
                "the keys are for another node or configuration",
                code="keys.node",
                expected=[item.hex() for item in wanted],
                actual=[header.node_id.hex(), header.config_digest.hex()],
            )

    def _check_time(self, header: KeysHeader) -> None:
        now_ms = self._clock()
        if now_ms >= header.expires_at_ms:
            raise FreshnessError(
                "the keys came too late", code="keys.expired", expected=header.expires_at_ms
            )
        if header.expires_at_ms > now_ms + MAX_LIFE_MS:
            raise FreshnessError(
                "the keys would be good for too long",
                code="keys.horizon",
                expected=f"<= {now_ms + MAX_LIFE_MS}",
                actual=header.expires_at_ms,
            )

    def _key(self, key_id: int) -> GatewayKey:
        key = self._identity.gateway_keys().get(key_id)
        if key is None:
            raise VerificationError(
                "the node has no HPKE key of this id", code="keys.unopened", actual=key_id
            )
        return key

    def _with(self, keys: ProviderKeys) -> ProviderSettings:
        """The configured addresses that have a key now; a keyless server of one's own stays."""
        known = _endpoints(self._providers)
        unknown = sorted(keys.keys.keys() - known.keys())
        if unknown:
            raise VerificationError(
                "a key for a provider that is not configured",
                code="keys.provider",
                expected=sorted(known),
                actual=unknown,
            )
        used = {
            name: replace(endpoint, key=keys.keys.get(name))
            for name, endpoint in known.items()
            if name in keys.keys or name == "compatible"
        }
        return ProviderSettings(**used)


def refuse_environment_keys(providers: ProviderSettings) -> None:
    """Refuse keys that whoever started the enclave can read.

    Raises:
        ConfigurationError: Code ``keys.environment``.
    """
    named = sorted(name for name, where in _endpoints(providers).items() if where.key is not None)
    if named:
        raise ConfigurationError(
            f"keys for {', '.join(named)} stand in the environment", code="keys.environment"
        )


def _endpoints(providers: ProviderSettings) -> Mapping[str, Endpoint]:
    known = {item.name: getattr(providers, item.name) for item in fields(providers)}
    return {name: endpoint for name, endpoint in known.items() if endpoint is not None}
