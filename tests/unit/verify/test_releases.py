"""Release manifests and revocation lists: each check refuses what only it can see."""

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengradient.core.canonical import canonical_json
from opengradient.core.measurements import measurement_id
from opengradient.core.releases import Measured, ReleaseManifest
from opengradient.core.revocations import RevocationList
from opengradient.core.signed_files import KeySignature, Signatures, signing_bytes
from opengradient.errors import (
    ConfigurationError,
    MalformedError,
    OpenGradientError,
    PolicyError,
    UnsupportedError,
    VerificationError,
)
from opengradient.verify.attestation._common import check_product
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.releases import (
    CLOCK_SKEW_MS,
    VerifiedReleases,
    VerifiedRevocations,
    verify_releases,
    verify_revocations,
)
from tests.unit.verify import nitro_forge as forge
from tests.unit.verify import releases_factory as make
from tests.unit.verify.releases_factory import DAY, KEYS, MEASUREMENT, NOW


def check(files: tuple[bytes, bytes], **changes: Any) -> VerifiedReleases:
    settings = {"keys": KEYS, "threshold": 2, "now_ms": NOW, **changes}
    return verify_releases(*files, **settings)


def find(checked: VerifiedReleases, kind: str = "aws-nitro", now: int = NOW, **more: str) -> Any:
    return checked.require_release(kind, MEASUREMENT, make.PCRS | more, now_ms=now)


def code_of(files: tuple[bytes, bytes], **changes: Any) -> str:
    with pytest.raises(VerificationError) as caught:
        check(files, **changes)
    return caught.value.code


def test_accepted_and_found() -> None:
    checked = check(make.signed(make.manifest()))
    assert checked.signed_by == tuple(sorted(KEYS[:2]))
    release = find(checked)
    assert release.name == "llm-proxy 1.4.0"
    assert release.source == "https://example.org/node at " + "ab" * 20


def test_kinds_do_not_stand_for_one_another() -> None:
    only = make.release(measurements=[make.measured("aws-nitro")])
    checked = check(make.signed(make.manifest(releases=[only])))
    with pytest.raises(VerificationError) as caught:
        find(checked, "software-enclave")
    assert caught.value.code == "releases.unlisted"


