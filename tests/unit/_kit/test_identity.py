from pathlib import Path

import pytest
from cryptography import x509

from opengradient.core.digests import ZERO32, sha256
from opengradient.core.evidence import Evidence
from opengradient.core.keyset import Keyset
from opengradient.core.modes import ChannelKind
from opengradient.core.nitriding import parse_user_data
from opengradient.errors import ConfigurationError, MalformedError, NodeError
from opengradient.verify.attestation import inspect_nitro
from reference_nodes._kit.app import PLAIN
from reference_nodes._kit.credentials import make_tls_credentials
from reference_nodes._kit.identity import RESERVE_MS, Rotation, ends_at_ms
from reference_nodes._kit.tls import tls_context
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
        assert node.identity.live_tls is None
        assert node.identity.arrival(PLAIN).standing == node.identity.standing
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
    monkeypatch.setattr("reference_nodes._kit.tls.MEMORY_FOLDER", tmp_path)
    tls_context(credentials)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_document_has_no_end() -> None:
    with pytest.raises(MalformedError):
        ends_at_ms(Evidence(kind="aws-nitro", document=b"\x80"))


MINUTE = 60_000


def hpke(node) -> tuple[ChannelKind, bytes]:
    return ChannelKind.HPKE, node.identity.keyset.hpke.digest()


async def test_rotation_replaces_the_keys_of_the_channels_and_keeps_the_signing_key(
    tmp_path: Path,
) -> None:
    async with parts(tmp_path) as node:
        old, node_id = node.identity.standing, node.identity.node_id
        await node.identity.rotate()
        new = node.identity.standing
        assert node.identity.node_id == node_id
        assert new.keys.keyset.signing == old.keys.keyset.signing
        assert new.keys.keyset.tls_spki_sha256 != old.keys.keyset.tls_spki_sha256
        assert new.keys.keyset.hpke.public_key != old.keys.keyset.hpke.public_key
        assert new.keys.keyset.hpke.key_id == old.keys.keyset.hpke.key_id + 1
        bound = inspect_nitro(new.evidence.document)["keyset"]
        assert bound == new.keys.keyset.encode().decode()
        for standing in (old, new):
            assert await node.identity.earlier_evidence(standing.digest) == standing.evidence


async def test_evidence_of_new_keys_is_durable_before_they_are_used(
    tmp_path: Path, monkeypatch
) -> None:
    async with parts(tmp_path) as node:
        old, kept = node.identity.standing, node.outbox.keep_evidence

        async def keep(evidence, *, now_ms):
            assert node.identity.standing == old
            assert node.identity.live_tls.is_current(old.keys.tls.spki_sha256)
            raise NodeError("disk full", status=503, code="node.storage")

        monkeypatch.setattr(node.outbox, "keep_evidence", keep)
        with pytest.raises(NodeError):
            await node.identity.rotate()
        assert node.identity.standing == old
        assert node.identity.live_tls.is_current(old.keys.tls.spki_sha256)
        monkeypatch.setattr(node.outbox, "keep_evidence", kept)
        await node.identity.rotate()
        assert not node.identity.live_tls.is_current(old.keys.tls.spki_sha256)


async def test_what_comes_over_earlier_keys_gets_their_evidence(tmp_path: Path) -> None:
    async with parts(tmp_path) as node:
        old = node.identity.standing
        ways = (node.channel(), hpke(node))
        await node.identity.rotate()
        for way in ways:
            arrival = node.identity.arrival(way)
            assert (arrival.channel, arrival.standing.digest) == (way, old.digest)
        for way in (node.channel(), hpke(node)):
            assert node.identity.arrival(way).standing == node.identity.standing
        for kind in (ChannelKind.TLS, ChannelKind.HPKE):
            with pytest.raises(NodeError) as caught:
                node.identity.arrival((kind, bytes(32)))
            assert caught.value.code == "node.key_retired"
        with pytest.raises(NodeError):
            node.identity.arrival(PLAIN)


async def test_an_earlier_hpke_key_opens_until_its_grace_is_over(tmp_path: Path) -> None:
    rotation = Rotation(grace_ms=10 * MINUTE)
    async with parts(tmp_path, rotation=rotation) as node:
        first = node.identity.gateway_keys().get(0)
        assert node.identity.gateway_keys().get(1) is None
        node.clock.now_ms += HOUR
        await node.identity.rotate()
        node.clock.now_ms += 10 * MINUTE - 1
        assert node.identity.gateway_keys().get(0) == first
        assert node.identity.gateway_keys().get(1).public == node.identity.keyset.hpke
        node.clock.now_ms += 1
        assert node.identity.gateway_keys().get(0) is None
        assert not any(s.keys.hpke for s in node.identity._earlier)
        assert node.identity.gateway_keys().get(1) is not None


async def test_earlier_evidence_outlasts_the_grace_of_its_keys(tmp_path: Path) -> None:
    async with parts(tmp_path) as node:
        node.clock.now_ms += 150 * MINUTE  # half an hour before the first certificates end
        way = node.channel()
        await node.identity.rotate()
        standing = node.identity.arrival(way).standing
        assert standing.ends_at_ms >= node.clock.now_ms + 30 * MINUTE + RESERVE_MS
        assert standing.keys.keyset.tls_spki_sha256 == way[1]


async def test_replaced_tls_keys_are_not_kept(tmp_path: Path) -> None:
    async with parts(tmp_path) as node:
        await node.identity.rotate()
        assert [s.keys.tls.key_pem for s in node.identity._earlier] == [b""]


async def test_key_ids_begin_anew_after_255(tmp_path: Path) -> None:
    async with parts(tmp_path, with_tls=False) as node:
        for _ in range(257):
            await node.identity.rotate()
        assert node.identity.keyset.hpke.key_id == 1
        assert node.identity.gateway_keys().get(1).public == node.identity.keyset.hpke
        assert node.identity.gateway_keys().get(2) is None


async def test_rotation_is_due_by_the_clock(tmp_path: Path) -> None:
    async with parts(tmp_path, rotation=Rotation(every_ms=HOUR)) as node:
        node.clock.now_ms += HOUR - 1
        assert node.identity.ms_to_rotation() == 1
        node.clock.now_ms += 2
        assert node.identity.ms_to_rotation() == 0
        await node.identity.rotate()
        assert node.identity.ms_to_rotation() == HOUR
    async with parts(tmp_path / "never", rotation=Rotation(every_ms=0)) as node:
        assert node.identity.ms_to_rotation() is None


async def test_a_node_may_have_no_hpke_key(tmp_path: Path) -> None:
    async with parts(tmp_path, with_hpke=False) as node:
        assert node.identity.keyset.hpke is None
        assert node.identity.gateway_keys().get(0) is None


async def test_the_keyset_binds_the_configuration(tmp_path: Path) -> None:
    async with parts(tmp_path, config_digest=b"c" * 32) as node:
        bound = Keyset.parse(
            inspect_nitro(node.identity.standing.evidence.document)["keyset"].encode()
        )
        assert bound.config_digest == b"c" * 32
        await node.identity.rotate()
        assert node.identity.keyset.config_digest == b"c" * 32
