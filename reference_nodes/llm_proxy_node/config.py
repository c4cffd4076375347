"""The node's settings: everything that an operator can choose, from the environment."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from opengradient.core.canonical import JsonObject
from reference_nodes._kit.settings import Address, NodeSettings, split


class Settings(NodeSettings):
    """Read from ``OPENGRADIENT_<NAME>``; providers' settings are in `backends.config`.

    Attributes:
        legacy_signatures: Whether to sign the public network's ``tee_*`` fields.
        models: Model ids that /v1/models lists, separated by commas.
        upstream_silence_seconds: Longest pause of a provider.
        upstream_total_seconds: Longest time of one answer.
        provider_keys: Where the providers' keys come from: sealed by the operator to the enclave,
            or environment; unset for sealed with nitro and tsm, and environment with software.
            With nitro and tsm keys in the environment are refused.
        operator: Address of the operator, who alone may seal keys.
    """

    legacy_signatures: bool = True
    models: Annotated[tuple[str, ...], BeforeValidator(split)] = ()
    upstream_silence_seconds: float = Field(default=120.0, gt=0)
    upstream_total_seconds: float = Field(default=600.0, gt=0, le=1200.0)
    provider_keys: Literal["sealed", "environment"] | None = None
    operator: Address | None = None

    @model_validator(mode="after")
    def _sealed_in_hardware(self) -> Self:
        if self.enclave != "software" and self.provider_keys == "environment":
            raise ValueError("provider_keys are sealed where the enclave is nitro or tsm")
        return self

    @property
    def sealed_keys(self) -> bool:
        """Whether the providers' keys come sealed."""
        if self.provider_keys is None:
            return self.enclave != "software"
        return self.provider_keys == "sealed"

    def attested(self) -> JsonObject:
        """What of these settings the evidence binds."""
        chosen = NodeSettings.attested(self)
        return {**chosen, "provider_keys": "sealed" if self.sealed_keys else "environment"}
