"""The kernel's interface to TDX and SEV-SNP, against a kernel that behaves as documented."""

import errno
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import pytest

from opengradient.core.collateral import Collateral
from opengradient.core.evidence import SNP, TDX, Evidence
from opengradient.core.keys import MemorySigner
from opengradient.core.keyset import Keyset
from opengradient.core.node_evidence import NodeEvidence
from opengradient.core.report_data import report_data
from opengradient.errors import ConfigurationError, MalformedError
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.node import verify_node
from reference_nodes._kit.snp_table import host_collateral, read_table
from reference_nodes._kit.tsm import ConfigfsFiles, TsmEnclave
from tests.tsm_kernel import ForgedSnp, ForgedTdx, TsmKernel, table
from tests.unit._kit.node_parts import DOMAIN, START_MS, parts

KEYSET = Keyset(signing=MemorySigner(b"\x09" * 32).public_key)
NOW = 1_800_000_000_000
NONCE = b"n" * 32
HOUR = 60 * 60 * 1000


def enclave(kernel: TsmKernel) -> TsmEnclave:
    return TsmEnclave(kernel, pause=0)


def completed(machine: ForgedSnp | ForgedTdx, evidence: Evidence) -> Evidence:
    """With what the vendor signs beside it, whatever the host gave."""
    return replace(evidence, collateral=Collateral.of(machine.collateral()))


async def code_of(kernel: TsmKernel) -> str | None:
    with pytest.raises(ConfigurationError) as caught:
        await enclave(kernel).attest(keyset=KEYSET)
    assert kernel.requests == {}
    return caught.value.code


async def test_a_report_of_sev_snp_verifies() -> None:
    machine = ForgedSnp(NOW, host_gives=("vcek", "ask", "ark", "crl"))
    kernel = machine.kernel()
    made = enclave(kernel)
    assert made.kind == SNP
    evidence = await made.attest(keyset=KEYSET, nonce=NONCE, user_data=b"left out")
    assert evidence.runtime_data == KEYSET.encode()
    assert kernel.made == [report_data(KEYSET.digest(), NONCE)]
    assert kernel.requests == {}
    verified = verify_evidence(evidence, policy=machine.policy(), now_ms=NOW, nonce=NONCE)
    assert verified.keyset == KEYSET


async def test_a_report_by_a_vlek_verifies() -> None:
    machine = ForgedSnp(NOW, signer="vlek", host_gives=("vlek", "ask", "crl"))
    evidence = await enclave(machine.kernel()).attest(keyset=KEYSET)
    assert [name for name, _ in evidence.collateral.items] == ["asvk", "crl", "vlek"]
    assert verify_evidence(evidence, policy=machine.policy(), now_ms=NOW).keyset == KEYSET


async def test_a_quote_of_tdx_verifies_with_collateral() -> None:
    machine = ForgedTdx(NOW)
    made = enclave(machine.kernel())
    assert made.kind == TDX
    evidence = await made.attest(keyset=KEYSET, nonce=NONCE)
    assert not evidence.collateral
    verified = verify_evidence(
        completed(machine, evidence), policy=machine.policy(), now_ms=NOW, nonce=NONCE
    )
    assert verified.keyset == KEYSET


async def test_standing_evidence_has_zeros_where_a_nonce_would_be() -> None:
    kernel = ForgedSnp(NOW).kernel()
    evidence = await enclave(kernel).attest(keyset=KEYSET)
    assert kernel.made == [KEYSET.digest() + bytes(32)]
    assert evidence.collateral == Collateral()


@pytest.mark.parametrize("trouble", ["busy", "meddled"])
async def test_what_passes_is_waited_for(trouble: str) -> None:
    kernel = ForgedSnp(NOW).kernel()
    setattr(kernel, trouble, 5)
    evidence = await enclave(kernel).attest(keyset=KEYSET)
    assert evidence.document
    assert kernel.requests == {}


