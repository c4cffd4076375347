"""Every step of the Nitro verifier: a document that breaks it alone, and its own code."""

import dataclasses

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from opengradient.core import cbor, cose
from opengradient.core.collateral import Collateral
from opengradient.core.digests import keccak256
from opengradient.core.evidence import NITRO, SOFTWARE, Evidence, VerifiedEvidence
from opengradient.core.keyset import Keyset
from opengradient.core.nitriding import encode_user_data
from opengradient.core.nitro_document import parse_document
from opengradient.errors import (
    AttestationError,
    CertificateChainError,
    ConfigurationError,
    FreshnessError,
    MalformedError,
    MeasurementMismatchError,
    OpenGradientError,
    PolicyError,
    UnsupportedError,
    VerificationError,
)
from opengradient.verify.attestation import (
    inspect_nitro,
    require_key,
    verify_evidence,
    verify_nitriding_user_data,
    verify_nitro,
    verify_software_enclave,
)
from opengradient.verify.policy import RequiredRegister, TrustPolicy, UnsafeAnyMeasurement
from opengradient.verify.trust import TrustedRoot
from tests.unit.verify import nitro_forge as forge
from tests.unit.verify.nitro_forge import HOUR, KEYSET, NOW, PCRS, POLICY, document, seal, verify

PAYLOAD = cbor.encode_indefinite_map(forge.fields())
MEASUREMENT = "0x" + keccak256(PCRS[0] + PCRS[1] + PCRS[2]).hex()
ZERO = dict.fromkeys(range(16), bytes(48))


def refused(code: str, forged: bytes, kind: type[OpenGradientError] = VerificationError, **options):
    with pytest.raises(kind) as caught:
        verify(forged, **options)
    assert caught.value.code == code
    return caught.value


@pytest.mark.parametrize("indefinite", [True, False])
def test_a_right_document_says_what_it_says(indefinite):
    forged = document(indefinite=indefinite, extra=1)
    verified = verify(forged, nonce=b"n" * 32, measurements=frozenset({MEASUREMENT}))
    assert verified.kind == NITRO
    assert verified.simulated is False
    assert verified.root == "forge"
    assert verified.evidence_digest == Evidence(kind=NITRO, document=forged).digest()
    assert verified.keyset == KEYSET
    assert verified.measurements == {f"PCR{i}": v.hex() for i, v in PCRS.items()}
    assert verified.measurement == MEASUREMENT
    assert verified.measurement_accepted
    assert verified.debug is False
    assert verified.issued_at_ms == NOW - 1000
    assert (verified.valid_from_ms, verified.valid_until_ms) == (NOW - HOUR, NOW + HOUR)
    assert verified.module_id.startswith("i-")
    assert (verified.nonce, verified.nonce_checked) == (b"n" * 32, True)
    assert verified.public_key == KEYSET.encode()
    assert verified.user_data is None
    assert verified.unknown_keys == ("extra",)


def test_null_absent_and_empty_fields():
    names = ("public_key", "user_data", "nonce")
    for value, seen in ((None, None), (..., None), (b"", b"")):
        verified = verify(document(**dict.fromkeys(names, value)))
        assert (verified.public_key, verified.user_data, verified.nonce) == (seen, seen, seen)
        assert verified.keyset is None
        assert verified.nonce_checked is False


# Step 1


def test_too_large():
    refused("format.too_large", document().ljust(16 * 1024 + 1, b"\0"), MalformedError)


# Step 2


def test_tag_18_is_optional_and_no_other_tag_is():
    assert verify(cose.TAG + document()).keyset == KEYSET
    refused("cbor.malformed", b"\xd1" + document())
    refused("cbor.malformed", cose.TAG * 2 + document())


@pytest.mark.parametrize("forged", [b"\xa0", b"\x80", b"\x01", b"\x83\x40\xa0\x40"])
def test_no_array_of_four(forged):
    refused("nitro.cose.structure", forged, MalformedError)


def test_an_array_of_five():
    refused("nitro.cose.structure", b"\x85" + document()[1:] + b"\xf6", MalformedError)


def test_payload_or_signature_of_another_type():
    good = cbor.decode(document())
    for position in (2, 3):
        parts = list(good)
        parts[position] = None
        refused("nitro.cose.structure", cbor.encode(parts), MalformedError)


