"""TCB info and QE identity: times, members and numbers, each at its bound."""

import json
import time

import pytest

from opengradient.errors import MalformedError
from opengradient.verify._x509 import ECDSA_P256_SHA256, parse_certificate
from opengradient.verify.attestation._pck import read_pck_extension
from opengradient.verify.attestation._tcb_data import parse_qe_identity, parse_tcb_info
from opengradient.verify.attestation._tcb_levels import platform_status
from tests.vectors.evidence.intel_forge import DAY, NOW, TEE_SVNS, Case, qe_identity, tcb_info


def read_tcb(raw, *, tdx=True):
    return parse_tcb_info(json.dumps(raw).encode(), "TDX" if tdx else "SGX")


def read_qe(raw):
    return parse_qe_identity(json.dumps(raw).encode(), "TD_QE")


def refused(read, raw, **how):
    with pytest.raises(MalformedError) as caught:
        read(raw, **how)
    return caught.value.code


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        1_780_272_000,
        ["2026-03-11T00:00:00Z"],
        "",
        "2026-3-11T00:00:00Z",
        "2026-03-11T0:0:0Z",
        "2026-03-11T00:00:00z",
        "2026-03-11T00:00:00+00:00",
        "2026-03-11T00:00:00Z\n",
        "2026-03-11t00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-03-11T24:00:00Z",
        "\u0662\u0660\u0662\u0666-03-11T00:00:00Z",
    ],
)
def test_times_have_one_form(wrong):
    for name in ("issueDate", "nextUpdate"):
        assert refused(read_tcb, {**tcb_info(tdx=True), name: wrong}) == "dcap.tcb_info.malformed"
        code = refused(read_qe, {**qe_identity(tdx=True), name: wrong})
        assert code == "dcap.qe_identity.malformed"
    raw = tcb_info(tdx=True)
    raw["tcbLevels"][1]["tcbDate"] = wrong
    assert refused(read_tcb, raw) == "dcap.tcb_info.malformed"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "XYZ+11"])
def test_times_are_in_utc_wherever_we_are(zone, monkeypatch):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        period = read_tcb(tcb_info(tdx=True)).period
    finally:
        monkeypatch.undo()
        time.tzset()
    assert (period.issued_ms, period.next_ms) == (NOW - DAY, NOW + 28 * DAY)


def without(raw, name):
    return {key: value for key, value in raw.items() if key != name}


def test_modules_have_exactly_their_members():
    raw = tcb_info(tdx=True)
    first, later = raw["tdxModule"], raw["tdxModuleIdentities"][0]
    for wrong in ({**first, "tcbLevels": later["tcbLevels"]}, {**first, "id": "TDX_00"}, [], None):
        assert refused(read_tcb, {**raw, "tdxModule": wrong}) == "dcap.tcb_info.malformed"
    for name in first:
        code = refused(read_tcb, {**raw, "tdxModule": without(first, name)})
        assert code == "dcap.tcb_info.malformed"
    for wrong in ({**later, "more": 1}, *(without(later, name) for name in later)):
        code = refused(read_tcb, {**raw, "tdxModuleIdentities": [wrong]})
        assert code == "dcap.tcb_info.malformed"


def test_sgx_data_speaks_of_no_tdx_modules():
    raw = tcb_info(tdx=False)
    assert read_tcb(raw, tdx=False).module is None
    for more in ({"tdxModuleIdentities": []}, {"tdxModule": tcb_info(tdx=True)["tdxModule"]}):
        assert refused(read_tcb, {**raw, **more}, tdx=False) == "dcap.tcb_info.malformed"


def test_generations_are_hexadecimal():
    raw = tcb_info(tdx=True)
    later = raw["tdxModuleIdentities"][0]
    raw["tdxModuleIdentities"] = [{**later, "id": "TDX_1F"}, {**later, "id": "TDX_0F"}]
    assert set(read_tcb(raw).modules) == {0x1F, 0x0F}
    for wrong in ("TDX_1f", "TDX_1", "TDX_001", "tdx_01", 1):
        raw["tdxModuleIdentities"] = [{**later, "id": wrong}]
        assert refused(read_tcb, raw) == "dcap.tcb_info.malformed"


def put(*path):
    """Write a number where the path leads."""

    def change(raw, number):
        for step in path[:-1]:
            raw = raw[step]
        raw[path[-1]] = number

    return change


LEVEL = ("tcbLevels", 0, "tcb")


@pytest.mark.parametrize(
    ("read", "made", "change", "highest"),
    [
        (read_tcb, tcb_info, put("tcbEvaluationDataNumber"), 2_147_483_647),
        (read_tcb, tcb_info, put(*LEVEL, "pcesvn"), 65_535),
        (read_tcb, tcb_info, put(*LEVEL, "sgxtcbcomponents", 3, "svn"), 255),
        (read_tcb, tcb_info, put(*LEVEL, "tdxtcbcomponents", 15, "svn"), 255),
        (read_tcb, tcb_info, put("tdxModuleIdentities", 0, *LEVEL, "isvsvn"), 65_535),
        (read_qe, qe_identity, put("tcbEvaluationDataNumber"), 2_147_483_647),
        (read_qe, qe_identity, put("isvprodid"), 65_535),
        (read_qe, qe_identity, put(*LEVEL, "isvsvn"), 65_535),
    ],
)
def test_numbers_have_bounds(read, made, change, highest):
    for number in (0, highest):
        raw = made(tdx=True)
        change(raw, number)
        read(raw)
    for number in (-1, highest + 1, True, 1.0, "1", None):
        raw = made(tdx=True)
        change(raw, number)
        assert refused(read, raw).endswith(".malformed")


def test_a_type_is_one_byte_and_zero():
    for number, code in ((255, "tcb_type"), (256, "malformed"), (-1, "malformed")):
        raw = {**tcb_info(tdx=True), "tcbType": number}
        assert refused(read_tcb, raw) == f"dcap.tcb_info.{code}"


@pytest.mark.parametrize(
    ("parse", "made", "identity"),
    [(parse_tcb_info, tcb_info, "TDX"), (parse_qe_identity, qe_identity, "TD_QE")],
)
def test_signed_data_has_at_most_128_kib(parse, made, identity):
    data = json.dumps(made(tdx=True)).encode()
    parse(data.ljust(131_072), identity)
    with pytest.raises(MalformedError):
        parse(data.ljust(131_073), identity)


@pytest.mark.parametrize(("generation", "status"), [(1, "UpToDate"), (0, "OutOfDate")])
def test_a_modules_own_levels_judge_its_version(generation, status):
    """From generation 1 on a platform's level says nothing by its first two TDX numbers."""
    raw = tcb_info(tdx=True)
    for index, component in enumerate(raw["tcbLevels"][0]["tcb"]["tdxtcbcomponents"][:2]):
        component["svn"] = TEE_SVNS[index] + 1
    for component in raw["tcbLevels"][1]["tcb"]["tdxtcbcomponents"][:2]:
        component["svn"] = 0
    pck = read_pck_extension(parse_certificate(Case().cert("pck"), ECDSA_P256_SHA256))
    svns = bytes((TEE_SVNS[0], generation, *TEE_SVNS[2:]))
    assert platform_status(read_tcb(raw), pck, svns).status == status