@pytest.mark.parametrize("trouble", ["busy", "meddled"])
async def test_what_does_not_pass_is_refused(trouble: str) -> None:
    kernel = ForgedSnp(NOW).kernel()
    setattr(kernel, trouble, 6)
    assert await code_of(kernel) == "enclave.refused"


async def test_a_kernel_with_nothing_to_sign_refuses() -> None:
    kernel = ForgedSnp(NOW).kernel()
    kernel.deaf = 1
    assert await code_of(kernel) == "enclave.refused"


async def test_a_write_that_was_not_taken_is_seen() -> None:
    """A kernel whose folder has an older inblob, and loses ours without a word."""

    class Stale(TsmKernel):
        def make(self, name: str) -> None:
            super().make(name)
            self.requests[name].inblob = bytes(64)

    kernel = Stale("sev_guest", ForgedSnp(NOW).sign, deaf=6)
    assert await code_of(kernel) == "enclave.refused"
    assert len(kernel.made) == 6


async def test_a_report_over_something_else_is_refused() -> None:
    machine = ForgedSnp(NOW)
    kernel = TsmKernel("sev_guest", lambda _: machine.sign(b"\x01" * 64))
    assert await code_of(kernel) == "enclave.refused"


@pytest.mark.parametrize("provider", ["sev_guest", "tdx_guest"])
async def test_what_is_no_report_is_refused(provider: str) -> None:
    assert await code_of(TsmKernel(provider, lambda _: (b"x" * 2000, b""))) == "enclave.refused"


async def test_a_request_that_cannot_be_removed_costs_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Sticky(TsmKernel):
        def remove(self, name: str) -> None:
            raise OSError(errno.EBUSY, "in use")

    kernel = Sticky("sev_guest", ForgedSnp(NOW).sign)
    assert (await enclave(kernel).attest(keyset=KEYSET)).document
    assert caplog.messages == ["a request stays in the kernel"] * len(kernel.requests)


async def test_one_report_at_a_time() -> None:
    machine = ForgedSnp(NOW)
    under_way: list[int] = []

    def sign(data: bytes) -> tuple[bytes, bytes]:
        under_way.append(len(kernel.requests))
        return machine.sign(data)

    kernel = TsmKernel("sev_guest", sign)
    made = enclave(kernel)
    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(partial(made.attest, keyset=KEYSET))
    assert under_way == [1] * 8


@pytest.mark.parametrize("provider", ["", "arm_cca_guest"])
async def test_no_provider_that_is_known(provider: str) -> None:
    assert await code_of(TsmKernel(provider, lambda _: (b"", b""))) == "enclave.unavailable"


async def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TsmEnclave(ConfigfsFiles(tmp_path / "absent"))
    assert caught.value.code == "enclave.unavailable"