def test_unsigned_parts_have_one_spelling():
    good = document()
    indefinite_array = b"\x9f" + good[1:] + b"\xff"
    refused("nitro.cose.structure", indefinite_array, MalformedError)
    at = good.index(b"\xa0")
    refused("nitro.cose.structure", good[:at] + b"\xbf\xff" + good[at + 1 :], MalformedError)


def test_trailing_and_missing_bytes():
    refused("cbor.malformed", document() + b"\0", MalformedError)
    refused("cbor.malformed", document()[:-1], MalformedError)


@pytest.mark.parametrize(
    "protected", ["", "a0", "a10126", "a1013823", "a2013822045f", "a101390022", "bf013822ff"]
)
def test_protected_header_is_exactly_es384(protected):
    parts = list(cbor.decode(document()))
    parts[0] = bytes.fromhex(protected)
    refused("nitro.cose.protected_header", cbor.encode(parts), AttestationError)


def test_protected_header_of_another_type():
    parts = [{1: -35}, *cbor.decode(document())[1:]]
    refused("nitro.cose.protected_header", cbor.encode(parts), AttestationError)


def test_unprotected_header_is_empty():
    parts = list(cbor.decode(document()))
    for header in ({1: -35}, {4: b"kid"}, (), None):
        parts[1] = header
        refused("nitro.cose.unprotected_header", cbor.encode(parts), AttestationError)


def test_signature_form():
    r, s = forge.es384(PAYLOAD)
    for form in (b"", forge.raw(r, s)[:-1], forge.raw(r, s) + b"\0", encode_dss_signature(r, s)):
        refused("nitro.cose.signature_form", cose.envelope(PAYLOAD, form), MalformedError)


def test_signature_range():
    r, s = forge.es384(PAYLOAD)
    n = forge.P384_ORDER
    for pair in ((0, s), (r, 0), (0, 0), (n, s), (r, n), (2**384 - 1, s), (r, 2**384 - 1)):
        refused("nitro.cose.signature_range", cose.envelope(PAYLOAD, forge.raw(*pair)))


# Steps 3 and 4


def test_payload_is_a_map_with_text_keys():
    refused("nitro.payload.structure", seal(cbor.encode([1, 2])), MalformedError)
    refused("nitro.payload.structure", document(x=1)[:0] or seal(b"\xa1\x01\x02"))


def test_payload_duplicate_keys_and_trailing_bytes():
    twice = b"\xbf" + PAYLOAD[1:-1] + cbor.encode("nonce") + b"\xf6" + b"\xff"
    refused("cbor.malformed", seal(twice), MalformedError)
    refused("cbor.malformed", seal(PAYLOAD + b"\0"), MalformedError)
    pcrs = cbor.encode(PCRS)
    doubled = b"\xb1" + pcrs[1:] + cbor.encode(0) + cbor.encode(bytes(48))
    refused("cbor.malformed", seal(PAYLOAD.replace(pcrs, doubled)), MalformedError)


WRONG_FIELDS = [
    ("module_id", ["", ..., 7, b"i", None, "x" * 257]),
    ("digest", ["SHA256", "SHA512", "sha384", ..., None, 384]),
    ("timestamp", [0, -1, ..., None, "1", True, 2**53]),
    ("certificate", [b"", ..., None, "der", b"x" * 1025]),
    ("public_key", [b"x" * 1025, "text", 1, False]),
    ("user_data", [b"x" * 513, "text", 1, False]),
    ("nonce", [b"x" * 513, "text", 1, False]),
]


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in WRONG_FIELDS for v in values])
def test_field_types_and_sizes(name, value):
    refused(f"nitro.payload.{name}", document(**{name: value}))


@pytest.mark.parametrize("value", [[], ..., None, {}, b"der"])
def test_cabundle(value):
    refused("nitro.payload.cabundle", document(cabundle=value), MalformedError)


@pytest.mark.parametrize("value", [b"", None, b"x" * 1025])
def test_certificates_in_the_cabundle(value):
    forged = document(cabundle=[forge.CHAIN[0], value])
    refused("nitro.payload.certificate", forged, MalformedError)


@pytest.mark.parametrize(
    ("code", "pcrs"),
    [
        ("map", {}),
        ("map", ...),
        ("map", [bytes(48)]),
        ("map", dict.fromkeys(range(33), b"\1" * 48)),
        ("index", PCRS | {32: bytes(48)}),
        ("index", PCRS | {-1: bytes(48)}),
        ("index", PCRS | {"0": bytes(48)}),
        ("length", PCRS | {5: bytes(32)}),
        ("length", PCRS | {5: bytes(64)}),
        ("length", PCRS | {5: bytes(47)}),
        ("length", PCRS | {5: b""}),
        ("length", PCRS | {5: "x" * 48}),
        ("missing", {0: b"\1" * 48, 1: b"\1" * 48}),
        ("missing", {1: b"\1" * 48, 2: b"\1" * 48}),
        ("missing", {0: b"\1" * 48, 2: b"\1" * 48}),
    ],
)
def test_pcrs(code, pcrs):
    refused(f"nitro.pcr.{code}", document(pcrs=pcrs), MalformedError)


