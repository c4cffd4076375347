"""Collateral from the forms in which Intel's services and dcap-qvl give it."""

import json
from urllib.parse import quote as url_quote

import pytest

from opengradient.core.collateral import Collateral
from opengradient.core.evidence import SGX, TDX, Evidence
from opengradient.errors import ConfigurationError, OpenGradientError, VerificationError
from opengradient.verify._pem import read_pem_chain, write_pem_chain
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.attestation.dcap import ITEMS
from opengradient.verify.attestation.intel_collateral import (
    MAX_RESPONSE_BYTES,
    collateral_from_intel,
    collateral_from_json,
    pck_facts,
)
from opengradient.verify.trust import intel_sgx_root
from tests.vectors.evidence.intel_forge import NOW, Case, pem
from tests.vectors.evidence.intel_kit import Vector
from tests.vectors.evidence.tdx import policy

RIGHT = Case().collateral()


def answers(**changes):
    """Intel's answers, some replaced."""

    def body(name, area):
        return b'{"%b":%b,"signature":"%b"}' % (
            name,
            RIGHT[area],
            RIGHT[f"{area}_signature"].hex().encode(),
        )

    return {
        "tcb_info": body(b"tcbInfo", "tcb_info"),
        "tcb_info_chain": url_quote(RIGHT["tcb_info_issuer_chain"]),
        "qe_identity": body(b"enclaveIdentity", "qe_identity"),
        "qe_identity_chain": url_quote(RIGHT["qe_identity_issuer_chain"]),
        "pck_crl": RIGHT["pck_crl"],
        "pck_crl_chain": url_quote(RIGHT["pck_crl_issuer_chain"]),
        "root_ca_crl": RIGHT["root_ca_crl"],
        **changes,
    }


def test_answers_of_intel_become_the_items_byte_for_byte():
    collateral = collateral_from_intel(**answers())
    assert dict(collateral.items) == RIGHT
    assert RIGHT.keys() == ITEMS
    with_newline = answers(tcb_info=answers()["tcb_info"] + b"\n")
    assert collateral_from_intel(**with_newline) == collateral
    evidence = Evidence(kind=TDX, document=Case().quote(), collateral=collateral)
    trust = policy(Vector(name="", expect="accept"))
    assert verify_evidence(evidence, policy=trust, now_ms=NOW).product == "90C06F000000"


@pytest.mark.parametrize("area", ["tcb_info", "qe_identity"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body.replace(b'"signature":"', b'"signature":"0', 1),
        lambda body: body.replace(b'"signature"', b'"Signature"', 1),
        lambda body: body.replace(b',"signature"', b', "signature"', 1),
        lambda body: body[:-1] + b',"more":1}',
        lambda body: body.replace(b'":{', b'": {', 1),
        lambda body: b'{"tcbinfo":{},"signature":"' + b"0" * 128 + b'"}',
        lambda body: b"[]",
        lambda body: b"",
        lambda body: body + b" " * MAX_RESPONSE_BYTES,
        lambda body: (
            b'{"signature":"' + b"0" * 128 + b'",' + body[1:].partition(b',"sig')[0] + b"}"
        ),
    ],
)
def test_answers_of_another_form_are_refused(area, damage):
    with pytest.raises(VerificationError) as caught:
        collateral_from_intel(**answers(**{area: damage(answers()[area])}))
    assert caught.value.code in ("dcap.collateral.form", "format.malformed", "format.too_large")


def as_json():
    hexed = {"root_ca_crl", "pck_crl", "tcb_info_signature", "qe_identity_signature"}
    return {name: data.hex() if name in hexed else data.decode() for name, data in RIGHT.items()}


def test_the_form_of_dcap_qvl():
    text = as_json()
    assert dict(collateral_from_json(json.dumps(text).encode()).items) == RIGHT
    # Later versions of it add the quote's own chain.
    extended = {**text, "pck_certificate_chain": "x"}
    assert dict(collateral_from_json(json.dumps(extended).encode()).items) == RIGHT


@pytest.mark.parametrize("name", sorted(ITEMS))
def test_an_item_that_is_missing_or_wrong(name):
    for value in (None, 1, "é", "xyz"):
        raw = {**as_json(), name: value}
        if value == "xyz" and not name.endswith(("crl", "signature")):
            continue
        with pytest.raises(VerificationError) as caught:
            collateral_from_json(json.dumps(raw).encode())
        assert caught.value.code == "dcap.collateral.form"


def test_what_to_ask_intel_for():
    assert pck_facts(Case().quote()) == ("90C06F000000", "platform")
    assert pck_facts(Case(tdx=False, version=3).quote()) == ("90C06F000000", "platform")
    name = "Intel SGX PCK Processor CA"
    processor = Case(certificates={"ca": {"subject": name}, "pck": {"issuer_name": name}})
    assert pck_facts(processor.quote()) == ("90C06F000000", "processor")
    for document in (b"", b"x" * 48, Case().quote()[:-9]):
        with pytest.raises(OpenGradientError):
            pck_facts(document)


def test_pem_as_we_write_it_is_pem_as_intel_writes_it():
    chain = [Case().cert(slot) for slot in ("pck", "ca", "root")]
    assert write_pem_chain(chain) == pem(chain)
    assert read_pem_chain(pem(chain), count=3, what="a chain") == chain


def test_the_root_vouches_for_intels_kinds_only():
    assert intel_sgx_root(SGX).certificate == intel_sgx_root().certificate
    with pytest.raises(ConfigurationError):
        intel_sgx_root("aws-nitro")


def test_large_signed_data_is_refused_before_it_is_parsed():
    case = Case(tcb_patch=lambda data: data + b" " * (128 * 1024))
    evidence = Evidence(
        kind=TDX, document=case.quote(), collateral=Collateral.of(case.collateral())
    )
    with pytest.raises(VerificationError) as caught:
        verify_evidence(evidence, policy=policy(Vector(name="", expect="x")), now_ms=NOW)
    assert caught.value.code == "dcap.tcb_info.malformed"
