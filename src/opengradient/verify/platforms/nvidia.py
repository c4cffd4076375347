"""What a caller accepts of NVIDIA's GPUs."""

from dataclasses import dataclass
from typing import ClassVar, Final, final

from opengradient.core.canonical import JsonObject
from opengradient.core.evidence import NVIDIA
from opengradient.verify._fields import Fields
from opengradient.verify.platforms._reading import (
    read_keys,
    sorted_or_any,
    text_or_none,
    texts_or_any,
    write_keys,
)
from opengradient.verify.token_keys import TokenKey, require_distinct

_FIELDS: Final = frozenset({"keys", "audience", "models", "drivers", "vbios", "required"})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NvidiaPolicy:
    """Settings for tokens of NVIDIA's Remote Attestation Service (NRAS).

    Attributes:
        keys: The service's token keys, pinned. Take them from its published key set
            (nras.attestation.nvidia.com, ``/.well-known/jwks.json``); it rotates them. Without
            any, a GPU's evidence is never believed, and a node that shows some is taken as one
            that shows none.
        audience: The ``aud`` that tokens must have; None where they must have none, as today's.
        models: Accepted ``hwmodel`` values, for example ``"GH100 A01 GSP BROM"``; None accepts
            any.
        drivers: Accepted versions of the driver; None accepts any that the service vouches for.
        vbios: Accepted versions of the VBIOS; None accepts any that the service vouches for.
        required: Refuse nodes that show no GPU's evidence.
    """

    kind: ClassVar[str] = NVIDIA

    keys: tuple[TokenKey, ...] = ()
    audience: str | None = None
    models: frozenset[str] | None = None
    drivers: frozenset[str] | None = None
    vbios: frozenset[str] | None = None
    required: bool = False

    def __post_init__(self) -> None:
        """Refuse keys that a token could choose between.

        Raises:
            ConfigurationError: Code ``policy.malformed``.
        """
        require_distinct(self.keys)

    def to_json(self) -> JsonObject:
        """The settings as a JSON object, without the kind."""
        return {
            "keys": write_keys(self.keys),
            "audience": self.audience,
            "models": sorted_or_any(self.models),
            "drivers": sorted_or_any(self.drivers),
            "vbios": sorted_or_any(self.vbios),
            "required": self.required,
        }

    @classmethod
    def from_json(cls, raw: JsonObject) -> "NvidiaPolicy":
        """Read what `to_json` writes, strictly.

        Raises:
            MalformedError: Code ``policy.malformed``.
            ConfigurationError: Code ``policy.malformed``: a value that no policy may have.
        """
        fields = Fields(raw, _FIELDS)
        return cls(
            keys=read_keys(fields),
            audience=text_or_none(fields, "audience"),
            models=texts_or_any(fields, "models"),
            drivers=texts_or_any(fields, "drivers"),
            vbios=texts_or_any(fields, "vbios"),
            required=fields.get("required", bool),
        )