def test_largest_fields_are_accepted():
    verified = verify(
        document(
            public_key=b"k" * 1024,
            user_data=b"u" * 512,
            nonce=b"n" * 512,
            module_id="m" * 256,
            pcrs=dict.fromkeys(range(32), b"\1" * 48),
        )
    )
    assert len(verified.measurements) == 32
    assert len(verified.public_key) == 1024


# Step 5


def test_an_untrusted_root():
    other = [dataclasses.replace(forge.specs()[0], serial=99), *forge.specs()[1:]]
    made = forge.chain(other)
    forged = document(cabundle=made[:-1], certificate=made[-1])
    error = refused("x509.root", forged, CertificateChainError)
    assert error.expected == [forge.ROOT.fingerprint]


def test_a_chain_without_its_root():
    refused("x509.root", document(cabundle=forge.CHAIN[1:-1]), CertificateChainError)


def test_a_root_vouches_for_its_own_kind_only():
    with pytest.raises(PolicyError) as caught:
        verify_software_enclave(document(), policy=POLICY, now_ms=NOW)
    assert caught.value.code == "policy.simulated"
    other = TrustedRoot(kind="other", name="x", certificate=forge.CHAIN[0])
    refused("policy.no_trust", document(), PolicyError, roots=(other,))


# Step 6


def test_signed_by_another_key():
    refused("nitro.cose.signature", seal(PAYLOAD, forge.key("zonal")), AttestationError)


def test_payload_changed_after_signing():
    parts = list(cbor.decode(document()))
    parts[2] = parts[2].replace(b"i-0123", b"i-0124")
    refused("nitro.cose.signature", cbor.encode(parts), AttestationError)


def test_twins_are_two_files_and_one_statement():
    r, s = forge.es384(PAYLOAD)
    one, other = (
        verify(cose.envelope(PAYLOAD, forge.raw(r, x))) for x in (s, forge.P384_ORDER - s)
    )
    assert one.evidence_digest != other.evidence_digest
    assert one.statement_digest == other.statement_digest


# Step 8


def test_age():
    forged = document(timestamp=NOW)
    skew, age = POLICY.clock_skew_ms, 60_000
    verify(forged, now_ms=NOW - skew)
    refused("nitro.timestamp.future", forged, FreshnessError, now_ms=NOW - skew - 1)
    verify(forged, now_ms=NOW + age, max_evidence_age_ms=age)
    refused(
        "nitro.timestamp.stale",
        forged,
        FreshnessError,
        now_ms=NOW + age + 1,
        max_evidence_age_ms=age,
    )


# Step 9


def test_debug():
    refused("nitro.debug", document(pcrs=ZERO), AttestationError)
    assert verify(document(pcrs=ZERO), allow_debug=True).debug
    for index in (0, 1, 2):
        assert not verify(document(pcrs=ZERO | {index: bytes(47) + b"\1"})).debug


# Step 10


def test_measurement():
    measured = frozenset({MEASUREMENT})
    assert verify(document(), measurements=measured).measurement_accepted
    assert not verify(document()).measurement_accepted
    for index in (0, 1, 2):
        changed = document(pcrs=PCRS | {index: PCRS[index][:-1] + b"\0"})
        refused("attestation.measurement", changed, MeasurementMismatchError, measurements=measured)
    refused(
        "attestation.measurement",
        document(),
        MeasurementMismatchError,
        measurements=frozenset(),
    )


def test_revoked_measurement():
    code = "attestation.revoked_measurement"
    refused(code, document(), PolicyError, revoked_measurements=frozenset({MEASUREMENT}))
    refused(
        code,
        document(),
        PolicyError,
        measurements=frozenset({MEASUREMENT}),
        revoked_measurements=frozenset({MEASUREMENT}),
    )


