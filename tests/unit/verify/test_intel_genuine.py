"""Genuine Intel quotes: what the list of third-party vectors says of each, and never after damage."""

import base64
import tracemalloc
from urllib.parse import quote as url_quote

import pytest

from opengradient.core.collateral import Collateral
from opengradient.core.digests import sha256
from opengradient.core.evidence import SGX, TDX, Evidence
from opengradient.errors import OpenGradientError, VerificationError
from opengradient.verify._pem import write_pem_chain
from opengradient.verify._roots.intel import INTEL_SGX_ROOT_SHA256
from opengradient.verify.attestation import INSPECTORS, verify_evidence
from opengradient.verify.attestation.intel_collateral import collateral_from_intel, pck_facts
from opengradient.verify.trust import intel_sgx_root
from tests.support import vectors
from tests.unit.verify.intel_genuine import (
    NOW,
    POLICY,
    collateral,
    collateral_text,
    evidence,
    ms,
    quote,
    sgx_policy,
    tdx_policy,
)

WINDOWS = [
    # first second, last second, and what refuses the second before and the second after
    (
        TDX,
        "2025-06-19T10:32:27",
        "2025-07-19T10:00:34",
        "dcap.qe_identity.not_yet_valid",
        "dcap.crl.expired",
    ),
    (
        SGX,
        "2025-06-19T10:56:11",
        "2025-07-19T10:01:18",
        "dcap.tcb_info.not_yet_valid",
        "dcap.qe_identity.expired",
    ),
]
"""The TDX quote ends where its PCK list is out of date (nextUpdate 10:00:35, from which second on
it is refused, as by dcap-qvl); its TCB info would hold until 10:16:03."""

CERTIFIED = {TDX: "2025-02-06T23:25:51", SGX: "2023-09-20T21:53:43"}
"""When the PCK certificates in the quotes begin. Intel issued the rest when it was asked."""


def refused(case: Evidence, *, now_ms: int, policy=POLICY) -> str:
    with pytest.raises(VerificationError) as caught:
        verify_evidence(case, policy=policy, now_ms=now_ms)
    return caught.value.code


@pytest.mark.parametrize(("kind", "first", "last", "before", "after"), WINDOWS)
def test_valid_inside_its_window_only(kind, first, last, before, after):
    start, end = ms(first), ms(last)
    for now_ms in (start, start + 1000, end - 1000, end):
        verified = verify_evidence(evidence(kind), policy=POLICY, now_ms=now_ms)
        assert verified.valid_from_ms == ms(CERTIFIED[kind])
        assert end <= verified.valid_until_ms < end + 1000
        assert not verified.debug
        assert not verified.simulated
        assert verified.keyset is None
        assert verified.issued_at_ms is None
        assert INSPECTORS[kind](quote(kind))["measurement"] == verified.measurement
    assert refused(evidence(kind), now_ms=start - 1) == before
    assert refused(evidence(kind), now_ms=start - 1000) == before
    assert refused(evidence(kind), now_ms=end + 1000) == after


def test_the_window_ends_where_it_says():
    for kind in (TDX, SGX):
        end = verify_evidence(evidence(kind), policy=POLICY, now_ms=ms(NOW[kind])).valid_until_ms
        verify_evidence(evidence(kind), policy=POLICY, now_ms=end)
        assert refused(evidence(kind), now_ms=end + 1)


def test_the_window_ends_with_the_age_that_the_policy_allows():
    issued = ms("2025-06-19T10:16:03")  # TCB info, the older of the two
    policy = tdx_policy(max_collateral_age_ms=3_600_000)
    verified = verify_evidence(evidence(TDX), policy=policy, now_ms=ms(NOW[TDX]))
    assert verified.valid_until_ms == issued + 3_600_000


def test_the_tdx_quote_is_up_to_date_without_advisories():
    verified = verify_evidence(evidence(TDX), policy=POLICY, now_ms=ms(NOW[TDX]))
    claims = {claim.name: claim for claim in verified.claims}
    assert claims["platform_firmware"].detail == "UpToDate, no advisory"
    assert claims["platform_collateral"].detail == "0 days old, evaluation data 17"
    assert "B0C06F000000" in claims["platform"].detail
    assert verified.product == "B0C06F000000"
    assert verified.measurements["MRTD"].startswith("91eb2b44d141d4ec")
    assert pck_facts(quote(TDX)) == ("B0C06F000000", "platform")


