"""The software enclave's documents pass the one verifier, and say what they are."""

import dataclasses
import os
import stat
import time

import pytest
from anyio import create_task_group, to_thread
from cryptography import x509

from opengradient.core.evidence import NITRO, SOFTWARE, Evidence
from opengradient.core.keys import MemorySigner
from opengradient.core.keyset import Keyset
from opengradient.core.nitriding import encode_user_data
from opengradient.core.nitro_document import parse_document
from opengradient.errors import ConfigurationError, VerificationError
from opengradient.verify.attestation import verify_evidence, verify_nitro
from opengradient.verify.attestation._sign1 import open_envelope
from opengradient.verify.policy import TrustPolicy, UnsafeAnyMeasurement
from reference_nodes._kit.enclave import ROTATE_AFTER_MS, SoftwareEnclave
from reference_nodes._kit.measure import measure_node, measure_tree
from reference_nodes._kit.software_root import ROOT_FILE, SoftwareRoot

NOW = 1_760_000_000_123
HOUR = 3_600_000
KEYSET = Keyset(signing=MemorySigner(b"\x09" * 32).public_key, tls_spki_sha256=b"t" * 32)
PCRS = {index: bytes([index + 1]) * 48 for index in range(16)}


class Clock:
    def __init__(self):
        self.now_ms = NOW

    def __call__(self):
        return self.now_ms


@pytest.fixture(scope="module")
def root():
    return SoftwareRoot.create("test", now_ms=NOW)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def enclave(root, clock):
    return SoftwareEnclave(root, PCRS, clock_ms=clock)


@pytest.fixture
def policy(root):
    return TrustPolicy(roots=(root.unsafe_trust(),), measurements=UnsafeAnyMeasurement())


def content(evidence):
    return parse_document(open_envelope(evidence.document).payload)


@pytest.mark.parametrize("indefinite", [True, False])
async def test_verifies_as_simulated(root, clock, policy, indefinite):
    enclave = SoftwareEnclave(root, PCRS, clock_ms=clock, indefinite=indefinite)
    user_data = encode_user_data(b"tls", b"rsa")
    evidence = await enclave.attest(keyset=KEYSET, user_data=user_data, nonce=b"n" * 20)
    payload = open_envelope(evidence.document).payload
    assert payload[0] == (0xBF if indefinite else 0xA9)
    verified = verify_evidence(evidence, policy=policy, now_ms=NOW, nonce=b"n" * 20)
    assert verified.kind == SOFTWARE
    assert verified.simulated
    assert verified.root == "test"
    assert verified.keyset == KEYSET
    assert verified.user_data == user_data
    assert verified.issued_at_ms == NOW
    assert verified.evidence_digest == evidence.digest()
    assert verified.module_id.startswith("simulated-")
    assert len(content(evidence).cabundle) == 4


async def test_hardware_policies_refuse_it(enclave):
    evidence = await enclave.attest(keyset=KEYSET)
    hardware = TrustPolicy.hardware(UnsafeAnyMeasurement())
    for kind, code in ((SOFTWARE, "policy.simulated"), (NITRO, "x509.root")):
        disguised = Evidence(kind=kind, document=evidence.document)
        with pytest.raises(VerificationError) as caught:
            verify_evidence(disguised, policy=hardware, now_ms=NOW)
        assert caught.value.code == code


async def test_its_root_does_not_vouch_for_hardware(enclave, policy):
    evidence = await enclave.attest(keyset=KEYSET)
    with pytest.raises(VerificationError) as caught:
        verify_nitro(evidence.document, policy=policy, now_ms=NOW)
    assert caught.value.code == "policy.no_trust"


async def test_another_networks_root_is_refused(enclave):
    other = SoftwareRoot.create("test", now_ms=NOW)
    policy = TrustPolicy(roots=(other.unsafe_trust(),), measurements=UnsafeAnyMeasurement())
    with pytest.raises(VerificationError) as caught:
        verify_evidence(await enclave.attest(), policy=policy, now_ms=NOW)
    assert caught.value.code == "x509.root"


async def test_every_certificate_says_simulated(enclave):
    document = content(await enclave.attest())
    for der in document.cabundle:
        subject = x509.load_der_x509_certificate(der).subject.rfc4514_string()
        assert "SIMULATED" in subject
    assert document.module_id.startswith("simulated-")


async def test_the_leaf_lives_three_hours_and_is_renewed(enclave, clock, policy):
    first = content(await enclave.attest())
    leaf = x509.load_der_x509_certificate(first.certificate)
    lifetime = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    assert lifetime.total_seconds() == 3 * 3600 + 3
    clock.now_ms += ROTATE_AFTER_MS - 4000
    assert content(await enclave.attest()).certificate == first.certificate
    clock.now_ms += 4000
    evidence = await enclave.attest()
    assert content(evidence).certificate != first.certificate
    verify_evidence(evidence, policy=policy, now_ms=clock.now_ms + HOUR)
    clock.now_ms -= HOUR  # a clock that was set back
    verify_evidence(await enclave.attest(), policy=policy, now_ms=clock.now_ms)


