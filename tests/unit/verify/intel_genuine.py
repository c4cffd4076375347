"""Genuine Intel quotes and their collateral, from outside."""

import calendar
import dataclasses
import json
import time
from functools import cache

from opengradient.core.collateral import Collateral
from opengradient.core.evidence import SGX, TDX, Evidence
from opengradient.verify.attestation.intel_collateral import collateral_from_json
from opengradient.verify.platforms.sgx import SgxPolicy
from opengradient.verify.platforms.tdx import TdxPolicy
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.requirements import UnsafeAnyMeasurement
from opengradient.verify.trust import intel_sgx_root
from tests.support import vectors

ADVISORIES = frozenset({"INTEL-SA-00289", "INTEL-SA-00615"})
STATUS = "ConfigurationAndSWHardeningNeeded"
POLICY = TrustPolicy(
    roots=(intel_sgx_root(TDX), intel_sgx_root(SGX)),
    measurements=UnsafeAnyMeasurement(),
    platforms=(SgxPolicy(accepted_statuses=frozenset({STATUS}), accepted_advisories=ADVISORIES),),
)
FILES = {TDX: "tdx_quote", SGX: "sgx_quote"}
NOW = {TDX: "2025-06-19T10:32:27", SGX: "2025-06-19T10:56:11"}


def ms(text: str) -> int:
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S")) * 1000


@cache
def quote(kind: str) -> bytes:
    return (vectors("tdx") / FILES[kind]).read_bytes()


@cache
def raw_collateral(kind: str) -> bytes:
    return (vectors("tdx") / f"{FILES[kind]}_collateral.json").read_bytes()


@cache
def collateral(kind: str) -> Collateral:
    return collateral_from_json(raw_collateral(kind))


def evidence(kind: str, document: bytes | None = None, **items: bytes) -> Evidence:
    """A genuine quote, or another document with its collateral, some items replaced."""
    return Evidence(
        kind=kind,
        document=quote(kind) if document is None else document,
        collateral=collateral(kind).merged(Collateral.of(items)),
    )


def tdx_policy(**settings: object) -> TrustPolicy:
    return dataclasses.replace(POLICY, platforms=(TdxPolicy(**settings),))


def sgx_policy(**settings: object) -> TrustPolicy:
    return dataclasses.replace(POLICY, platforms=(SgxPolicy(**settings),))


def collateral_text(kind: str) -> dict[str, str]:
    return json.loads(raw_collateral(kind))
