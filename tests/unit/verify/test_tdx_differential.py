"""Damaged quotes and collateral: we never accept what dcap-qvl rejects, and the reverse is listed.

dcap-qvl is another implementation of Intel's rules (Rust, MIT). It judges genuine quotes and
quotes of our own Intel, whose root it is told.
"""

import base64
import itertools
import random
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from opengradient.core.collateral import Collateral
from opengradient.core.evidence import SGX, TDX, Evidence
from opengradient.errors import OpenGradientError
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.attestation.dcap import ITEMS
from opengradient.verify.platforms._dcap import ACCEPTABLE_STATUSES
from opengradient.verify.platforms.sgx import SgxPolicy
from opengradient.verify.platforms.tdx import TdxPolicy
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.requirements import UnsafeAnyMeasurement
from opengradient.verify.trust import TrustedRoot, intel_sgx_root
from tests.unit.verify.intel_genuine import NOW, collateral, ms, quote
from tests.unit.verify.test_evidence_vectors import load

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
    """The state of the platform where the evidence is accepted, else an error code."""
    try:
        case = Evidence(kind=kind, document=document, collateral=Collateral.of(items))
        verified = verify_evidence(case, policy=trust, now_ms=now)
    except OpenGradientError as error:
        return error.code
    claims = {claim.name: claim.detail for claim in verified.claims}
    return ACCEPT + claims["platform_firmware"]


def theirs(document: bytes, items: dict[str, bytes], root: bytes, now_ms: int) -> str:
    """The same of dcap-qvl, which only states the platform's state."""
    texts: dict[str, Any] = {
        name: data if name in BINARY else data.decode("latin-1") for name, data in items.items()
    }
    try:
        given = oracle.QuoteCollateralV3(**texts)
        report = oracle.verify_with_root_ca(document, given, root, now_ms // 1000)
    except (ValueError, RuntimeError, TypeError) as error:
        return f"reject: {error}"
    if report.status == "Revoked":  # a state to dcap-qvl, a refusal to us
        return "reject: revoked"
    advisories = ", ".join(sorted(set(report.advisory_ids))) or "no advisory"
    return f"{ACCEPT}{report.status}, {advisories}"


ACCEPT = "accept: "
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


STRICTER = {
    "dcap.quote.trailing": "it does not read what is behind a quote",
    "dcap.quote.certification_type": "it does not look at the outer type",
    "dcap.quote.certification_size": "it reads nested sizes one by one",
    "dcap.quote.pck_certification_size": "the same",
    "dcap.quote.reserved": "it does not look at reserved bytes",
    "dcap.qe.report_data": "it compares the first half, and not the zeros behind it",
    "dcap.pem.malformed": "it takes PEM in any spelling",
    "dcap.pem.count": "it takes longer chains, and chains without their root",
    "dcap.pck.issuer": "it does not look at names of authorities",
    "dcap.pck.extension": "it reads only the fields that it uses",
    "dcap.tcb_signer.name": "it does not look at names of signers",
    "dcap.crl.issuer_chain": "it does not look at the chain that comes with a list",
    "dcap.crl.key_identifier": "it does not look at key identifiers",
    "dcap.crl.key_usage": "it takes name and key of the root, and no more",
    "dcap.crl.not_yet_valid": "it does not look at thisUpdate",
    "dcap.crl.malformed": "it reads over what is behind a list",
    "dcap.tcb_info.malformed": "it reads over unknown fields, texts and other writings of times",
    "dcap.qe_identity.malformed": "the same",
    "dcap.tcb_info.version": "it takes later versions",
    "dcap.tcb_info.tcb_type": "it does not look at it",
    "dcap.tcb_info.pce_id": "it does not look at it",
    "dcap.tcb_info.expired": "it counts whole seconds",
    "dcap.qe_identity.expired": "it counts whole seconds",
    "tdx.attributes": "it does not know bits 27 and 62 as reserved",
    "tdx.xfam": "it does not look at XFAM",
    "sgx.flags": "it looks at the debug flag only",
    "sgx.xfrm": "it does not look at XFRM",
    "sgx.misc_select": "it does not look at MISCSELECT of the enclave",
    "sgx.not_initialised": "it looks at the debug flag only",
    "collateral.unknown": "it takes no further items, and was not given this one",
    "format.too_large": "it has another limit",
    "tdx.event_log.digest": "it does not read event logs",
    "tdx.event_log.malformed": "the same",
    "tdx.event_log.register": "the same",
    "x509.root": "it does not look at the root that comes with a chain",
    "x509.signature": "nor at the chain that comes with a list",
    "x509.name_chain": "the same",
    "x509.malformed": "the same",
    "x509.serial": "the same",
    "x509.algorithm": "the same",
    "x509.key": "the same",
    "x509.critical_extension": "the same",
    "x509.key_identifier": "it does not look at key identifiers",
    "x509.key_usage": "it does not look at key usage",
    "x509.leaf_key_usage": "the same",
    "x509.path_length": "of the root it takes name and key, and no more",
    "x509.expired": "the same, and it counts whole seconds",
    "x509.not_yet_valid": "the same",
}
"""Codes with which we refuse what dcap-qvl accepts, and what "it" does instead."""


def compare(mine: str, other: str, what: object) -> None:
    """Never weaker; where both accept, the same state; stricter only for a written reason."""
    if mine.startswith(ACCEPT):
        assert mine == other, what
    elif other.startswith(ACCEPT):
        assert mine in STRICTER, (what, mine)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [TDX, SGX])
