"""Genuine Nitro documents: right at the edges of their windows, and never after any damage."""

import calendar
import dataclasses
import itertools
import os
import time
from pathlib import Path

import pytest

from opengradient.core import cbor
from opengradient.errors import CertificateChainError, OpenGradientError, VerificationError
from opengradient.verify._x509 import ECDSA_P384_SHA384, parse_certificate, verify_chain
from opengradient.verify.attestation import (
    inspect_nitro,
    verify_nitro,
    verify_software_enclave,
)
from opengradient.verify.policy import TrustPolicy, UnsafeAnyMeasurement
from opengradient.verify.trust import AWS_NITRO_ROOT_PEM, AWS_NITRO_ROOT_SHA256, aws_nitro_root
from tests.unit.verify.nitro_forge import P384_ORDER

DEFAULT = Path(__file__).parents[3].parent / "shared" / "vectors"
VECTORS = Path(os.environ.get("OPENGRADIENT_VECTORS_DIR", DEFAULT)) / "nitro"

needs_vectors = pytest.mark.skipif(
    not VECTORS.is_dir(), reason="third-party Nitro documents are not here"
)

POLICY = TrustPolicy(
    roots=(aws_nitro_root(),), measurements=UnsafeAnyMeasurement(), clock_skew_ms=3 * 3_600_000
)

# file, first and last valid second (UTC), start of PCR0
GENUINE = [
    (
        "HintedNitroAttestation_repaired.bin",
        "2026-01-03T20:40:25",
        "2026-01-03T23:40:28",
        "4b8d4cf2a99e05ce",
    ),
    (
        "marlin_aws.bin",
        "2024-12-13T05:57:42",
        "2024-12-13T08:57:45",
        "189038eccf28a3a098949e402f3b3d86a876f4915c5b02d546abb5d8c507ceb1755b8192d8cfca66e8f226160ca4c7a6",
    ),
    ("evervault_2022.bin", "2022-10-13T08:57:59", "2022-10-13T11:58:02", "f4d48b81a460c991"),
    ("automata_debug_2024.bin", "2024-08-16T09:11:46", "2024-08-16T12:11:49", "00" * 48),
]
FILES = [file for file, *_ in GENUINE]
NOW = {file: start for file, start, *_ in GENUINE}


def ms(text: str) -> int:
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S")) * 1000


def read(file: str) -> bytes:
    return (VECTORS / file).read_bytes()


def policy(file: str) -> TrustPolicy:
    return dataclasses.replace(POLICY, allow_debug="debug" in file)


def refused(document: bytes, file: str, *, now_ms: int | None = None) -> str:
    moment = ms(NOW.get(file, "2026-01-03T20:40:25")) if now_ms is None else now_ms
    with pytest.raises(VerificationError) as caught:
        verify_nitro(document, policy=policy(file), now_ms=moment)
    return caught.value.code


@needs_vectors
@pytest.mark.parametrize(("file", "start", "end", "pcr0"), GENUINE)
def test_valid_inside_its_window_only(file, start, end, pcr0):
    document = read(file)
    first, last = ms(start), ms(end)
    for now_ms in (first, first + 1000, last - 1000, last):
        verified = verify_nitro(document, policy=policy(file), now_ms=now_ms)
        assert verified.measurements["PCR0"].startswith(pcr0)
        assert (verified.valid_from_ms, verified.valid_until_ms) == (first, last)
        assert not verified.simulated
        assert verified.keyset is None
        assert verified.unknown_keys == ()
        assert inspect_nitro(document)["measurement"] == verified.measurement
    for outside in (first - 1000, first - 1):
        assert refused(document, file, now_ms=outside) == "x509.not_yet_valid"
    for outside in (last + 1, last + 1000):
        assert refused(document, file, now_ms=outside) in ("x509.expired", "nitro.timestamp.stale")


@needs_vectors
def test_fields_of_genuine_documents():
    def verified(file):
        return verify_nitro(read(file), policy=policy(file), now_ms=ms(NOW[file]))

    hinted = verified(FILES[0])
    assert len(hinted.user_data) == 20
    assert hinted.public_key is None
    marlin = verified("marlin_aws.bin")
    assert len(marlin.public_key) == 64
    assert marlin.user_data is None
    evervault = verified("evervault_2022.bin")
    assert len(evervault.nonce) == 256
    assert evervault.measurements["PCR8"].startswith("8790eb3cce6c83d0")
    debug = verified("automata_debug_2024.bin")
    assert debug.debug
    assert debug.nonce == b"1234"


@needs_vectors
def test_the_debug_enclave_needs_a_policy_that_allows_it():
    file = "automata_debug_2024.bin"
    with pytest.raises(VerificationError) as caught:
        verify_nitro(read(file), policy=POLICY, now_ms=ms(NOW[file]))
    assert caught.value.code == "nitro.debug"