def test_required_registers():
    right = RequiredRegister(name="PCR8", values=frozenset({PCRS[8].hex(), "00" * 48}))
    wrong = RequiredRegister(name="PCR4", values=frozenset({PCRS[8].hex()}))
    missing = RequiredRegister(name="PCR31", values=frozenset({PCRS[8].hex()}))
    elsewhere = dataclasses.replace(wrong, kind="intel-tdx")
    here = dataclasses.replace(wrong, kind=NITRO)
    verify(document(), registers=(right, elsewhere))
    code = "attestation.register"
    refused(code, document(), MeasurementMismatchError, registers=(right, wrong))
    refused(code, document(), MeasurementMismatchError, registers=(here,))
    refused(code, document(), MeasurementMismatchError, registers=(missing,))


# Step 11


def test_nonce():
    assert verify(document(), nonce=b"n" * 32).nonce_checked
    refused("nitro.nonce.mismatch", document(), FreshnessError, nonce=b"m" * 32)
    refused("nitro.nonce.mismatch", document(), FreshnessError, nonce=b"n" * 31)
    refused("nitro.nonce.absent", document(nonce=None), FreshnessError, nonce=b"n" * 32)
    refused("nitro.nonce.mismatch", document(nonce=b""), FreshnessError, nonce=b"n" * 32)


@pytest.mark.parametrize("nonce", [b"", b"x" * 513])
def test_a_nonce_that_no_document_could_answer(nonce):
    refused("config.invalid", document(), ConfigurationError, nonce=nonce)


# Step 12


def test_keyset_must_be_right_where_it_claims_to_be_one():
    encoded = KEYSET.encode()
    refused("keyset.not_canonical", document(public_key=b" " + encoded), MalformedError)
    later = encoded.replace(b"keyset/1", b"keyset/3")
    refused("format.unsupported", document(public_key=later), UnsupportedError)
    assert verify(document(public_key=b'{"version":"someone.else/1"}')).keyset is None


def test_keyset_and_user_data_agree():
    tls, rsa = b"tls certificate", b"rsa key"
    user_data = encode_user_data(tls, rsa)
    keyset = Keyset(signing=KEYSET.signing, legacy_rsa_spki_sha256=user_data[36:])
    right = document(public_key=keyset.encode(), user_data=user_data)
    verify_nitriding_user_data(verify(right), tls_certificate_der=tls, signing_key_der=rsa)
    other = encode_user_data(tls, b"other key")
    refused(
        "keyset.user_data",
        document(public_key=keyset.encode(), user_data=other),
        AttestationError,
    )
    for wrong in (None, b"", user_data[:-1]):
        forged = document(public_key=keyset.encode(), user_data=wrong)
        refused("nitriding.layout", forged, MalformedError)


def test_revoked_key():
    node_id = "0x" + KEYSET.signing.node_id.hex()
    refused("attestation.revoked_key", document(), PolicyError, revoked_keys=frozenset({node_id}))


# Around the steps


def test_verify_evidence_dispatches_by_kind():
    evidence = Evidence(kind=NITRO, document=document())
    assert verify_evidence(evidence, policy=POLICY, now_ms=NOW).keyset == KEYSET
    with pytest.raises(UnsupportedError) as unknown:
        verify_evidence(Evidence(kind="sgx-epid", document=document()), policy=POLICY, now_ms=NOW)
    assert unknown.value.code == "attestation.kind"
    for kind in (NITRO, SOFTWARE):
        for beside in ({"collateral": Collateral.of({"crl": b"crl"})}, {"runtime_data": b"x"}):
            extra = Evidence(kind=kind, document=document(), **beside)
            with pytest.raises(MalformedError) as refusal:
                verify_evidence(extra, policy=POLICY, now_ms=NOW)
            assert refusal.value.code == "evidence.malformed"
    with pytest.raises(FreshnessError):
        verify_evidence(evidence, policy=POLICY, now_ms=NOW, nonce=b"other")


def test_require_key():
    keyset = Keyset(signing=KEYSET.signing, tls_spki_sha256=b"t" * 32)
    verified = verify(document(public_key=keyset.encode()))
    assert require_key(verified, signing=keyset.signing, tls_spki_sha256=b"t" * 32) == keyset
    other = forge.MemorySigner(b"\x08" * 32).public_key
    for wrong in (
        {"signing": other},
        {"tls_spki_sha256": b"u" * 32},
        {"legacy_rsa_spki_sha256": b"t" * 32},
        {"signing": keyset.signing, "tls_spki_sha256": b"u" * 32},
    ):
        with pytest.raises(AttestationError) as caught:
            require_key(verified, **wrong)
        assert caught.value.code == "attestation.binding"
    with pytest.raises(ConfigurationError):
        require_key(verified)
    with pytest.raises(AttestationError) as caught:
        require_key(verify(document(public_key=None)), signing=other)
    assert caught.value.code == "attestation.no_keyset"