def test_damaged_genuine_evidence(kind):
    rng = random.Random(f"dcap {kind}")
    document, items, now_ms = quote(kind), dict(collateral(kind).items), ms(NOW[kind])
    root = intel_sgx_root().certificate
    right = ours(kind, document, items, GENUINE, now_ms)
    assert right == theirs(document, items, root, now_ms)
    assert right.startswith(ACCEPT)
    seen: Counter[str] = Counter()
    for _ in range(600):
        changed, damaged = document, dict(items)
        target = rng.choice(["quote", "quote", *items])
        if target == "quote":
            changed = mutate(document, rng)
        else:
            damaged[target] = mutate(items[target], rng)
        mine = ours(kind, changed, damaged, GENUINE, now_ms)
        compare(mine, theirs(changed, damaged, root, now_ms), target)
        seen[mine] += 1
    assert len(seen) > 10


@pytest.mark.parametrize("kind", [TDX, SGX])
def test_times_around_every_edge(kind):
    document, items = quote(kind), dict(collateral(kind).items)
    root = intel_sgx_root().certificate
    for edge, offset in itertools.product(EDGES, (-1000, 0, 1000)):
        now_ms = ms(edge) + offset
        mine = ours(kind, document, items, GENUINE, now_ms)
        other = theirs(document, items, root, now_ms)
        assert mine.startswith(ACCEPT) == other.startswith(ACCEPT), (edge, offset)


EDGES = (
    "2025-06-19T10:16:03",
    "2025-06-19T10:32:27",
    "2025-06-19T10:56:11",
    "2025-07-19T10:00:35",
    "2025-07-19T10:01:18",
    "2025-07-19T10:16:03",
    "2025-07-19T10:23:18",
    "2025-07-19T10:32:27",
)
"""Where something of the genuine collateral begins or ends."""


@cache
def own_policy(root: bytes) -> TrustPolicy:
    return policy(*(TrustedRoot(kind=k, name="own", certificate=root) for k in (TDX, SGX)))


def own_cases() -> Iterator[tuple[str, str, bytes, dict[str, bytes], int, TrustPolicy, bytes]]:
    file = load("tdx.json")
    for vector in file["vectors"]:

        def blob(name: str) -> bytes:
            return base64.b64decode(file["blobs"][name], validate=True)

        items = {item: blob(name) for item, name in vector["collateral"].items()}
        if not items.keys() >= ITEMS:
            continue
        root = base64.b64decode(file["policies"][vector["policy"]]["roots"][0]["certificate"])
        trust = own_policy(root)
        yield (
            vector["name"],
            vector["kind"],
            blob(vector["document"]),
            items,
            vector["now_ms"],
            trust,
            root,
        )


@pytest.mark.slow
def test_our_own_vectors_and_their_states():
    """The vectors, with the policies that dcap-qvl has no match for left out."""
    accepted = 0
    for name, kind, document, items, now_ms, trust, root in own_cases():
        mine = ours(kind, document, items, trust, now_ms)
        known = {item: data for item, data in items.items() if item in ITEMS}
        compare(mine, theirs(document, known, root, now_ms), name)
        accepted += mine.startswith(ACCEPT)
    assert accepted > 100


def test_damaged_evidence_of_our_own():
    rng = random.Random("own")
    cases = {name: rest for name, *rest in own_cases() if name.startswith("ok-")}
    for _ in range(400):
        name = rng.choice(sorted(cases))
        kind, document, items, now_ms, trust, root = cases[name]
        items = {item: data for item, data in items.items() if item in ITEMS}
        target = rng.choice(["quote", *items])
        if target == "quote":
            document = mutate(document, rng)
        else:
            items[target] = mutate(items[target], rng)
        mine = ours(kind, document, items, trust, now_ms)
        compare(mine, theirs(document, items, root, now_ms), (name, target))
