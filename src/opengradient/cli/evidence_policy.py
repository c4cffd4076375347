"""The policy that the options of `opengradient evidence verify` stand for."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, final

import click

from opengradient.cli.console import banner_instead_of_warnings
from opengradient.cli.evidence_files import certificates
from opengradient.cli.trust import read_policy
from opengradient.core.evidence import GCP, MAA, NITRO, NVIDIA, SGX, SNP, SOFTWARE, TDX
from opengradient.errors import ConfigurationError
from opengradient.verify.platforms import PlatformPolicy
from opengradient.verify.platforms.sgx import SgxPolicy
from opengradient.verify.platforms.snp import SnpPolicy
from opengradient.verify.platforms.tdx import TdxPolicy
from opengradient.verify.policy import CLOCK_SKEW_MS, Root, TrustPolicy, UnsafeAnyMeasurement
from opengradient.verify.trust import (
    TrustedRoot,
    UnsafeSimulatedRoot,
    amd_ark,
    aws_nitro_root,
    intel_sgx_root,
    nvidia_device_root,
)

NO_BOUND_MS: Final = 2**53

BUILT_IN: Final = (
    "aws-nitro",
    "intel-sgx",
    "amd-milan",
    "amd-genoa",
    "amd-turin",
    "nvidia-device",
)
"""Roots that this release embeds, as --root names them."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyOptions:
    """What was typed.

    Attributes:
        policy: A policy file; then nothing else may be given.
        root: Name of a built-in root, or a file.
        measurements: Accepted measurement ids.
        any_measurement: Said that any will do.
        allow_debug: Accept debug enclaves.
        max_age: Greatest age of the document, seconds.
        statuses: Accepted states of Intel firmware.
        advisories: Accepted advisories of Intel.
        without_crl: Accept AMD reports without the revocation list.
    """

    policy: Path | None
    root: str | None
    measurements: tuple[str, ...]
    any_measurement: bool
    allow_debug: bool
    max_age: int | None
    statuses: tuple[str, ...]
    advisories: tuple[str, ...]
    without_crl: bool

    def build(self, kind: str) -> TrustPolicy:
        """The policy for evidence of this kind.

        Raises:
            click.UsageError: Options that exclude each other, or one that is missing.
            ConfigurationError: A value that no policy may have.
        """
        if self.measurements and self.any_measurement:
            raise click.UsageError("--measurement and --unsafe-any-measurement exclude each other")
        if self.policy is not None:
            self._refuse_more()
            with banner_instead_of_warnings():
                return read_policy(self.policy)
        with banner_instead_of_warnings():  # the verdict shows what was compared with nothing
            return TrustPolicy(
                roots=self._roots(kind),
                measurements=frozenset(self.measurements) or UnsafeAnyMeasurement(),
                allow_debug=self.allow_debug,
                platforms=self._platforms(kind),
                max_evidence_age_ms=NO_BOUND_MS if self.max_age is None else self.max_age * 1000,
                clock_skew_ms=NO_BOUND_MS if self.max_age is None else CLOCK_SKEW_MS,
            )

    def _refuse_more(self) -> None:
        given = (
            self.root,
            self.measurements,
            self.any_measurement,
            self.allow_debug,
            self.max_age is not None,
            self.statuses,
            self.advisories,
            self.without_crl,
        )
        if any(given):
            raise click.UsageError("--policy says it all: no other option of trust beside it")

    def _roots(self, kind: str) -> tuple[Root, ...]:
        if kind in (GCP, MAA) or (kind == NVIDIA and self.root is None):
            more = "; GPUs' own reports need --root nvidia-device" if kind == NVIDIA else ""
            raise click.UsageError(
                "tokens are judged by keys that you pin: pass --policy with the service's keys "
                f"(docs/trust.md shows one){more}"
            )
        if self.root is not None:
            return (_named_root(self.root, kind),)
        if kind == SOFTWARE:
            raise click.UsageError("software enclaves have no built-in root: pass --root")
        if kind in (TDX, SGX):
            return (intel_sgx_root(kind),)
        # Milan's root is named by nobody but its user: forged reports of it are published.
        return (aws_nitro_root(),) if kind == NITRO else (amd_ark("Genoa"), amd_ark("Turin"))

    def _platforms(self, kind: str) -> tuple[PlatformPolicy, ...]:
        if (self.statuses or self.advisories) and kind not in (TDX, SGX):
            raise click.UsageError("--accept-status and --accept-advisory are for Intel")
        if self.without_crl and kind != SNP:
            raise click.UsageError("--unsafe-without-crl is for AMD")
        if self.without_crl:
            return (SnpPolicy(require_crl=False),)
        if kind not in (TDX, SGX):
            return ()
        settings: TdxPolicy | SgxPolicy = TdxPolicy() if kind == TDX else SgxPolicy()
        return (
            replace(
                settings,
                accepted_statuses=settings.accepted_statuses | set(self.statuses),
                accepted_advisories=settings.accepted_advisories | set(self.advisories),
            ),
        )


def _named_root(name: str, kind: str) -> Root:
    if name in BUILT_IN:
        root = _built_in(name, kind)
        if root.kind != kind:
            raise click.UsageError(f"--root {name} does not vouch for evidence of {kind}")
        return root
    path = Path(name)
    if not path.is_file():
        raise click.UsageError(f"--root is a file or one of {', '.join(BUILT_IN)}: {name}")
    certificate = _certificate(path)
    if kind == SOFTWARE:
        return UnsafeSimulatedRoot(name=path.name, certificate=certificate)
    return TrustedRoot(kind=kind, name=path.name, certificate=certificate)


def _built_in(name: str, kind: str) -> TrustedRoot:
    if name == "aws-nitro":
        return aws_nitro_root()
    if name == "nvidia-device":
        return nvidia_device_root()
    if name == "intel-sgx":
        return intel_sgx_root(SGX if kind == SGX else TDX)
    return amd_ark(name.removeprefix("amd-").capitalize())


def _certificate(path: Path) -> bytes:
    """The certificate in a file; of a chain in PEM the last one, where vendors put the root."""
    data = path.read_bytes()
    if not data.lstrip().startswith(b"-----"):
        return data
    chain = certificates(data)
    if not chain:
        raise ConfigurationError(f"{path} holds no PEM certificate")
    return chain[-1]
