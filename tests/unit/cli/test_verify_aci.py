"""`opengradient verify` recognises ACI receipts; the published exchange goes through it."""

import json
from pathlib import Path

import pytest

from opengradient.offline import read_any, verify
from opengradient.wire.aci import BUNDLE_VERSION
from opengradient.wire.fields import to_base64
from tests.third_party.aci import vectors as published
from tests.third_party.aci.test_vectors import document
from tests.unit.cli.commands import run, run_json
from tests.unit.verify import aci_forge as forge

AT = ("--at", 1_750_000_100)


@pytest.fixture
def keyset(tmp_path: Path) -> Path:
    path = tmp_path / "keyset.json"
    path.write_text(published.KEYSET)
    return path


@pytest.fixture
def receipt(tmp_path: Path) -> Path:
    path = tmp_path / "aci.json"
    path.write_text(
        json.dumps(
            {
                "version": BUNDLE_VERSION,
                "receipt": document(),
                "sessions": [json.loads(published.SESSION)],
                "request": to_base64(published.REQUEST),
            }
        )
    )
    return path


def test_accepted(receipt: Path, keyset: Path) -> None:
    status, report = run_json("verify", receipt, "--keyset", keyset, *AT)
    assert (status, report["result"], report["kind"]) == (0, "accepted", "aci")
    assert report["keyset_digest"] == published.KEYSET_DIGEST
    shown = run("verify", receipt, "--keyset", keyset, *AT).stdout
    assert "ACCEPTED" in shown and "rcpt-0001 (ACI)" in shown


def test_a_bare_document_needs_a_keyset(tmp_path: Path, keyset: Path) -> None:
    path = tmp_path / "bare.json"
    path.write_text(json.dumps(document(), indent=1))
    assert run_json("verify", path, *AT)[1]["code"] == "aci.keyset.missing"
    assert run_json("verify", path, "--keyset", keyset, *AT)[0] == 0


def test_statuses(receipt: Path, keyset: Path) -> None:
    whole = json.loads(receipt.read_text())
    for change, expected in (
        ({"request": to_base64(b"other")}, (10, "aci.request")),
        ({"receipt": {**document(), "api_version": "aci/2"}}, (20, "aci.version")),
        ({"receipt": {**document(), "note": 1}}, (30, "aci.unknown_field")),
    ):
        receipt.write_text(json.dumps({**whole, **change}))
        status, report = run_json("verify", receipt, "--keyset", keyset, *AT)
        assert (status, report["code"]) == expected


def test_keyset_is_for_aci_only(receipt_file: Path, keyset: Path) -> None:
    assert run("verify", receipt_file, "--keyset", keyset).exit_code == 2


def test_offline_verify_reads_both_kinds(receipt: Path) -> None:
    from opengradient.errors import AttestationError

    with pytest.raises(AttestationError) as caught:
        verify(receipt, now=forge.NOW_MS)
    assert caught.value.code == "aci.keyset.missing"
    assert read_any(json.loads(receipt.read_text())).receipt.receipt_id == "rcpt-0001"