def test_what_is_signed_is_dsse() -> None:
    # The example of protocol.md, "Signature Definition".
    assert signing_bytes("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


@pytest.mark.parametrize("signers", [(0,), (), (1,)])
def test_too_few(signers: tuple[int, ...]) -> None:
    assert code_of(make.signed(make.manifest(), signers)) == "releases.threshold"


def test_foreign_keys_do_not_count_and_do_not_hurt() -> None:
    files = make.signed(make.manifest(), (0, 1, 2))
    assert check(files, keys=KEYS[:2]).signed_by == tuple(sorted(KEYS[:2]))
    assert code_of(make.signed(make.manifest(), (0, 2)), keys=KEYS[:2]) == "releases.threshold"


def test_a_key_counts_once() -> None:
    payload, signatures = make.signed(make.manifest(), (0,))
    value = json.loads(signatures)
    value["signatures"] *= 2
    assert code_of((payload, canonical_json(value))) == "releases.signatures"
    with pytest.raises(ConfigurationError):
        check((payload, signatures), keys=[KEYS[0], KEYS[0]], threshold=2)


def test_signatures_of_something_else() -> None:
    _, signatures = make.signed(make.manifest(number=8))
    payload, _ = make.signed(make.manifest())
    assert code_of((payload, signatures)) == "releases.signature"


def test_one_bad_signature_is_refused_even_beside_enough_good_ones() -> None:
    payload, signatures = make.signed(make.manifest(), (0, 1, 2))
    value = json.loads(signatures)
    value["signatures"][2]["signature"] = "00" * 64
    assert code_of((payload, canonical_json(value))) == "releases.signature"


def test_the_type_is_signed_and_named() -> None:
    other = RevocationList.PAYLOAD_TYPE
    assert code_of(make.signed(make.manifest(), kind=other)) == "releases.type"
    payload, signatures = make.signed(make.manifest(), kind=other)
    renamed = json.loads(signatures) | {"type": ReleaseManifest.PAYLOAD_TYPE}
    assert code_of((payload, canonical_json(renamed))) == "releases.signature"


def test_window() -> None:
    value = make.manifest()
    files = make.signed(value)
    first, last = value["issued_at"] - CLOCK_SKEW_MS, value["expires_at"] - 1
    for now in (first, last):
        check(files, now_ms=now)
    assert code_of(files, now_ms=first - 1) == "releases.future"
    assert code_of(files, now_ms=last + 1) == "releases.expired"


def test_an_old_manifest_says_nothing_later() -> None:
    checked = check(make.signed(make.manifest()))
    with pytest.raises(VerificationError) as caught:
        find(checked, now=NOW + 31 * DAY)
    assert caught.value.code == "releases.expired"


def test_rollback() -> None:
    files = make.signed(make.manifest(number=7))
    for seen in (None, 0, 6, 7):
        check(files, last_seen=seen)
    assert code_of(files, last_seen=8) == "releases.rollback"


def test_revoked_in_the_manifest() -> None:
    entry = {"id": MEASUREMENT, "reason": "leaks prompts"}
    key = {"id": "0x" + "11" * 32, "reason": "stolen"}
    product = {"id": "amd-sev-snp/Milan", "reason": "keys extracted"}
    revoked = make.revoked(measurements=[entry], keys=[key], products=[product])
    checked = check(make.signed(make.manifest(revoked=revoked)))
    for call, code in (
        (lambda: find(checked), "measurement"),
        (lambda: checked.require_key(key["id"]), "key"),
        (lambda: checked.require_product(product["id"]), "product"),
    ):
        with pytest.raises(VerificationError) as caught:
            call()
        assert caught.value.code == f"releases.revoked_{code}"
    checked.require_key("0x" + "12" * 32)
    checked.require_product("amd-sev-snp/Genoa")


def broken(path: str, value: Any) -> dict[str, Any]:
    """The manifest with one member set, added or (for `...`) removed."""
    whole = copy.deepcopy(make.manifest())
    place: Any = whole
    *parents, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    for part in parents:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return whole


NOT_IN_FORM = [
    ("extra", 1),
    ("number", ...),
    ("number", -1),
    ("number", True),
    ("number", "7"),
    ("number", 7.5),
    ("issued_at", None),
    ("expires_at", 0),
    ("expires_at", NOW - DAY),
    ("releases", {}),
    ("releases.0", []),
    ("releases.0.extra", 1),
    ("releases.0.name", ""),
    ("releases.0.name", "a\nb"),
    ("releases.0.name", "x" * 513),
    ("releases.0.name", 5),
    ("releases.0.date", "20-08-2026"),
    ("releases.0.date", "2026-13-01"),
    ("releases.0.source.repository", "http://example.org/node"),
    ("releases.0.source.repository", "https://example.org/a b"),
    ("releases.0.source.commit", "ab" * 19),
    ("releases.0.source.commit", "AB" * 20),
    ("releases.0.source.commit", "main"),
    ("releases.0.source.extra", 1),
    ("releases.0.build.image_digest", "cd" * 32),
    ("releases.0.build.image_digest", "sha256:" + "cd" * 31),
    ("releases.0.build.toolchain", ...),
    ("releases.0.measurements", []),
    ("releases.0.measurements.0.kind", "nvidia-gpu"),
    ("releases.0.measurements.0.measurement", "00" * 32),
    ("releases.0.measurements.0.registers", []),
    ("releases.0.measurements.0.registers.PCR0", "XX"),
    ("releases.0.measurements.0.registers.PCR0", ""),
    ("releases.0.measurements.0.registers.PCR0", 5),
    ("releases.0.measurements.0.registers.pcr9", "00"),
    ("revoked", None),
    ("revoked.extra", []),
    ("revoked.keys", [{"id": "0x" + "AA" * 32, "reason": "x"}]),
    ("revoked.keys", [{"id": "0x" + "aa" * 32}]),
    ("revoked.keys", [{"id": "0x" + "aa" * 32, "reason": ""}]),
    ("revoked.measurements", [{"id": "amd-sev-snp/Milan", "reason": "x"}]),
    ("revoked.products", [{"id": "Milan", "reason": "x"}]),
    ("revoked.products", [{"id": "b/B", "reason": "x"}, {"id": "a/A", "reason": "x"}]),
    ("revoked.products", [{"id": "a/A", "reason": "x"}, {"id": "a/A", "reason": "y"}]),
]


@pytest.mark.parametrize(("path", "value"), NOT_IN_FORM)
def test_not_in_form(path: str, value: Any) -> None:
    with pytest.raises(MalformedError) as caught:
        check(make.signed(broken(path, value)))
    assert caught.value.code == "releases.malformed"


def test_too_many_items() -> None:
    entries = [{"id": f"0x{number:064x}", "reason": "x"} for number in range(4097)]
    files = make.signed(make.manifest(revoked=make.revoked(keys=entries)))
    assert code_of(files) == "releases.malformed"
    check(make.signed(make.manifest(revoked=make.revoked(keys=entries[:-1]))))


def test_twice() -> None:
    other = make.release(name="other", measurements=[make.measured()])
    assert code_of(make.signed(make.manifest(releases=[make.release(), other]))) == (
        "releases.malformed"
    )
    same_name = make.release(
        measurements=[make.measured("amd-sev-snp", {"MEASUREMENT": "00" * 48})]
    )
    assert code_of(make.signed(make.manifest(releases=[make.release(), same_name]))) == (
        "releases.malformed"
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("releases.0.measurements.0.measurement", "0x" + "00" * 32),
        ("releases.0.measurements.0.registers.PCR0", "00" * 48),
        ("releases.0.measurements.0.registers.PCR1", ...),
    ],
)
def test_an_id_follows_from_its_registers(path: str, value: Any) -> None:
    assert code_of(make.signed(broken(path, value))) == "releases.measurement_id"


