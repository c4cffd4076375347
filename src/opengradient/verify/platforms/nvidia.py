"""What a caller accepts of NVIDIA's GPUs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

from opengradient.core.canonical import JsonObject
from opengradient.core.evidence import NVIDIA
from opengradient.errors import AttestationError, ConfigurationError
from opengradient.verify._fields import Fields, require_form
from opengradient.verify.platforms._reading import (
    read_keys,
    sorted_or_any,
    text_or_none,
    texts_or_any,
    write_keys,
)
from opengradient.verify.token_keys import TokenKey, require_distinct

_FIELDS: Final = frozenset(
    {"keys", "audience", "models", "drivers", "vbios", "measurements", "required"}
)

MAX_INDEX: Final = 254
"""Measurement indexes of SPDM (DSP0274 1.1, table 40)."""

_MEASUREMENT: Final = re.compile(r"[0-9a-f]{96}")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NvidiaPolicy:
    """Settings for GPUs: tokens of NVIDIA's Remote Attestation Service (NRAS), and own reports.

    A GPU's own report needs no key here; the policy trusts NVIDIA's root for it, as a
    `opengradient.verify.trust.TrustedRoot` of kind ``nvidia-gpu``.

    Attributes:
        keys: The service's token keys, pinned. Take them from its published key set
            (nras.attestation.nvidia.com, ``/.well-known/jwks.json``); it rotates them. Without
            any, its tokens are never believed, and a node that shows some is taken as one that
            shows none.
        audience: The ``aud`` that tokens must have; None where they must have none, as today's.
        models: Accepted ``hwmodel`` values, for example ``"GH100 A01 GSP BROM"``; None accepts
            any.
        drivers: Accepted versions of the driver; None accepts any that the service vouches for.
        vbios: Accepted versions of the VBIOS; None accepts any that the service vouches for.
        measurements: Pairs of the index of a measurement in a GPU's own report and its accepted
            values in hex; the rest is compared with nothing.
        required: Refuse nodes that show no GPU's evidence.
    """

    kind: ClassVar[str] = NVIDIA

    keys: tuple[TokenKey, ...] = ()
    audience: str | None = None
    models: frozenset[str] | None = None
    drivers: frozenset[str] | None = None
    vbios: frozenset[str] | None = None
    measurements: tuple[tuple[int, frozenset[str]], ...] = ()
    required: bool = False

    def __post_init__(self) -> None:
        """Refuse keys that a token could choose between, and measurements that nothing has.

        Raises:
            ConfigurationError: Code ``policy.malformed``.
        """
        require_distinct(self.keys)
        indexes = [index for index, _ in self.measurements]
        if len(set(indexes)) != len(indexes) or not all(1 <= i <= MAX_INDEX for i in indexes):
            raise ConfigurationError(
                "measurements have an index from 1 on, each once", code="policy.malformed"
            )
        for _, values in self.measurements:
            require_form(_MEASUREMENT, values, "measurement of a GPU")

    def check(self, name: str, model: str, versions: Mapping[str, str]) -> None:
        """Require a model, driver and VBIOS that are accepted.

        Args:
            name: The GPU's name, for messages.
            model: Its model.
            versions: ``driver`` and ``vbios``.

        Raises:
            AttestationError: Code ``gpu.model``, ``gpu.driver`` or ``gpu.vbios``.
        """
        for value, accepted, code in (
            (model, self.models, "gpu.model"),
            (versions["driver"], self.drivers, "gpu.driver"),
            (versions["vbios"], self.vbios, "gpu.vbios"),
        ):
            if accepted is not None and value not in accepted:
                raise AttestationError(
                    f"{name} is not what the policy accepts",
                    code=code,
                    expected=sorted(accepted),
                    actual=value,
                )

    def to_json(self) -> JsonObject:
        """The settings as a JSON object, without the kind."""
        return {
            "keys": write_keys(self.keys),
            "audience": self.audience,
            "models": sorted_or_any(self.models),
            "drivers": sorted_or_any(self.drivers),
            "vbios": sorted_or_any(self.vbios),
            "measurements": [
                {"index": index, "values": sorted(values)} for index, values in self.measurements
            ],
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
            measurements=tuple(fields.each("measurements", _read_measurement)),
            required=fields.get("required", bool),
        )


def _read_measurement(raw: Any) -> tuple[int, frozenset[str]]:
    fields = Fields(raw, frozenset({"index", "values"}))
    return fields.get("index", int), fields.texts("values")
