"""What a caller accepts of Microsoft Azure Attestation."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

from opengradient.core.canonical import JsonObject
from opengradient.core.evidence import MAA
from opengradient.errors import ConfigurationError
from opengradient.verify._fields import Fields, require_form
from opengradient.verify.platforms._reading import (
    read_keys,
    sorted_or_any,
    texts_or_any,
    write_keys,
)
from opengradient.verify.token_keys import TokenKey, require_distinct

SNP_VM: Final = "sevsnpvm"
TDX_VM: Final = "tdxvm"
AZURE_VM: Final = "azurevm"
"""A whole virtual machine, which carries one of the other two as ``x-ms-isolation-tee``."""

SVN_CLAIMS: Final = {
    "bootloader": "x-ms-sevsnpvm-bootloader-svn",
    "tee": "x-ms-sevsnpvm-tee-svn",
    "snpfw": "x-ms-sevsnpvm-snpfw-svn",
    "microcode": "x-ms-sevsnpvm-microcode-svn",
    "guest": "x-ms-sevsnpvm-guestsvn",
    "seam": "tdx_seamsvn",
}
"""Names of security versions in a policy, and their claims; ``seam`` is of TDX, the rest of SNP."""

_ISSUER: Final = re.compile(r"https://[a-z0-9][a-z0-9.-]{0,200}\.attest\.azure\.(?:net|us|cn)")
_HOST_DATA: Final = re.compile(r"[0-9a-f]{64}|[0-9a-f]{96}")
_FIELDS: Final = frozenset(
    {
        "issuer",
        "keys",
        "attestation_types",
        "tenant_policies",
        "minimum_svns",
        "tcb_statuses",
        "vmpl",
        "host_data",
    }
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MaaPolicy:
    """Settings for tokens of Microsoft Azure Attestation.

    Attributes:
        issuer: Address of the tenant, without a slash at the end; tokens of no other tenant are
            accepted. Empty accepts nothing.
        keys: The tenant's token keys, pinned. Take them from ``<issuer>/certs`` yourself: a
            token's ``jku`` must be that address and is never asked.
        attestation_types: Accepted kinds of machine: ``"sevsnpvm"`` and ``"tdxvm"`` for tokens
            that speak of the hardware's report itself, ``"azurevm"`` for tokens of a whole
            machine, whose isolation must then be one of the other two that stand here.
        tenant_policies: Accepted ``x-ms-policy-hash`` values: the tenant's own policy decides
            what gets a token at all. None accepts any.
        minimum_svns: Lowest security versions by the names of `SVN_CLAIMS`; each is required of
            the kind that it belongs to.
        tcb_statuses: Accepted ``attester_tcb_status`` values of TDX.
        vmpl: The privilege level that an SNP report must be made at. Azure's paravisor, which
            makes the report for the guest, runs at 0.
        host_data: Accepted host data of SNP, or ``tdx_mrconfigid`` of TDX; None accepts any.
    """

    kind: ClassVar[str] = MAA

    issuer: str = ""
    keys: tuple[TokenKey, ...] = ()
    attestation_types: frozenset[str] = frozenset({SNP_VM, TDX_VM})
    tenant_policies: frozenset[str] | None = None
    minimum_svns: tuple[tuple[str, int], ...] = ()
    tcb_statuses: frozenset[str] = frozenset({"UpToDate"})
    vmpl: int = 0
    host_data: frozenset[str] | None = None

    def __post_init__(self) -> None:
        """Refuse entries that could never match, or that a token could choose between.

        Raises:
            ConfigurationError: Code ``policy.malformed``.
        """
        require_distinct(self.keys)
        if self.issuer and not _ISSUER.fullmatch(self.issuer):
            raise _refused(f"not the address of an attestation tenant: {self.issuer!r}")
        if not self.attestation_types <= {SNP_VM, TDX_VM, AZURE_VM}:
            raise _refused(f"unknown attestation types: {sorted(self.attestation_types)}")
        names = [name for name, _ in self.minimum_svns]
        if len(set(names)) != len(names) or not SVN_CLAIMS.keys() >= set(names):
            raise _refused(f"security versions are each at most once of {sorted(SVN_CLAIMS)}")
        if not 0 <= self.vmpl <= 3:
            raise _refused("a VMPL is 0 to 3")
        require_form(_HOST_DATA, self.host_data or (), "value of host data")

    @property
    def key_url(self) -> str:
        """The ``jku`` that every token must name."""
        return self.issuer + "/certs"

    def to_json(self) -> JsonObject:
        """The settings as a JSON object, without the kind."""
        return {
            "issuer": self.issuer,
            "keys": write_keys(self.keys),
            "attestation_types": sorted(self.attestation_types),
            "tenant_policies": sorted_or_any(self.tenant_policies),
            "minimum_svns": [{"name": n, "minimum": m} for n, m in self.minimum_svns],
            "tcb_statuses": sorted(self.tcb_statuses),
            "vmpl": self.vmpl,
            "host_data": sorted_or_any(self.host_data),
        }

    @classmethod
    def from_json(cls, raw: JsonObject) -> "MaaPolicy":
        """Read what `to_json` writes, strictly.

        Raises:
            MalformedError: Code ``policy.malformed``.
            ConfigurationError: Code ``policy.malformed``: a value that no policy may have.
        """
        fields = Fields(raw, _FIELDS)
        return cls(
            issuer=fields.get("issuer", str),
            keys=read_keys(fields),
            attestation_types=fields.texts("attestation_types"),
            tenant_policies=texts_or_any(fields, "tenant_policies"),
            minimum_svns=tuple(fields.each("minimum_svns", _read_minimum)),
            tcb_statuses=fields.texts("tcb_statuses"),
            vmpl=fields.get("vmpl", int),
            host_data=texts_or_any(fields, "host_data"),
        )


def _read_minimum(raw: Any) -> tuple[str, int]:
    fields = Fields(raw, frozenset({"name", "minimum"}))
    return fields.get("name", str), fields.get("minimum", int)


def _refused(why: str) -> ConfigurationError:
    return ConfigurationError(why, code="policy.malformed")