def test_registers_beyond_the_id_are_kept() -> None:
    files = make.signed(broken("releases.0.measurements.0.registers.PCR8", "ee" * 48))
    measured = check(files).manifest.releases[0].measurements[0]
    assert measured.registers["PCR8"] == "ee" * 48
    assert measured.measurement == MEASUREMENT
    find(check(files), "software-enclave", PCR8="ee" * 48, PCR3="00" * 48)
    for registers in ({}, {"PCR8": "ef" * 48}):
        with pytest.raises(VerificationError) as caught:
            find(check(files), "software-enclave", **registers)
        assert caught.value.code == "releases.register"


def test_one_spelling() -> None:
    payload, _ = make.signed(make.manifest())
    for data in (payload + b"\n", json.dumps(make.manifest()).encode()):
        with pytest.raises(MalformedError) as caught:
            ReleaseManifest.parse(data)
        assert caught.value.code == "releases.not_canonical"
        assert ReleaseManifest.parse(data, canonical=False).encode() == payload
    with pytest.raises(MalformedError):
        ReleaseManifest.parse(payload.replace(b'"number":7', b'"number":7,"number":7'))


@pytest.mark.parametrize("version", ["opengradient.releases/2", None, "opengradient.revocations/1"])
def test_another_version(version: str | None) -> None:
    payload = canonical_json(make.manifest(version=version))
    _, signatures = make.signed(make.manifest())
    with pytest.raises(UnsupportedError):
        check((payload, signatures))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"version": "opengradient.signatures/2"}, UnsupportedError),
        ({"extra": 1}, MalformedError),
        ({"type": 5}, MalformedError),
        ({"signatures": {}}, MalformedError),
        ({"signatures": [{"key": "00" * 32}]}, MalformedError),
        ({"signatures": [{"key": "00" * 31, "signature": "00" * 64}]}, MalformedError),
        ({"signatures": [{"key": "00" * 32, "signature": "00" * 63}]}, MalformedError),
        ({"signatures": [{"key": 5, "signature": "00" * 64}]}, MalformedError),
        ({"signatures": [{"key": "00" * 32, "signature": None}]}, MalformedError),
    ],
)
def test_signatures_not_in_form(change: dict[str, Any], kind: type[OpenGradientError]) -> None:
    payload, signatures = make.signed(make.manifest())
    with pytest.raises(kind) as caught:
        check((payload, canonical_json(json.loads(signatures) | change)))
    if kind is MalformedError:
        assert caught.value.code == "releases.signatures"