def test_nitriding_user_data():
    good = encode_user_data(b"tls", b"rsa")
    for code, wrong in (
        ("nitriding.layout", good + b"\0"),
        ("nitriding.layout", good[:-1]),
        ("nitriding.layout", b""),
        ("nitriding.layout", None),
        ("nitriding.layout", b"\x11" + good[1:]),
        ("nitriding.layout", good[:34] + b"\x12\x21" + good[36:]),
        ("nitriding.tls_certificate", encode_user_data(b"other", b"rsa")),
        ("nitriding.signing_key", encode_user_data(b"tls", b"other")),
        ("nitriding.tls_certificate", good[34:] + good[:34]),
    ):
        verified = verify(document(user_data=wrong))
        with pytest.raises(VerificationError) as caught:
            verify_nitriding_user_data(verified, tls_certificate_der=b"tls", signing_key_der=b"rsa")
        assert caught.value.code == code


def test_only_the_verifier_builds_verified_evidence():
    verified = verify(document())
    values = {f.name: getattr(verified, f.name) for f in dataclasses.fields(VerifiedEvidence)}
    with pytest.raises(TypeError):
        VerifiedEvidence(**values, seal=None)
    with pytest.raises(ValueError, match="seal"):
        dataclasses.replace(verified, simulated=True)


def test_inspect_shows_and_proves_nothing():
    shown = inspect_nitro(seal(PAYLOAD, forge.key("zonal")))
    assert shown["verified"] is False
    assert shown["measurement"] == MEASUREMENT
    assert shown["keyset"] == KEYSET.encode().decode()
    assert shown["nonce"] == ("n" * 32).encode().hex()
    assert len(shown["certificate_sha256"]) == 5
    with pytest.raises(VerificationError):
        inspect_nitro(b"\x84")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_only_our_errors(data):
    with pytest.raises((VerificationError, UnsupportedError)):
        verify(data)


cbor_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.binary() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.integers(0, 40) | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(list(forge.fields())), value=cbor_values)
def test_any_field_gives_only_our_errors(name, value):
    forged = document(**{name: value})
    try:
        verify(forged, nonce=b"n" * 32, measurements=frozenset({MEASUREMENT}))
    except (VerificationError, UnsupportedError):
        return
    assert name in ("module_id", "user_data", "public_key", "timestamp")


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_damage_to_a_certificate_gives_only_our_errors(data):
    """Warnings raise here (see pyproject.toml), so the parser gives none either."""
    der = bytearray(forge.CHAIN[2])
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    if bytes(der) == forge.CHAIN[2]:
        return
    cabundle = [*forge.CHAIN[:2], bytes(der), forge.CHAIN[3]]
    with pytest.raises(VerificationError):
        verify(document(cabundle=cabundle))


def test_default_policy_lists_measurements():
    assert TrustPolicy.hardware(frozenset()).measurements == frozenset()
    with pytest.raises(TypeError):
        TrustPolicy.hardware()
    assert verify_nitro is not verify_software_enclave
    assert isinstance(POLICY.measurements, UnsafeAnyMeasurement)


def test_the_shortest_and_the_longest_nonce():
    for nonce in (b"n", b"n" * 512):
        assert verify(document(nonce=nonce), nonce=nonce).nonce_checked
    for nonce in (b"", b"n" * 513):
        refused("config.invalid", document(), ConfigurationError, nonce=nonce)


def test_the_payload_is_written_both_ways():
    parsed = parse_document(PAYLOAD)
    assert parsed.encode() == PAYLOAD
    assert parsed.encode(indefinite=False) == cbor.encode(forge.fields())


def test_the_smallest_and_the_largest_fields():
    def parsed(**changes):
        return parse_document(cbor.encode(forge.fields(**changes)))

    assert parsed(module_id="m").module_id == "m"
    assert parsed(timestamp=1).timestamp_ms == 1
    assert parsed(timestamp=2**53 - 1).timestamp_ms == 2**53 - 1
    for size in (1, 1024):
        assert parsed(certificate=b"x" * size).certificate == b"x" * size
    with pytest.raises(MalformedError) as caught:
        parsed(pcrs={0: bytes(48)})
    assert caught.value.code == "nitro.pcr.missing"