async def test_a_folder_that_is_not_configfs(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TsmEnclave(ConfigfsFiles(tmp_path))
    assert caught.value.code == "enclave.unavailable"
    assert list(tmp_path.iterdir()) == []


async def test_without_keyset_nothing_is_asked() -> None:
    kernel = ForgedSnp(NOW).kernel()
    with pytest.raises(ConfigurationError):
        await enclave(kernel).attest()
    with pytest.raises(ConfigurationError):
        await enclave(kernel).attest(keyset=KEYSET, nonce=bytes(513))
    assert kernel.made == []


async def test_a_table_that_is_none_costs_the_certificates_only() -> None:
    machine = ForgedSnp(NOW)
    kernel = TsmKernel("sev_guest", lambda data: (machine.sign(data)[0], b"\x01" * 30))
    evidence = await enclave(kernel).attest(keyset=KEYSET)
    assert evidence == Evidence(kind=SNP, document=evidence.document, runtime_data=KEYSET.encode())


def test_the_files_of_a_folder(tmp_path: Path) -> None:
    files = ConfigfsFiles(tmp_path)
    files.make("one")
    with pytest.raises(FileNotFoundError):
        files.write("one", "inblob", b"x")
    (tmp_path / "one" / "inblob").touch()
    (tmp_path / "one" / "outblob").write_bytes(os.urandom(100_000))
    files.write("one", "inblob", b"\x07" * 64)
    assert (tmp_path / "one" / "inblob").read_bytes() == b"\x07" * 64
    assert files.read("one", "outblob") == (tmp_path / "one" / "outblob").read_bytes()
    (tmp_path / "one" / "outblob").write_bytes(bytes(256 * 1024))
    assert len(files.read("one", "outblob")) == 256 * 1024
    (tmp_path / "one" / "outblob").write_bytes(bytes(256 * 1024 + 1))
    with pytest.raises(OSError, match="too large") as caught:
        files.read("one", "outblob")
    assert caught.value.errno == errno.EFBIG
    with pytest.raises(FileExistsError):
        files.make("one")
    for path in (tmp_path / "one").iterdir():
        path.unlink()
    files.remove("one")
    assert list(tmp_path.iterdir()) == []


def test_a_host_s_table() -> None:
    given = table(vcek=b"leaf", vlek=b"other", ask=b"SEV-Genoa", ark=b"root", crl=b"list")
    assert dict(host_collateral(given, "vcek").items) == {
        "ask": b"SEV-Genoa",
        "crl": b"list",
        "vcek": b"leaf",
    }
    assert dict(host_collateral(given, "vlek").items) == {"crl": b"list", "vlek": b"other"}
    assert dict(host_collateral(table(ask=b"SEV-VLEK-Genoa"), "vlek").items) == {
        "asvk": b"SEV-VLEK-Genoa"
    }
    assert host_collateral(table(ask=b"SEV-VLEK-Genoa"), "vcek") == Collateral()
    for empty in (b"", bytes(10), bytes(4096), table()):
        assert host_collateral(empty, "vcek") == Collateral()


@pytest.mark.parametrize(
    "bad",
    [
        b"\x01",
        table(vcek=b"leaf")[:24],
        table(vcek=b"leaf")[:-1],
        table(vcek=b"leaf")[:24] * 2 + bytes(24) + b"leaf",
    ],
)
def test_what_is_no_table(bad: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        read_table(bad)
    assert caught.value.code == "enclave.certificates"


@pytest.mark.parametrize("machine", [ForgedSnp(START_MS), ForgedTdx(START_MS)])
async def test_a_node_stands_on_it(machine: ForgedSnp | ForgedTdx, tmp_path: Path) -> None:
    """From the kernel to `verify_node`, with keys that rotate."""
    async with parts(tmp_path, enclave=enclave(machine.kernel()), timeless_ms=HOUR) as node:
        for _ in range(2):
            standing = node.identity.standing
            tls = standing.keys.tls
            assert tls is not None
            shown = NodeEvidence(
                node_id=node.identity.node_id,
                standing=completed(machine, standing.evidence),
                fresh=completed(machine, await node.identity.fresh(NONCE)),
                tls_certificate=tls.certificate_pem,
                legacy_signing_key=None,
                domain=DOMAIN,
            )
            verified = verify_node(
                shown,
                nonce=NONCE,
                peer_certificate=tls.certificate_der,
                policy=machine.policy(),
                now_ms=START_MS,
            )
            assert verified.keyset == node.identity.keyset
            assert verified.standing.evidence_digest == standing.digest
            await node.identity.rotate()


async def test_evidence_without_time_is_replaced_by_the_clock(tmp_path: Path) -> None:
    kernel = ForgedSnp(START_MS).kernel()
    async with parts(tmp_path, enclave=enclave(kernel), timeless_ms=HOUR) as node:
        node.clock.now_ms += HOUR - 1
        assert not await node.identity.refresh_if_due()
        node.clock.now_ms += 1
        assert await node.identity.refresh_if_due()
        assert node.identity.standing.made_at_ms == node.clock.now_ms
        kernel.busy = 1000
        node.clock.now_ms += 3 * HOUR - 1
        with pytest.raises(ConfigurationError):
            await node.identity.refresh_if_due()
        assert node.identity.standing.evidence
        node.clock.now_ms += 1
        with pytest.raises(ConfigurationError) as caught:
            _ = node.identity.standing
        assert caught.value.code == "enclave.unavailable"