def test_too_many_signatures() -> None:
    items = [{"key": f"{n:064x}", "signature": "00" * 64} for n in range(33)]
    value = {"version": "opengradient.signatures/1", "type": "x", "signatures": items}
    with pytest.raises(MalformedError):
        Signatures.parse(canonical_json(value))
    Signatures.parse(canonical_json(value | {"signatures": items[:-1]}))


@pytest.mark.parametrize(
    ("keys", "threshold"),
    [([], 1), (KEYS, 0), (KEYS, 4), (KEYS, -1), (KEYS, True), ([b"x" * 31], 1)],
)
def test_settings_that_make_no_sense(keys: list[bytes], threshold: int) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check(make.signed(make.manifest(), (0, 1, 2)), keys=keys, threshold=threshold)
    assert caught.value.code == "policy.malformed"


def test_the_edges_of_thresholds() -> None:
    check(make.signed(make.manifest(), (0,)), threshold=1)
    check(make.signed(make.manifest(), (0, 1, 2)), threshold=3)
    assert CLOCK_SKEW_MS == 60_000


def test_any_byte_changed_is_refused() -> None:
    payload, signatures = make.signed(make.manifest())
    for index in range(len(payload)):
        changed = bytearray(payload)
        changed[index] ^= 1
        with pytest.raises((VerificationError, UnsupportedError)):
            check((bytes(changed), signatures))


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data: bytes) -> None:
    _, signatures = make.signed(make.manifest())
    for files in ((data, signatures), (make.signed(make.manifest())[0], data)):
        with pytest.raises((VerificationError, UnsupportedError)):
            check(files)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
PLACES = [
    path
    for path, _ in NOT_IN_FORM
    if path.split(".")[-1] not in {"extra", "pcr9", "measurements", "keys", "products"}
]


@given(st.sampled_from(PLACES), JSON)
def test_any_value_in_any_place_is_refused_or_taken_as_it_stands(path: str, value: Any) -> None:
    try:
        data = canonical_json(broken(path, value))
    except MalformedError:
        return  # no canonical form: nobody can sign it
    try:
        found = ReleaseManifest.parse(data)
    except VerificationError:
        return
    assert found.encode() == data


def test_a_policy_with_releases_can_be_hashed() -> None:
    checked = check(make.signed(make.manifest()))
    assert hash(TrustPolicy.hardware(checked)) == hash(TrustPolicy.hardware(checked))


def test_lists_of_revocations() -> None:
    key = {"id": "0x" + "11" * 32, "reason": "stolen"}
    value = make.revocations(revoked=make.revoked(keys=[key]))
    settings: dict[str, Any] = {"keys": KEYS, "threshold": 2, "now_ms": NOW}
    checked = verify_revocations(*make.signed(value), **settings)
    assert [entry.id for entry in checked.revocations.revoked.keys] == [key["id"]]
    cases = [
        (make.signed(value, (0,)), {}, "releases.threshold"),
        (make.signed(value), {"now_ms": NOW + DAY}, "releases.expired"),
        (make.signed(value), {"now_ms": NOW - 2 * DAY}, "releases.future"),
        (make.signed(value), {"last_seen": 4}, "releases.rollback"),
        (make.signed(value, kind=ReleaseManifest.PAYLOAD_TYPE), {}, "releases.type"),
        (make.signed(value | {"extra": 1}), {}, "releases.malformed"),
        (make.signed(value | {"expires_at": NOW - DAY}), {}, "releases.malformed"),
    ]
    for files, changes, code in cases:
        with pytest.raises(VerificationError) as caught:
            verify_revocations(*files, **settings | changes)
        assert caught.value.code == code
    payload, signatures = make.signed(value)
    with pytest.raises(MalformedError) as malformed:
        verify_revocations(payload + b" ", signatures, **settings)
    assert malformed.value.code == "releases.not_canonical"


