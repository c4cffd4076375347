"""Settings for single kinds of evidence: one file per kind, one line in the registry."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Protocol, Self

from opengradient.core.canonical import JsonObject
from opengradient.core.evidence import GCP, MAA, NVIDIA
from opengradient.verify.platforms.aci import AciPolicy
from opengradient.verify.platforms.gcp import GcpPolicy
from opengradient.verify.platforms.maa import MaaPolicy
from opengradient.verify.platforms.nvidia import NvidiaPolicy
from opengradient.verify.platforms.sgx import SgxPolicy
from opengradient.verify.platforms.snp import SnpPolicy
from opengradient.verify.platforms.tdx import TdxPolicy


class PlatformPolicy(Protocol):
    """What a caller accepts of one kind of evidence. Immutable; the defaults are the strict ones.

    Attributes:
        kind: The kind of evidence.
    """

    kind: ClassVar[str]

    def to_json(self) -> JsonObject:
        """The settings as a JSON object, without the kind."""
        ...

    @classmethod
    def from_json(cls, raw: JsonObject) -> Self:
        """Read what `to_json` writes; every field must be there and no other may be."""
        ...


PLATFORMS: Mapping[str, type[PlatformPolicy]] = MappingProxyType(
    {
        AciPolicy.kind: AciPolicy,
        SnpPolicy.kind: SnpPolicy,
        TdxPolicy.kind: TdxPolicy,
        SgxPolicy.kind: SgxPolicy,
        GCP: GcpPolicy,
        MAA: MaaPolicy,
        NVIDIA: NvidiaPolicy,
    }
)
"""Kind of evidence to the class of its settings."""
