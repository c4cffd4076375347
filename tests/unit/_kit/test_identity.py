from pathlib import Path

import pytest
from cryptography import x509

from opengradient.core.digests import ZERO32, sha256
from opengradient.core.evidence import Evidence
from opengradient.core.modes import ChannelKind
from opengradient.core.nitriding import parse_user_data
from opengradient.errors import ConfigurationError, MalformedError
from opengradient.verify.attestation import inspect_nitro
from reference_nodes._kit.identity import RESERVE_MS, ends_at_ms, make_tls_credentials
from reference_nodes._kit.server import tls_context
from tests.unit._kit.node_parts import START_MS, parts

HOUR = 60 * 60 * 1000


async def test_evidence_is_replaced_after_an_hour_and_the_old_one_kept(tmp_path: Path) -> None:
    async with parts(tmp_path) as node:
        first = node.identity.standing
        node.clock.now_ms += HOUR - 1
        assert not await node.identity.refresh_if_due()
        node.clock.now_ms += 1
        assert await node.identity.refresh_if_due()
        second = node.identity.standing
        assert second.digest != first.digest
        for standing in (first, second):
            assert await node.identity.earlier_evidence(standing.digest) == standing.evidence
        assert await node.identity.earlier_evidence(ZERO32) is None


async def test_evidence_is_replaced_before_its_certificates_end(tmp_path: Path) -> None:
    async with parts(tmp_path) as node:
        # The leaf is from the start of the node; one made later ends all the same with it.
        node.clock.now_ms += 85 * 60 * 1000
        await node.identity.refresh()
        ends = node.identity.standing.ends_at_ms
        assert ends == START_MS + 3 * HOUR
        node.clock.now_ms = min(node.clock.now_ms + HOUR, ends - RESERVE_MS)
        assert await node.identity.refresh_if_due()
        assert node.identity.standing.ends_at_ms > ends


async def test_ended_evidence_is_not_used(tmp_path: Path) -> None:
    async with parts(tmp_path) as node:
        node.clock.now_ms = node.identity.standing.ends_at_ms
        with pytest.raises(ConfigurationError) as caught:
            _ = node.identity.standing
        assert caught.value.code == "enclave.unavailable"
        assert await node.identity.refresh_if_due()
        assert node.identity.standing.made_at_ms == node.clock.now_ms


async def test_fresh_evidence_binds_the_same_keys(tmp_path: Path) -> None:
    async with parts(tmp_path, with_legacy=True) as node:
        fresh = inspect_nitro((await node.identity.fresh(b"n" * 20)).document)
        standing = inspect_nitro(node.identity.standing.evidence.document)
        assert fresh["keyset"] == standing["keyset"] == node.identity.keyset.encode().decode()
        assert fresh["nonce"] == (b"n" * 20).hex()
        assert node.identity.tls is not None
        assert node.identity.legacy is not None
        assert parse_user_data(bytes.fromhex(fresh["user_data"])) == (
            sha256(node.identity.tls.certificate_der),
            sha256(node.identity.legacy.public_der),
        )
        assert node.identity.keyset.legacy_rsa_spki_sha256 == sha256(
            node.identity.legacy.public_der
        )


async def test_without_tls_there_is_no_channel(tmp_path: Path) -> None:
    async with parts(tmp_path, with_tls=False) as node:
        assert node.identity.channel == (ChannelKind.NONE, ZERO32)
        assert node.identity.keyset.tls_spki_sha256 is None


async def test_every_node_has_keys_of_its_own(tmp_path: Path) -> None:
    async with parts(tmp_path / "a") as one, parts(tmp_path / "b") as other:
        assert one.identity.node_id != other.identity.node_id
        assert one.identity.keyset.tls_spki_sha256 != other.identity.keyset.tls_spki_sha256


def test_tls_credentials_hide_their_key_and_leave_no_file(tmp_path: Path, monkeypatch) -> None:
    credentials = make_tls_credentials(now_ms=START_MS)
    assert b"PRIVATE" in credentials.key_pem
    assert "PRIVATE" not in repr(credentials)
    assert repr(credentials.key_pem)[2:40] not in repr(credentials)
    certificate = x509.load_pem_x509_certificate(credentials.certificate_pem.encode())
    assert certificate.not_valid_before_utc.timestamp() * 1000 < START_MS
    monkeypatch.setattr("reference_nodes._kit.server.MEMORY_FOLDER", tmp_path)
    tls_context(credentials)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_document_has_no_end() -> None:
    with pytest.raises(MalformedError):
        ends_at_ms(Evidence(kind="aws-nitro", document=b"\x80"))
