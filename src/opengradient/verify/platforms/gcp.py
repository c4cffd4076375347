"""What a caller accepts of Google Confidential Space."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

from opengradient.core.canonical import JsonObject
from opengradient.core.evidence import GCP
from opengradient.errors import ConfigurationError
from opengradient.verify._fields import Fields, malformed
from opengradient.verify.platforms._reading import (
    read_keys,
    sorted_or_any,
    texts_or_any,
    write_keys,
)
from opengradient.verify.token_keys import TokenKey, require_distinct

_FIELDS: Final = frozenset(
    {
        "keys",
        "audience",
        "hardware",
        "support_attributes",
        "min_software_version",
        "projects",
        "zones",
        "service_accounts",
        "command",
        "environment",
    }
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GcpPolicy:
    """Settings for tokens of Google Confidential Space.

    Attributes:
        keys: Google's token keys, pinned. Take them from the service's published key set
            (confidentialcomputing.googleapis.com, ``/.well-known/openid-configuration``); it
            rotates them, and a policy is then to be renewed. Without any, nothing is accepted.
        audience: The ``aud`` that tokens must have; nothing is accepted while it is empty.
        hardware: Accepted ``hwmodel`` values. By default Intel TDX alone: ``GCP_AMD_SEV`` encrypts
            memory without protecting its integrity, so accept it only knowingly.
        support_attributes: Attributes that the image must have, all of them. ``STABLE`` images
            are supported and watched for vulnerabilities; ``USABLE`` ones no longer are.
        min_software_version: Lowest version of the image, as ``swversion`` gives it (``250800``).
        projects: Accepted project ids; None accepts any.
        zones: Accepted zones; None accepts any.
        service_accounts: Accepted service accounts, of which the machine may have no others; None
            accepts any.
        command: The command that the operator may have put in the place of the image's own; None
            where the image's own must run.
        environment: Variables that the operator may have set over the image's own: pairs of name
            and value. The image digest fixes all others.
    """

    kind: ClassVar[str] = GCP

    keys: tuple[TokenKey, ...] = ()
    audience: str = ""
    hardware: frozenset[str] = frozenset({"GCP_INTEL_TDX"})
    support_attributes: frozenset[str] = frozenset({"STABLE"})
    min_software_version: int = 0
    projects: frozenset[str] | None = None
    zones: frozenset[str] | None = None
    service_accounts: frozenset[str] | None = None
    command: tuple[str, ...] | None = None
    environment: frozenset[tuple[str, str]] = frozenset()

    def __post_init__(self) -> None:
        """Refuse keys that a token could choose between, and a negative version.

        Raises:
            ConfigurationError: Code ``policy.malformed``.
        """
        require_distinct(self.keys)
        if self.min_software_version < 0:
            raise ConfigurationError("a version is not negative", code="policy.malformed")

    def to_json(self) -> JsonObject:
        """The settings as a JSON object, without the kind."""
        return {
            "keys": write_keys(self.keys),
            "audience": self.audience,
            "hardware": sorted(self.hardware),
            "support_attributes": sorted(self.support_attributes),
            "min_software_version": self.min_software_version,
            "projects": sorted_or_any(self.projects),
            "zones": sorted_or_any(self.zones),
            "service_accounts": sorted_or_any(self.service_accounts),
            "command": None if self.command is None else list(self.command),
            "environment": [list(pair) for pair in sorted(self.environment)],
        }

    @classmethod
    def from_json(cls, raw: JsonObject) -> "GcpPolicy":
        """Read what `to_json` writes, strictly.

        Raises:
            MalformedError: Code ``policy.malformed``.
            ConfigurationError: Code ``policy.malformed``: a value that no policy may have.
        """
        fields = Fields(raw, _FIELDS)
        return cls(
            keys=read_keys(fields),
            audience=fields.get("audience", str),
            hardware=fields.texts("hardware"),
            support_attributes=fields.texts("support_attributes"),
            min_software_version=fields.get("min_software_version", int),
            projects=texts_or_any(fields, "projects"),
            zones=texts_or_any(fields, "zones"),
            service_accounts=texts_or_any(fields, "service_accounts"),
            command=(
                None if fields.has("command", None) else tuple(fields.each("command", _read_word))
            ),
            environment=frozenset(fields.each("environment", _read_pair)),
        )


def _read_word(raw: Any) -> str:
    if not isinstance(raw, str):
        raise malformed("a command is a list of text")
    return raw


def _read_pair(raw: Any) -> tuple[str, str]:
    if not isinstance(raw, list) or len(raw) != 2:
        raise malformed("environment is a list of pairs")
    return _read_word(raw[0]), _read_word(raw[1])
