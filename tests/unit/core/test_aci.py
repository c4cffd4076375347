"""ACI documents are read strictly: each broken place has its code."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from opengradient.core.aci import AciKeyset, AciReceipt, AciReport, AciSession, statement
from opengradient.core.digests import sha384
from opengradient.core.rtmr import ZERO, extend, replay
from opengradient.errors import ConfigurationError, OpenGradientError
from tests.unit.verify import aci_forge as forge

Change = Callable[[dict[str, Any]], object]


def put(name: str, value: Any, *path: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        for step in path:
            document = document[step]
        document[name] = value

    return change


def drop(name: str, *path: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        for step in path:
            document = document[step]
        del document[name]

    return change


def first_event(document: dict[str, Any]) -> None:
    log = document["event_log"]
    log[0], log[1] = log[1], log[0]


def twice(document: dict[str, Any]) -> None:
    document["event_log"].append(dict(document["event_log"][2]))


RECEIPT = [
    ("aci.version", put("api_version", "aci/2")),
    ("aci.version", drop("api_version")),
    ("aci.unknown_field", put("note", "x")),
    ("aci.unknown_field", put("note", "x", "event_log", 0)),
    ("aci.json", put("x", 1.5, "event_log", 1)),
    ("aci.json", put("x", 2**53, "event_log", 1)),
    ("aci.json", put("größe", 1, "event_log", 1)),
    ("aci.digest", put("workload_keyset_digest", "sha256:" + "AB" * 32)),
    ("aci.digest", put("workload_keyset_digest", "ab" * 32)),
    ("aci.digest", put("body_hash", "sha256:" + "ab" * 31, "event_log", 0)),
    ("aci.receipt.malformed", drop("receipt_id")),
    ("aci.receipt.malformed", drop("chat_id")),
    ("aci.receipt.malformed", put("receipt_id", "")),
    ("aci.receipt.malformed", put("model", 1)),
    ("aci.receipt.malformed", put("endpoint", None)),
    ("aci.receipt.malformed", put("method", None)),
    ("aci.receipt.malformed", put("key_id", "k" * 2049)),
    ("aci.receipt.malformed", put("served_at", -1)),
    ("aci.receipt.malformed", put("served_at", True)),
    ("aci.receipt.malformed", put("served_at", 2**41)),
    ("aci.event.count", put("event_log", [])),
    ("aci.event.count", put("event_log", {})),
    ("aci.event.count", put("event_log", [{"type": "x"}] * 257)),
    ("aci.event.first", first_event),
    ("aci.event.twice", twice),
    ("aci.event.missing", drop(4, "event_log")),
    ("aci.event.nested", put("more", [1], "event_log", 1)),
    ("aci.event.malformed", put(1, "text", "event_log")),
    ("aci.event.malformed", drop("type", "event_log", 1)),
    ("aci.event.malformed", drop("body_hash", "event_log", 0)),
    ("aci.event.malformed", put("result", "maybe", "event_log", 3)),
    ("aci.event.malformed", put("required", 1, "event_log", 3)),
    ("aci.event.malformed", put("model_id", None, "event_log", 3)),
    ("aci.event.malformed", put("session_id", "AB" * 32, "event_log", 3)),
    ("aci.event.malformed", drop("session_id", "event_log", 3)),
    ("aci.unknown_field", put("reason", "x", "event_log", 3)),
    ("aci.event.malformed", put(3, {**forge.FAILED_EVENT, "reason": None}, "event_log")),
    ("aci.event.malformed", put(3, {**forge.FAILED_EVENT, "upstream_name": 1}, "event_log")),
]


@pytest.mark.parametrize(("code", "change"), RECEIPT)
def test_receipt(code: str, change: Change) -> None:
    document = forge.receipt_json()
    change(document)
    with pytest.raises(OpenGradientError) as caught:
        AciReceipt.parse(document)
    assert caught.value.code == code


@pytest.mark.parametrize("signature", ["", "ab" * 63, "AB" * 64, "0x" + "ab" * 64, None])
def test_receipt_signature_form(signature: Any) -> None:
    with pytest.raises(OpenGradientError) as caught:
        AciReceipt.parse({**forge.receipt_json(), "signature": signature})
    assert caught.value.code == "aci.receipt.signature_form"


def test_receipt_is_an_object_of_bounded_size() -> None:
    with pytest.raises(OpenGradientError) as caught:
        AciReceipt.parse([])
    assert caught.value.code == "aci.receipt.malformed"
    document = forge.receipt_json()
    document["event_log"][1]["blob"] = "x" * 1024 * 1024
    with pytest.raises(OpenGradientError) as caught:
        AciReceipt.parse(document)
    assert caught.value.code == "format.too_large"


def test_the_encoding_is_free_and_the_signing_input_is_not() -> None:
    document = forge.receipt_json()
    shuffled = json.loads(json.dumps(dict(reversed(document.items())), indent=2))
    assert AciReceipt.parse(shuffled) == AciReceipt.parse(document)


EDGES = [
    (True, put("served_at", 0)),
    (True, put("served_at", 2**41 - 1)),
    (True, put("receipt_id", "r")),
    (True, put("receipt_id", "r" * 2048)),
    (True, put("x", 2**53 - 1, "event_log", 1)),
    (True, put("x", -(2**53) + 1, "event_log", 1)),
    (False, put("x", -(2**53), "event_log", 1)),
    (False, put(3, {**forge.FAILED_EVENT, "more": 1}, "event_log")),
    (False, put(3, {**forge.FAILED_EVENT, "result": "maybe"}, "event_log")),
    (False, put(3, {"type": "upstream.verified"}, "event_log")),
]


@pytest.mark.parametrize(("fits", "change"), EDGES)
def test_receipt_edges(fits: bool, change: Change) -> None:
    document = forge.receipt_json()
    change(document)
    if fits:
        assert AciReceipt.parse(document)
        return
    with pytest.raises(OpenGradientError):
        AciReceipt.parse(document)


def test_as_many_events_and_keys_as_there_may_be() -> None:
    document = forge.receipt_json()
    document["event_log"][1:1] = [{"type": "x"}] * (256 - len(document["event_log"]))
    assert len(AciReceipt.parse(document).events) == 256
    document["event_log"].append({"type": "x"})
    with pytest.raises(OpenGradientError) as caught:
        AciReceipt.parse(document)
    assert caught.value.code == "aci.event.count"
    keys = forge.keyset_json()
    keys["tls_public_keys"] = [{"spki_sha256": "00" * 32}] * 64
    assert len(AciKeyset.parse(keys).tls_keys) == 64
    keys["tls_public_keys"] *= 2
    with pytest.raises(OpenGradientError) as caught:
        AciKeyset.parse(keys)
    assert caught.value.code == "aci.keyset.malformed"


def test_a_quote_as_large_as_one_may_be() -> None:
    size = 64 * 1024
    report = forge.report(put("quote", "ab" * size, "attestation", "evidence"))
    assert len(report.quote()) == size
    assert len(forge.report(put("quote", "ab", "attestation", "evidence")).quote()) == 1
    assert forge.report(put("event_log", [1], "attestation", "evidence")).event_log() is None


KEYSET = [
    ("aci.keyset.malformed", drop("subject")),
    ("aci.unknown_field", put("note", 1)),
    ("aci.unknown_field", put("note", 1, "receipt_signing_keys", 0)),
    ("aci.keyset.malformed", put("subject", 1)),
    ("aci.keyset.malformed", put("not_after", "soon")),
    ("aci.keyset.malformed", put("receipt_signing_keys", {})),
    ("aci.keyset.malformed", put("tls_public_keys", [{}])),
    ("aci.keyset.malformed", put("domain", 1, "tls_public_keys", 0)),
    ("aci.keyset.malformed", put("spki_sha256", "c0", "tls_public_keys", 0)),
    ("aci.keyset.malformed", put("public_key", "", "e2ee_public_keys", 0)),
    ("aci.keyset.malformed", put("tls_public_keys", [{}] * 65)),
    ("aci.keyset.key_id", put("key_id", "r2", "receipt_signing_keys", 0)),
    ("aci.keyset.key", put("public_key", "ab" * 31, "receipt_signing_keys", 0)),
    ("aci.keyset.role", put("public_key", "00", "e2ee_public_keys", 0)),
]


@pytest.mark.parametrize(("code", "change"), KEYSET)
def test_keyset(code: str, change: Change) -> None:
    document = forge.keyset_json()
    change(document)
    with pytest.raises(OpenGradientError) as caught:
        AciKeyset.parse(document)
    assert caught.value.code == code


def test_a_receipt_key_is_no_tls_key() -> None:
    document = forge.keyset_json()
    document["tls_public_keys"][0]["spki_sha256"] = document["receipt_signing_keys"][0][
        "public_key"
    ]
    with pytest.raises(OpenGradientError) as caught:
        AciKeyset.parse(document)
    assert caught.value.code == "aci.keyset.role"


SESSION = [
    ("aci.version", put("api_version", "aci/0")),
    ("aci.unknown_field", put("note", 1)),
    ("aci.session.malformed", drop("claims")),
    ("aci.session.malformed", put("upstream_name", None)),
    ("aci.session.malformed", put("verifier_id", "")),
    ("aci.session.malformed", put("established_at", None)),
    ("aci.session.malformed", put("expires_at", None)),
    ("aci.session.malformed", put("endpoint", 1)),
    ("aci.session.malformed", put("channel_binding", ["x"])),
    ("aci.session.malformed", put("channel_binding", [{}])),
    ("aci.session.malformed", put("claims", [])),
    ("aci.session.malformed", put("tee_attested", "yes", "claims")),
    ("aci.session.malformed", put("data", "quote", "evidence")),
    ("aci.session.malformed", put("data", "data:a/b;base64,cXVvdGU", "evidence")),
    ("aci.session.malformed", drop("data", "evidence")),
    ("aci.session.malformed", put("data", "data:a/b;base64,cXVvdGV=", "evidence")),
    ("aci.session.evidence", put("data", "data:a/b;base64,cXVvdGE=", "evidence")),
    ("aci.digest", put("digest", "ab", "evidence")),
    ("aci.json", put("extra", {"score": 0.5}, "claims")),
]


@pytest.mark.parametrize(("code", "change"), SESSION)
def test_session(code: str, change: Change) -> None:
    document = forge.session_json()
    change(document)
    with pytest.raises(OpenGradientError) as caught:
        AciSession.parse(document)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "claim",
    [
        {"status": "certainly", "source": "hardware_proven"},
        {"status": "asserted", "source": "a friend"},
        {"status": "asserted"},
        {"status": [], "source": {}},
        {"status": "asserted", "source": []},
        {"status": {}, "source": "hardware_proven"},
    ],
)
def test_unknown_words_are_never_a_pass(claim: dict[str, str]) -> None:
    read = forge.session(put("tee_attested", claim, "claims")).claim("tee_attested")
    assert read.status == "unknown" and not read.hardware_proven


REPORT = [
    ("aci.version", put("api_version", "aci/9")),
    ("aci.report.malformed", drop("attestation")),
    ("aci.report.malformed", drop("service_capabilities")),
    ("aci.report.malformed", drop("evidence", "attestation")),
    ("aci.report.malformed", put("report_data", "ab", "attestation")),
    ("aci.report.malformed", drop("tee_type", "attestation")),
    ("aci.report.malformed", drop("source_provenance", "attestation")),
    ("aci.report.malformed", put("repo_commit", "main", "attestation", "source_provenance")),
    ("aci.report.malformed", put("repo_url", 1, "attestation", "source_provenance")),
    ("aci.digest", put("image_digest", "latest", "attestation", "source_provenance")),
    ("aci.digest", drop("workload_keyset_digest")),
    ("aci.keyset.malformed", drop("subject", "attestation", "workload_keyset")),
]


@pytest.mark.parametrize(("code", "change"), REPORT)
def test_report(code: str, change: Change) -> None:
    document = forge.report_json()
    change(document)
    with pytest.raises(OpenGradientError) as caught:
        AciReport.parse(document)
    assert caught.value.code == code


@pytest.mark.parametrize("quote", ["", "zz", None, "ab" * (64 * 1024 + 1)])
def test_quote(quote: Any) -> None:
    report = forge.report(put("quote", quote, "attestation", "evidence"))
    with pytest.raises(OpenGradientError) as caught:
        report.quote()
    assert caught.value.code == "aci.report.quote"


@pytest.mark.parametrize("serving", ["aggregator", "elsewhere", None])
def test_an_unknown_way_of_serving_counts_as_an_aggregator(serving: Any) -> None:
    assert not forge.report(put("serving", serving, "service_capabilities")).direct
    assert forge.report(put("serving", "direct", "service_capabilities")).direct


def test_a_nonce_has_32_bytes() -> None:
    with pytest.raises(ConfigurationError) as caught:
        statement(bytes(32), bytes(31))
    assert caught.value.code == "aci.nonce"


def test_registers() -> None:
    assert replay([]) == ZERO
    assert replay([b"\1" * 48]) == sha384(bytes(48) + b"\1" * 48)
    for register, digest in [(bytes(47), bytes(48)), (bytes(48), bytes(32))]:
        with pytest.raises(OpenGradientError) as caught:
            extend(register, digest)
        assert caught.value.code == "format.malformed"