def test_the_sgx_quote_needs_a_policy_that_takes_its_status_and_advisories():
    now_ms = ms(NOW[SGX])
    assert refused(evidence(SGX), now_ms=now_ms, policy=sgx_policy()) == "dcap.tcb.status"
    status = frozenset({"ConfigurationAndSWHardeningNeeded"})
    policy = sgx_policy(accepted_statuses=status)
    assert refused(evidence(SGX), now_ms=now_ms, policy=policy) == "dcap.tcb.advisory"
    verified = verify_evidence(evidence(SGX), policy=POLICY, now_ms=now_ms)
    claims = {claim.name: claim for claim in verified.claims}
    assert claims["platform_firmware"].detail == (
        "ConfigurationAndSWHardeningNeeded, INTEL-SA-00289, INTEL-SA-00615"
    )
    assert verified.report_data == b"Hello, world!".ljust(64, b"\0")
    assert pck_facts(quote(SGX)) == ("00A067110000", "processor")


def test_byte_600_flipped():
    changed = bytearray(quote(TDX))
    changed[600] ^= 1
    assert refused(evidence(TDX, bytes(changed)), now_ms=ms(NOW[TDX])) == "dcap.quote.signature"


def test_the_embedded_root_is_the_published_one():
    root = intel_sgx_root()
    assert sha256(root.certificate) == INTEL_SGX_ROOT_SHA256
    assert root.certificate == (vectors("tdx") / "intel_sgx_root_ca.der").read_bytes()


# --- google/go-tdx-guest -----------------------------------------------------------------------

TCB_SIGNER_2018 = base64.b64decode(
    "MIICizCCAjKgAwIBAgIUfjiC1ftVKUpASY5FhAPpFJG99FUwCgYIKoZIzj0EAwIwaDEaMBgGA1UEAwwRSW50ZWwgU0dY"
    "IFJvb3QgQ0ExGjAYBgNVBAoMEUludGVsIENvcnBvcmF0aW9uMRQwEgYDVQQHDAtTYW50YSBDbGFyYTELMAkGA1UECAwC"
    "Q0ExCzAJBgNVBAYTAlVTMB4XDTE4MDUyMTEwNTAxMFoXDTI1MDUyMTEwNTAxMFowbDEeMBwGA1UEAwwVSW50ZWwgU0dY"
    "IFRDQiBTaWduaW5nMRowGAYDVQQKDBFJbnRlbCBDb3Jwb3JhdGlvbjEUMBIGA1UEBwwLU2FudGEgQ2xhcmExCzAJBgNV"
    "BAgMAkNBMQswCQYDVQQGEwJVUzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABENFG8xzydWRfK92bmGvP+mAh91PEyV7"
    "Jh6FGJd5ndE9aBH7R3E4A7ubrlh/zN3C4xvpoouGlirMba+W2ljuypajgbUwgbIwHwYDVR0jBBgwFoAUImUM1lqdNInz"
    "g7SVUr9QGzknBqwwUgYDVR0fBEswSTBHoEWgQ4ZBaHR0cHM6Ly9jZXJ0aWZpY2F0ZXMudHJ1c3RlZHNlcnZpY2VzLmlu"
    "dGVsLmNvbS9JbnRlbFNHWFJvb3RDQS5kZXIwHQYDVR0OBBYEFH44gtX7VSlKQEmORYQD6RSRvfRVMA4GA1UdDwEB/wQE"
    "AwIGwDAMBgNVHRMBAf8EAjAAMAoGCCqGSM49BAMCA0cAMEQCIB9C8wOAN/ImxDtGACV246KcqjagZOR0kyctyBrsGGJV"
    "AiAjftbrNGsGU8YH211dRiYNoPPu19Zp/ze8JmhujB0oBw=="
)
"""Intel's TCB signer until 2025, which the folder does not hold; Intel serves it with every answer."""

EXTRA = b"\nextra bytes(only for testing purpose)\n"
"""What go-tdx-guest's file has behind the quote; nobody signed it, and it is no padding."""

IN_2023 = ms("2023-07-01T01:00:00")
WEAK = {"require_sept_ve_disable": False}
"""The quote is of an early guest, which did not set SEPT_VE_DISABLE."""


def spr_quote() -> bytes:
    return (vectors("tdx") / "tdx_prod_quote_SPR_E4.dat").read_bytes()


def spr_collateral() -> Collateral:
    folder = vectors("tdx")
    signer = url_quote(write_pem_chain([TCB_SIGNER_2018, intel_sgx_root().certificate]))
    return collateral_from_intel(
        tcb_info=(folder / "sample_tcbInfo_response").read_bytes(),
        tcb_info_chain=signer,
        qe_identity=(folder / "sample_qeIdentity_response").read_bytes(),
        qe_identity_chain=signer,
        pck_crl=(folder / "pckcrl").read_bytes(),
        pck_crl_chain=url_quote(collateral_text(TDX)["pck_crl_issuer_chain"]),
        root_ca_crl=(folder / "rootcrl.der").read_bytes(),
    )