@needs_vectors
def test_nonces_of_genuine_documents():
    assert inspect_nitro(read("automata_debug_2024.bin"))["nonce"] == b"1234".hex()
    for file in ("automata_debug_2024.bin", "evervault_2022.bin"):
        nonce = bytes.fromhex(inspect_nitro(read(file))["nonce"])
        now_ms = ms(NOW[file])
        assert verify_nitro(
            read(file), policy=policy(file), now_ms=now_ms, nonce=nonce
        ).nonce_checked
        with pytest.raises(VerificationError):
            verify_nitro(read(file), policy=policy(file), now_ms=now_ms, nonce=nonce + b"x")


@needs_vectors
def test_the_mock_root_is_not_trusted():
    assert refused(read("marlin_mock_root.bin"), "x", now_ms=ms("2024-12-13T09:05:45")) == (
        "x509.root"
    )


@needs_vectors
def test_the_damaged_document():
    file = "HintedNitroAttestation_corrupted_missing3bytes.bin"
    assert refused(read(file), file) == "cbor.malformed"


@needs_vectors
@pytest.mark.parametrize("file", FILES)
def test_default_policy_lists_no_measurement_and_accepts_none(file):
    strict = dataclasses.replace(policy(file), measurements=frozenset())
    with pytest.raises(VerificationError) as caught:
        verify_nitro(read(file), policy=strict, now_ms=ms(NOW[file]))
    assert caught.value.code == "attestation.measurement"


@needs_vectors
def test_the_embedded_root_is_the_published_one():
    assert (VECTORS / "aws_nitro_root_g1.pem").read_text().split() == AWS_NITRO_ROOT_PEM.split()


def test_the_embedded_root_has_its_fingerprint():
    assert aws_nitro_root().fingerprint == AWS_NITRO_ROOT_SHA256.hex()


@needs_vectors
@pytest.mark.slow
@pytest.mark.parametrize("file", FILES)
def test_no_flipped_byte_is_accepted(file):
    """Every byte, once in its lowest and once in its highest bit. There are no survivors."""
    document, trust, now_ms = read(file), policy(file), ms(NOW[file])
    verify_nitro(document, policy=trust, now_ms=now_ms)
    survivors = []
    for position in range(len(document)):
        for flip in (0x01, 0x80):
            changed = bytearray(document)
            changed[position] ^= flip
            try:
                verify_nitro(bytes(changed), policy=trust, now_ms=now_ms)
            except OpenGradientError:
                continue
            survivors.append((position, flip))
    assert survivors == []


@needs_vectors
@pytest.mark.slow
def test_no_flipped_byte_of_a_certificate_is_accepted_by_the_chain_alone():
    """The signature of the document covers the certificates too; here it does not help."""
    payload = cbor.decode(cbor.decode(read("marlin_aws.bin"))[2])
    ders = [*payload["cabundle"][1:], payload["certificate"]]
    root, now_ms = aws_nitro_root().certificate, ms(NOW["marlin_aws.bin"])

    def check(changed):
        presented = [parse_certificate(der, ECDSA_P384_SHA384) for der in changed]
        return verify_chain(root, presented, profile=ECDSA_P384_SHA384, now_ms=now_ms)

    check(ders)
    survivors = []
    for index, der in enumerate(ders):
        for position, flip in itertools.product(range(len(der)), (0x01, 0x80)):
            changed = bytearray(der)
            changed[position] ^= flip
            try:
                check([*ders[:index], bytes(changed), *ders[index + 1 :]])
            except CertificateChainError:
                continue
            survivors.append((index, position, flip))
    assert survivors == []


@needs_vectors
@pytest.mark.parametrize("file", FILES)
def test_no_truncation_or_extension_is_accepted(file):
    document = read(file)
    for length in range(len(document)):
        refused(document[:length], file)
    for tail in (b"\0", b"\xf6", b"\xff", document):
        assert refused(document + tail, file) == "cbor.malformed"


@needs_vectors
@pytest.mark.parametrize("file", FILES)
def test_the_other_s_is_another_file_with_the_same_statement(file):
    """Three of four genuine documents have a high s, so neither twin can be refused."""
    document = read(file)
    s = int.from_bytes(document[-48:])
    twin = document[:-48] + (P384_ORDER - s).to_bytes(48)
    one, other = (
        verify_nitro(d, policy=policy(file), now_ms=ms(NOW[file])) for d in (document, twin)
    )
    assert one.statement_digest == other.statement_digest
    assert one.evidence_digest != other.evidence_digest


@needs_vectors
def test_a_genuine_document_is_no_software_enclaves():
    with pytest.raises(VerificationError) as caught:
        verify_software_enclave(read(FILES[0]), policy=POLICY, now_ms=ms(NOW[FILES[0]]))
    assert caught.value.code == "policy.simulated"
