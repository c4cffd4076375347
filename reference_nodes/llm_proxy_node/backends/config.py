"""Keys and addresses of the providers, from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final, final
from urllib.parse import urlsplit

from opengradient.core.canonical import JsonObject
from opengradient.core.providers import PROVIDER_ADDRESSES
from opengradient.errors import ConfigurationError

_KEY_VARIABLES: Final = (
    *(f"{name.upper()}_API_KEY" for name in PROVIDER_ADDRESSES),
    "OPENGRADIENT_UPSTREAM_API_KEY",
)

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where one provider is and how to authenticate there.

    Attributes:
        base_url: Without a trailing slash; no user info, query or fragment.
        key: The API key, hidden from the repr; None only where the server wants none.
    """

    base_url: str
    key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse addresses and keys that cannot be sent safely.

        Raises:
            ConfigurationError: Says what is wrong; never holds the key or the address.
        """
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationError("a provider's base URL must be an http(s) URL with a host")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ConfigurationError(
                "a provider's base URL holds no user info, query or fragment: receipts show it"
            )
        if self.base_url.endswith("/"):
            raise ConfigurationError("a provider's base URL has no trailing slash")
        if self.key is None:
            return
        if not self.key or not all("!" <= letter <= "~" for letter in self.key):
            raise ConfigurationError("a provider's key must be printable ASCII without spaces")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ConfigurationError("a provider's key is only sent over https, or to loopback")

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """The providers that a node may use; None where it has no key.

    Attributes:
        openai: From OPENAI_API_KEY and OPENAI_BASE_URL.
        anthropic: From ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL.
        google: From GOOGLE_API_KEY and GOOGLE_BASE_URL.
        xai: From XAI_API_KEY and XAI_BASE_URL.
        compatible: Any server that speaks OpenAI's protocol: OPENGRADIENT_UPSTREAM_URL (with
            its ``/v1``), and OPENGRADIENT_UPSTREAM_API_KEY where it wants a key.
    """

    openai: Endpoint | None = None
    anthropic: Endpoint | None = None
    google: Endpoint | None = None
    xai: Endpoint | None = None
    compatible: Endpoint | None = None

    def attested(self) -> JsonObject:
        """Where requests may go, for the attested configuration: addresses, never keys."""
        known = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: endpoint.base_url for name, endpoint in known.items() if endpoint}

    @classmethod
    def addresses_from_env(cls, environ: Mapping[str, str]) -> "ProviderSettings":
        """Read where the providers are, for keys that come sealed. No key is taken.

        Every provider has its documented address unless the environment names another; a
        compatible server is there only if named.

        Raises:
            ConfigurationError: A variable is not valid, or one holds a key
                (code ``keys.environment``); names it, without its value.
        """
        held = sorted(name for name in _KEY_VARIABLES if environ.get(name))
        if held:
            raise ConfigurationError(
                f"{', '.join(held)}: keys come sealed, not from here", code="keys.environment"
            )
        endpoints = {
            name: _endpoint(
                environ.get(f"{name.upper()}_BASE_URL") or url, None, f"{name.upper()}_BASE_URL"
            )
            for name, url in PROVIDER_ADDRESSES.items()
        }
        return cls(**endpoints, compatible=_upstream(environ))

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "ProviderSettings":
        """Read the environment. An empty variable counts as absent.

        Raises:
            ConfigurationError: A variable is not valid; names it, without its value.
        """
        endpoints = {name: _provider(environ, name) for name in PROVIDER_ADDRESSES}
        return cls(**endpoints, compatible=_upstream(environ))


def _provider(environ: Mapping[str, str], name: str) -> Endpoint | None:
    variable = f"{name.upper()}_API_KEY"
    key = environ.get(variable)
    if not key:
        return None
    base_url = environ.get(f"{name.upper()}_BASE_URL") or PROVIDER_ADDRESSES[name]
    return _endpoint(base_url, key, f"{variable}, {name.upper()}_BASE_URL")


def _upstream(environ: Mapping[str, str]) -> Endpoint | None:
    base_url = environ.get("OPENGRADIENT_UPSTREAM_URL")
    key = environ.get("OPENGRADIENT_UPSTREAM_API_KEY") or None
    if base_url:
        return _endpoint(base_url, key, "OPENGRADIENT_UPSTREAM_URL, OPENGRADIENT_UPSTREAM_API_KEY")
    if key:
        raise ConfigurationError(
            "OPENGRADIENT_UPSTREAM_API_KEY is set, but OPENGRADIENT_UPSTREAM_URL is not"
        )
    return None


def _endpoint(base_url: str, key: str | None, variables: str) -> Endpoint:
    try:
        return Endpoint(base_url=base_url.rstrip("/"), key=key)
    except (ConfigurationError, ValueError) as error:
        reason = error.message if isinstance(error, ConfigurationError) else "not a URL"
        raise ConfigurationError(f"{variables}: {reason}") from None