async def test_measurements_are_checked(enclave, policy):
    evidence = await enclave.attest()
    verified = verify_evidence(evidence, policy=policy, now_ms=NOW)
    listed = dataclasses.replace(policy, measurements=frozenset({verified.measurement}))
    assert verify_evidence(evidence, policy=listed, now_ms=NOW).measurement_accepted
    other = dataclasses.replace(policy, measurements=frozenset({"0x" + "00" * 32}))
    with pytest.raises(VerificationError) as caught:
        verify_evidence(evidence, policy=other, now_ms=NOW)
    assert caught.value.code == "attestation.measurement"


@pytest.mark.parametrize("fields", [{"nonce": bytes(513)}, {"user_data": bytes(513)}])
async def test_too_large_fields(enclave, fields):
    with pytest.raises(ConfigurationError):
        await enclave.attest(**fields)


async def test_a_document_takes_milliseconds(enclave):
    await enclave.attest(keyset=KEYSET)
    best = 1000.0
    for _ in range(10):
        start = time.perf_counter()
        await enclave.attest(keyset=KEYSET)
        best = min(best, (time.perf_counter() - start) * 1000)
    assert best < 10


# The root's file


def test_the_root_is_kept_with_mode_600(tmp_path):
    directory = tmp_path / "network"
    first = SoftwareRoot.load_or_create(directory, "test", now_ms=NOW)
    again = SoftwareRoot.load_or_create(directory, "ignored", now_ms=NOW + HOUR)
    assert first.certificate == again.certificate
    assert again.network == "test"
    path = directory / ROOT_FILE
    assert [entry.name for entry in directory.iterdir()] == [ROOT_FILE]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_readable_root_is_refused(tmp_path):
    SoftwareRoot.load_or_create(tmp_path, "test", now_ms=NOW)
    (tmp_path / ROOT_FILE).chmod(0o640)
    with pytest.raises(ConfigurationError, match="600"):
        SoftwareRoot.load_or_create(tmp_path, "test", now_ms=NOW)


def test_a_damaged_root_is_refused(tmp_path):
    SoftwareRoot.load_or_create(tmp_path / "a", "a", now_ms=NOW)
    SoftwareRoot.load_or_create(tmp_path / "b", "b", now_ms=NOW)
    path = tmp_path / "a" / ROOT_FILE
    mark = b"-----BEGIN CERTIFICATE-----"
    key = path.read_bytes().split(mark)[0]
    other = (tmp_path / "b" / ROOT_FILE).read_bytes().split(mark)[1]
    for damaged in (b"", key, mark + other, key + mark + other):
        path.write_bytes(damaged)
        with pytest.raises(ConfigurationError, match="damaged"):
            SoftwareRoot.load_or_create(tmp_path / "a", "a", now_ms=NOW)


async def test_all_processes_get_one_root(tmp_path):
    seen = []

    def load():
        seen.append(SoftwareRoot.load_or_create(tmp_path, "test", now_ms=NOW).certificate)

    async with create_task_group() as group:
        for _ in range(6):
            group.start_soon(to_thread.run_sync, load)
    assert len(seen) == 6
    assert len(set(seen)) == 1


@pytest.mark.parametrize("network", ["", "x" * 65])
def test_network_names(network):
    with pytest.raises(ConfigurationError):
        SoftwareRoot.create(network, now_ms=NOW)


# Measurements


def test_any_change_of_source_changes_the_measurement(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.py").write_text("x = 1")
    (tmp_path / "sub" / "b.py").write_text("")
    seen = {measure_tree(tmp_path)}
    (tmp_path / "a.py").write_text("x = 2")
    seen.add(measure_tree(tmp_path))
    (tmp_path / "sub" / "b.py").rename(tmp_path / "sub" / "c.py")
    seen.add(measure_tree(tmp_path))
    (tmp_path / "data.bin").write_bytes(b"")
    seen.add(measure_tree(tmp_path))
    assert len(seen) == 4
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_bytes(b"x")
    (tmp_path / ".hidden").write_bytes(b"x")
    assert measure_tree(tmp_path) in seen


def test_measure_node():
    registers = measure_node("reference_nodes._kit")
    assert sorted(registers) == list(range(16))
    assert all(len(value) == 48 for value in registers.values())
    assert len({registers[0], registers[1], registers[2]}) == 3
    assert registers[3] == bytes(48)
    with pytest.raises(ConfigurationError):
        measure_node("reference_nodes.no_such_node")
