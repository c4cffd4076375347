"""Intel's service as the fetcher asks it, up to the verdict on genuine quotes, and offline again."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opengradient.cli.times import parse_time
from opengradient.core.evidence import SGX, TDX, Evidence
from opengradient.errors import TransportError, VerificationError
from opengradient.transport import HttpTransport
from opengradient.transport.collateral import VendorCollateral
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.policy import TrustPolicy, UnsafeAnyMeasurement
from opengradient.verify.trust import intel_sgx_root
from opengradient.wire.settlement import decode_evidence, encode_evidence
from tests.net.vendor_services import Answer, VendorSimulator, escaped, vendor_services
from tests.support import vectors

AT = parse_time("2025-06-20T12:00:00Z")
DAY = 24 * 3600 * 1000
QUOTES = [("tdx", TDX, "b0c06f000000", "platform"), ("sgx", SGX, "00a067110000", "processor")]


def intel(server: VendorSimulator, tee: str, fmspc: str, ca: str) -> dict[str, str]:
    """Intel's service with the genuine collateral of a quote, in the service's own form."""
    raw = json.loads((vectors("tdx") / f"{tee}_quote_collateral.json").read_text())
    base = f"/{tee}/certification/v4"

    def signed(member: str, name: str, header: str) -> Answer:
        body = f'{{"{member}":{raw[name]},"signature":"{raw[name + "_signature"]}"}}'
        return Answer(
            body.encode(), headers={header: escaped(raw[name + "_issuer_chain"].encode())}
        )

    chain = escaped(raw["pck_crl_issuer_chain"].encode())
    server.answers |= {
        f"{base}/tcb?fmspc={fmspc}": signed("tcbInfo", "tcb_info", "TCB-Info-Issuer-Chain"),
        f"{base}/qe/identity": signed(
            "enclaveIdentity", "qe_identity", "SGX-Enclave-Identity-Issuer-Chain"
        ),
        f"/sgx/certification/v4/pckcrl?ca={ca}&encoding=der": Answer(
            bytes.fromhex(raw["pck_crl"]), headers={"SGX-PCK-CRL-Issuer-Chain": chain}
        ),
        "/IntelSGXRootCA.der": Answer(bytes.fromhex(raw["root_ca_crl"])),
    }
    return raw


@pytest.fixture
async def server() -> AsyncIterator[VendorSimulator]:
    async with vendor_services() as running:
        yield running


def source(server: VendorSimulator, now: int = AT, folder: Path | None = None) -> VendorCollateral:
    return VendorCollateral(
        transports=lambda pin: HttpTransport(pin=pin),
        clock=lambda: now,
        services=server.services,
        folder=folder,
    )


def quote(tee: str, kind: str) -> Evidence:
    return Evidence(kind=kind, document=(vectors("tdx") / f"{tee}_quote").read_bytes())


def policy(kind: str) -> TrustPolicy:
    return TrustPolicy(roots=(intel_sgx_root(kind),), measurements=UnsafeAnyMeasurement())


@pytest.mark.parametrize(("tee", "kind", "fmspc", "ca"), QUOTES)
async def test_everything_that_a_quote_needs(
    server: VendorSimulator, tmp_path: Path, tee: str, kind: str, fmspc: str, ca: str
) -> None:
    raw = intel(server, tee, fmspc, ca)
    completed = await source(server, folder=tmp_path).complete(quote(tee, kind))
    items = dict(completed.collateral.items)
    assert items.pop("tcb_info_signature").hex() == raw["tcb_info_signature"]
    assert items.pop("qe_identity_signature").hex() == raw["qe_identity_signature"]
    for name in ("pck_crl", "root_ca_crl"):
        assert items.pop(name).hex() == raw[name]
    assert items == {name: raw[name].encode() for name in items}
    assert len(items) == 5
    server.mode = "down"
    assert await source(server, folder=tmp_path).complete(quote(tee, kind)) == completed


async def test_fetched_then_judged_then_offline(server: VendorSimulator) -> None:
    intel(server, *QUOTES[0][:1], *QUOTES[0][2:])
    with pytest.raises(VerificationError) as caught:
        verify_evidence(quote("tdx", TDX), policy=policy(TDX), now_ms=AT)
    assert caught.value.code == "collateral.missing"
    completed = await source(server).complete(quote("tdx", TDX))
    checked = verify_evidence(completed, policy=policy(TDX), now_ms=AT)
    assert checked.kind == TDX
    # What a receipt file keeps is enough, with no service in sight.
    again = decode_evidence(json.loads(json.dumps(encode_evidence(completed))))
    assert verify_evidence(again, policy=policy(TDX), now_ms=AT) == checked


async def test_hex_as_a_pccs_serves_it(server: VendorSimulator) -> None:
    raw = intel(server, "tdx", "b0c06f000000", "platform")
    server.answers["/IntelSGXRootCA.der"] = Answer(raw["root_ca_crl"].encode())
    completed = await source(server).complete(quote("tdx", TDX))
    assert completed.collateral.require("root_ca_crl").hex() == raw["root_ca_crl"]


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("tcb?", {"headers": {}}),
        ("tcb?", {"headers": {"TCB-Info-Issuer-Chain": "none"}}),
        ("tcb?", {"body": b'{"tcbInfo":{},"signature":"00"}'}),
        ("tcb?", {"body": b'{"tcbInfo":{},"signature":"' + b"00" * 64 + b'"}'}),
        ("tcb?", {"body": b'{"tcbInfo":{"nextUpdate":5},"signature":"' + b"00" * 64 + b'"}'}),
        ("tcb?", {"body": b'{"signature":"' + b"00" * 64 + b'","tcbInfo":{}}'}),
        ("tcb?", {"body": b'{"tcbInfo":' + b"[" * 100_000}),
        ("qe/identity", {"body": b""}),
        ("pckcrl", {"headers": {}}),
        ("pckcrl", {"body": b"\x30\x00"}),
        ("RootCA", {"body": b"abc"}),
    ],
)
async def test_answers_that_are_none(
    server: VendorSimulator, path: str, change: dict[str, Any]
) -> None:
    intel(server, "tdx", "b0c06f000000", "platform")
    (name,) = [name for name in server.answers if path in name]
    server.answers[name] = replace(server.answers[name], **change)
    with pytest.raises(TransportError) as caught:
        await source(server).complete(quote("tdx", TDX))
    assert caught.value.code == "collateral.malformed"


async def test_out_of_date(server: VendorSimulator) -> None:
    intel(server, "tdx", "b0c06f000000", "platform")
    with pytest.raises(TransportError) as caught:
        await source(server, now=AT + 60 * DAY).complete(quote("tdx", TDX))
    assert caught.value.code == "collateral.expired"


async def test_what_is_no_quote_asks_nobody(server: VendorSimulator) -> None:
    with pytest.raises(VerificationError):
        await source(server).complete(Evidence(kind=TDX, document=b"x" * 700))
    assert server.asked == []