def spr(document: bytes) -> Evidence:
    return Evidence(kind=TDX, document=document, collateral=spr_collateral())


def test_the_early_production_quote():
    """Everything about it verifies in 2023 but its firmware: it is older than every level.

    The certificate has component 1 at 3, the lowest level of that TCB info at 5.
    """
    document = spr_quote()
    assert document.endswith(EXTRA)
    assert refused(spr(document), now_ms=IN_2023) == "dcap.quote.trailing"
    policy = tdx_policy(**WEAK)
    cut = document.removesuffix(EXTRA)
    assert refused(spr(cut), now_ms=IN_2023, policy=policy) == "dcap.tcb.no_level"
    assert refused(spr(cut), now_ms=ms("2053-07-01T00:00:00"), policy=policy) == "x509.expired"
    assert pck_facts(cut) == ("50806F000000", "platform")


# --- damage ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kind", [TDX, SGX])
def test_no_flipped_byte_of_a_quote_is_accepted(kind):
    """Every byte, in its lowest and its highest bit. There are no survivors.

    Padding is not among them: a byte of it that is not zero is refused. High-S twins need 32
    bytes to change, see the test below.
    """
    document, now_ms = quote(kind), ms(NOW[kind])
    survivors = []
    for position in range(len(document)):
        for flip in (0x01, 0x80):
            changed = bytearray(document)
            changed[position] ^= flip
            try:
                verify_evidence(evidence(kind, bytes(changed)), policy=POLICY, now_ms=now_ms)
            except OpenGradientError:
                continue
            survivors.append((position, flip))
    assert survivors == []


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "step"), [(TDX, 1), (SGX, 11)])
def test_no_flipped_byte_of_collateral_is_accepted(kind, step):
    """There are no survivors here either. Of SGX's collateral, of the same form, every 11th byte."""
    now_ms = ms(NOW[kind])
    survivors = []
    for name, item in collateral(kind).items:
        for position in range(0, len(item), step):
            changed = bytearray(item)
            changed[position] ^= 0x01
            try:
                verify_evidence(
                    evidence(kind, **{name: bytes(changed)}), policy=POLICY, now_ms=now_ms
                )
            except OpenGradientError:
                continue
            survivors.append((name, position))
    assert survivors == []


def test_truncated_or_extended_quotes():
    """Accepted: the quote with less padding, and with more. Nothing else."""
    document, now_ms = quote(TDX), ms(NOW[TDX])
    end = len(document.rstrip(b"\0")) + 1  # the chain's text ends with a zero byte of its own
    strict = tdx_policy(allow_padding=False)
    verify_evidence(evidence(TDX, document[:end]), policy=strict, now_ms=now_ms)
    for length in (*range(1, end, 7), *range(end - 8, end)):
        refused(evidence(TDX, document[:length]), now_ms=now_ms)
    for length in range(end + 1, len(document) + 1):
        padded = evidence(TDX, document[:length])
        verify_evidence(padded, policy=POLICY, now_ms=now_ms)
        assert refused(padded, now_ms=now_ms, policy=strict) == "dcap.quote.padding"
    for tail in (b"\1", b"\0\1", document):
        assert refused(evidence(TDX, document + tail), now_ms=now_ms) == "dcap.quote.trailing"


def test_truncated_sgx_quotes():
    document, now_ms = quote(SGX), ms(NOW[SGX])
    for length in (*range(1, len(document), 7), *range(len(document) - 8, len(document))):
        refused(evidence(SGX, document[:length]), now_ms=now_ms)


ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def test_high_s_twins_are_accepted_and_have_one_statement():
    """ECDSA's own malleability: the twin is another file with the same signed statement."""
    document, now_ms = quote(TDX), ms(NOW[TDX])
    right = verify_evidence(evidence(TDX), policy=POLICY, now_ms=now_ms)
    at = 48 + 584 + 4 + 32
    twin = ORDER - int.from_bytes(document[at : at + 32])
    other = document[:at] + twin.to_bytes(32) + document[at + 32 :]
    verified = verify_evidence(evidence(TDX, other), policy=POLICY, now_ms=now_ms)
    assert verified.statement_digest == right.statement_digest
    assert verified.evidence_digest != right.evidence_digest


def test_a_verification_takes_little_memory():
    case, now_ms = evidence(TDX), ms(NOW[TDX])
    verify_evidence(case, policy=POLICY, now_ms=now_ms)
    tracemalloc.start()
    try:
        verify_evidence(case, policy=POLICY, now_ms=now_ms)
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()
