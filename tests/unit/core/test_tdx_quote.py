"""Quotes and reports: written and read, and nothing but our errors out of any bytes."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengradient.core.intel_reports import parse_enclave_report, parse_td_report
from opengradient.core.tdx_quote import MAX_QUOTE_BYTES, TEE_SGX, TEE_TDX, parse_quote
from opengradient.errors import VerificationError
from opengradient.verify.attestation import inspect_sgx, inspect_tdx
from tests.vectors.evidence.intel_forge import Case, enclave_report, td_report

QUOTES = {
    "v4": (Case().quote(), TEE_TDX),
    "v5": (Case(version=5).quote(), TEE_TDX),
    "v5-1.5": (Case(version=5, body=3).quote(), TEE_TDX),
    "sgx": (Case(tdx=False, version=3).quote(), TEE_SGX),
}


@pytest.mark.parametrize("service", [False, True])
def test_td_reports_are_read_as_they_are_written(service):
    report = td_report(service=service)
    assert len(report.encode()) == (648 if service else 584)
    assert parse_td_report(report.encode()) == report


def test_enclave_reports_are_read_as_they_are_written():
    report = enclave_report()
    assert len(report.encode()) == 384
    assert parse_enclave_report(report.encode()) == report


@pytest.mark.parametrize("name", QUOTES)
def test_a_quote_is_its_signed_bytes_and_its_signature_data(name):
    document, tee_type = QUOTES[name]
    quote = parse_quote(document, tee_type)
    data = quote.signature.encode(quote.version)
    assert quote.signed + len(data).to_bytes(4, "little") + data == document
    assert quote.padding == 0
    assert quote.signed.endswith(quote.body)
    assert quote.user_data == b"\x33" * 20
    assert parse_quote(document + bytes(9), tee_type).padding == 9


def test_the_largest_document_that_is_read():
    document, tee_type = QUOTES["v4"]
    padded = document + bytes(MAX_QUOTE_BYTES - len(document))
    assert parse_quote(padded, tee_type).padding
    with pytest.raises(VerificationError, match="too large"):
        parse_quote(padded + b"\0", tee_type)


@pytest.mark.parametrize("name", QUOTES)
def test_every_truncation_is_refused(name):
    document, tee_type = QUOTES[name]
    for length in range(len(document)):
        with pytest.raises(VerificationError):
            parse_quote(document[:length], tee_type)


@given(data=st.binary(max_size=2000), tee_type=st.sampled_from([TEE_TDX, TEE_SGX]))
@settings(max_examples=200, deadline=None)
def test_any_bytes(data, tee_type):
    with pytest.raises(VerificationError):
        parse_quote(data, tee_type)


@given(name=st.sampled_from(sorted(QUOTES)), position=st.integers(0), byte=st.integers(0, 255))
@settings(max_examples=300, deadline=None)
def test_any_byte_of_a_right_quote(name, position, byte):
    document, tee_type = QUOTES[name]
    changed = bytearray(document)
    changed[position % len(changed)] = byte
    inspect = inspect_tdx if tee_type == TEE_TDX else inspect_sgx
    with suppress(VerificationError):
        assert inspect(bytes(changed))["verified"] is False