def test_json_form_keeps_the_signatures() -> None:
    checked = check(make.signed(make.manifest()))
    value = json.loads(json.dumps(checked.to_json()))
    assert VerifiedReleases.from_json(value) == checked
    value["manifest"]["number"] = 8
    with pytest.raises(VerificationError) as caught:
        VerifiedReleases.from_json(value)
    assert caught.value.code == "releases.signature"
    for change in ({"extra": 1}, {"keys": [5]}, {"keys": ["xx"]}):
        with pytest.raises(VerificationError) as caught:
            VerifiedReleases.from_json(checked.to_json() | change)
        assert caught.value.code == "policy.malformed"
    for change in ({"keys": {}}, {"keys": 5}, {"threshold": 0}, {"threshold": "2"}):
        with pytest.raises(ConfigurationError) as refused:
            VerifiedReleases.from_json(checked.to_json() | change)
        assert refused.value.code == "policy.malformed"


PARSERS = [
    (ReleaseManifest.parse, make.manifest(), 4 * 1024 * 1024),
    (RevocationList.parse, make.revocations(), 1024 * 1024),
]


@pytest.mark.parametrize(("parse", "value", "size"), PARSERS)
def test_sizes(parse: Any, value: dict[str, Any], size: int) -> None:
    data = canonical_json(value).ljust(size)
    parse(data, canonical=False)
    with pytest.raises(MalformedError) as caught:
        parse(data + b" ", canonical=False)
    assert caught.value.code == "format.too_large"


def test_the_size_of_signatures() -> None:
    _, signatures = make.signed(make.manifest())
    Signatures.parse(signatures.ljust(16 * 1024))
    with pytest.raises(MalformedError) as caught:
        Signatures.parse(signatures.ljust(16 * 1024 + 1))
    assert caught.value.code == "format.too_large"


def test_a_second_signature_by_a_key_takes_the_place_of_its_first() -> None:
    old = KeySignature(key=KEYS[0], signature=bytes(64))
    other = KeySignature(key=KEYS[1], signature=bytes(64))
    new = KeySignature(key=KEYS[0], signature=b"\1" * 64)
    items = Signatures(payload_type="x", items=()).added(old).added(other).added(new).items
    assert set(items) == {new, other}


def test_edges_of_numbers_and_texts() -> None:
    for number in (0, 2**53 - 1):
        check(make.signed(make.manifest(number=number)))
    check(make.signed(broken("releases.0.name", "x" * 512)))
    check(make.signed(broken("releases.0.name", "x")))
    check(make.signed(make.manifest(issued_at=0)))


def test_registers_are_nobodys_to_change() -> None:
    registers = dict(make.PCRS)
    measured = Measured(kind="aws-nitro", measurement=MEASUREMENT, registers=registers)
    registers["PCR0"] = "00" * 48
    assert measured.registers == make.PCRS
    with pytest.raises(TypeError):
        measured.registers["PCR0"] = "00" * 48


def test_lists_of_another_version() -> None:
    value = make.revocations()
    _, signatures = make.signed(value)
    payload = canonical_json(value | {"version": "opengradient.revocations/2"})
    with pytest.raises(UnsupportedError):
        verify_revocations(payload, signatures, keys=KEYS, threshold=2, now_ms=NOW)


FORGED = {f"PCR{index}": value.hex() for index, value in forge.PCRS.items()}


def nitro_releases(now: int = forge.NOW, **changes: Any) -> VerifiedReleases:
    """A manifest that lists what the forged Nitro documents measure."""
    measured = make.measured(
        "aws-nitro", {f"PCR{index}": FORGED[f"PCR{index}"] for index in range(3)}
    )
    settings = {
        "issued_at": now - DAY,
        "expires_at": now + DAY,
        "releases": [make.release(measurements=[measured])],
        **changes,
    }
    return check(make.signed(make.manifest(**settings)), now_ms=now)


def nitro_code(**changes: Any) -> str:
    with pytest.raises(VerificationError) as caught:
        forge.verify(forge.document(), measurements=nitro_releases(**changes))
    return caught.value.code


def test_nitro_documents_by_releases() -> None:
    verified = forge.verify(forge.document(), measurements=nitro_releases())
    assert verified.measurement_accepted is True
    assert verified.measurement_source == (
        "release llm-proxy 1.4.0 in signed manifest 7: https://example.org/node at " + "ab" * 20
    )
    node_id = "0x" + forge.SIGNER.public_key.node_id.hex()
    stolen = make.revoked(keys=[{"id": node_id, "reason": "stolen"}])
    assert nitro_code(revoked=stolen) == "releases.revoked_key"
    leaking = make.revoked(measurements=[{"id": verified.measurement, "reason": "leaks"}])
    assert nitro_code(revoked=leaking) == "releases.revoked_measurement"
    assert nitro_code(releases=[]) == "releases.unlisted"
    assert nitro_code(now=forge.NOW - DAY) == "releases.expired"
    assert nitro_code(now=forge.NOW + DAY + CLOCK_SKEW_MS + 1) == "releases.future"


def test_a_policy_is_current_until_its_manifest_ends() -> None:
    policy = TrustPolicy.hardware(nitro_releases())
    assert policy.is_current(forge.NOW + DAY - 1)
    assert not policy.is_current(forge.NOW + DAY)
    assert TrustPolicy.hardware(frozenset()).is_current(2**60)


def test_product_lines_by_releases() -> None:
    revoked = make.revoked(products=[{"id": "amd-sev-snp/Milan", "reason": "keys extracted"}])
    policy = TrustPolicy.hardware(nitro_releases(revoked=revoked))
    check_product("amd-sev-snp", "Genoa", policy)
    with pytest.raises(PolicyError) as caught:
        check_product("amd-sev-snp", "Milan", policy)
    assert caught.value.code == "releases.revoked_product"


def test_a_policy_only_adds_revocations() -> None:
    node, code = "0x" + "11" * 32, "0x" + "22" * 32
    policy = replace(
        TrustPolicy.hardware(frozenset()),
        revoked_keys=frozenset({node}),
        revoked_measurements=frozenset({code}),
        revoked_products=frozenset({"amd-sev-snp/Milan"}),
    )
    entries = make.revoked(
        keys=[{"id": "0x" + "33" * 32, "reason": "x"}],
        measurements=[{"id": "0x" + "44" * 32, "reason": "x"}],
        products=[{"id": "intel-tdx/B0C06F000000", "reason": "x"}],
    )
    files = make.signed(make.revocations(revoked=entries))
    after = policy.with_revocations(verify_revocations(*files, keys=KEYS, threshold=2, now_ms=NOW))
    assert after.revoked_keys == {node, "0x" + "33" * 32}
    assert after.revoked_measurements == {code, "0x" + "44" * 32}
    assert after.revoked_products == {"amd-sev-snp/Milan", "intel-tdx/B0C06F000000"}
    assert replace(after, revoked_keys=policy.revoked_keys) != policy


def test_sealed() -> None:
    checked = check(make.signed(make.manifest()))
    with pytest.raises(TypeError):
        VerifiedReleases(
            manifest=checked.manifest,
            signatures=checked.signatures,
            keys=checked.keys,
            threshold=1,
            signed_by=(),
            seal=object(),
        )
    with pytest.raises(TypeError):
        VerifiedRevocations(revocations=checked.manifest, signed_by=(), seal=None)


def test_ids_of_every_kind() -> None:
    assert measurement_id("no-such-kind", {}) is None
    assert measurement_id("aws-nitro", {"PCR0": "00"}) is None
    td = dict.fromkeys(("MRTD", "RTMR0", "RTMR1", "RTMR2", "RTMR3"), "00")
    assert measurement_id("azure-maa", td) == measurement_id("intel-tdx", td)
    assert measurement_id("azure-maa", td | {"MEASUREMENT": "00"}) is None
    assert measurement_id("amd-sev-snp", {"MEASUREMENT": ""}) == (
        # keccak256 of nothing
        "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    )


def test_a_policy_of_releases_goes_round_as_json() -> None:
    policy = TrustPolicy(roots=(), measurements=check(make.signed(make.manifest())))
    again = TrustPolicy.from_json(json.loads(json.dumps(policy.to_json())))
    assert again.to_json() == policy.to_json()
    assert isinstance(again.measurements, VerifiedReleases)
