"""The fetcher against the services' paths on a real socket: caches, ages, faults."""

import json
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from opengradient.core.claims import age_in_words
from opengradient.core.collateral import Collateral
from opengradient.core.evidence import NITRO, SNP, Evidence
from opengradient.core.snp_kds import kds_path
from opengradient.errors import (
    ConfigurationError,
    NotFoundError,
    OpenGradientError,
    TransportError,
    VerificationError,
)
from opengradient.transport import HttpTransport
from opengradient.transport.collateral import (
    CollateralServices,
    NoCollateral,
    VendorCollateral,
)
from tests.net.vendor_services import (
    Answer,
    VendorSimulator,
    certificate,
    crl,
    pem,
    vendor_services,
)
from tests.support import vectors

HOUR = 3600 * 1000
DAY = 24 * HOUR
NOW = 1_790_000_000_000


@dataclass
class Bench:
    """A simulator, a clock and a folder."""

    server: VendorSimulator
    folder: Path
    now: int = NOW
    evidence: Evidence = field(init=False)

    def source(self, **changes: Any) -> VendorCollateral:
        settings = {
            "transports": lambda pin: HttpTransport(pin=pin),
            "clock": lambda: self.now,
            "services": self.server.services,
            "folder": self.folder,
            "timeout": 5.0,
            **changes,
        }
        return VendorCollateral(**settings)


def document() -> bytes:
    return bytes.fromhex((vectors("snp") / "report_milan.hex").read_text().strip())


@pytest.fixture(autouse=True)
def warnings_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line, where it ran before, keeps warnings to itself."""
    vectors("snp")  # skips here: in the task group of a fixture that runs a skip is an error
    monkeypatch.setattr(logging.getLogger("opengradient"), "propagate", True)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with vendor_services() as server:
        made = Bench(server, tmp_path / "collateral")
        made.evidence = Evidence(kind=SNP, document=document())
        amd(server, NOW)
        yield made


def amd(server: VendorSimulator, issued: int) -> None:
    """AMD's service as of a time: lists are good for ten days."""
    vcek = certificate(issued - DAY, issued + 700 * DAY)
    chain = pem(certificate(issued, issued + 900 * DAY), certificate(issued, issued + 999 * DAY))
    server.answers |= {
        kds_path(document(), "Milan"): Answer(vcek),
        "/vcek/v1/Milan/cert_chain": Answer(chain),
        "/vcek/v1/Milan/crl": Answer(crl(issued, issued + 10 * DAY)),
    }


async def code_of(ask: Callable[[], Any]) -> str:
    with pytest.raises(OpenGradientError) as caught:
        await ask()
    assert isinstance(caught.value, TransportError | VerificationError)
    return caught.value.code


async def test_everything_that_a_report_needs(bench: Bench) -> None:
    completed = await bench.source().complete(bench.evidence)
    assert [name for name, _ in completed.collateral.items] == ["ask", "crl", "vcek"]
    assert completed.digest() == bench.evidence.digest()
    assert len(bench.server.asked) == 3


async def test_kinds_that_need_nothing(bench: Bench) -> None:
    nitro = Evidence(kind=NITRO, document=b"x")
    assert await bench.source().complete(nitro) is nitro
    assert await NoCollateral().complete(bench.evidence) is bench.evidence
    assert NoCollateral().entries(bench.evidence) == ()
    assert bench.server.asked == []


async def test_asked_once_and_shown_with_its_age(bench: Bench) -> None:
    source = bench.source()
    first = await source.complete(bench.evidence)
    bench.now += 3 * HOUR
    assert await source.complete(bench.evidence) == first
    assert len(bench.server.asked) == 3
    entries = source.entries(first)
    assert {entry.fetched_at_ms for entry in entries} == {NOW}
    assert {entry.age(bench.now) for entry in entries} == {"3 h ago"}
    assert len(entries) == 3
    assert source.entries(replace(first, collateral=Collateral.of({"crl": b"other"}))) == ()


async def test_the_disk_serves_the_next_process(bench: Bench) -> None:
    first = await bench.source().complete(bench.evidence)
    bench.server.mode = "down"
    bench.now += HOUR
    again = bench.source()
    assert await again.complete(bench.evidence) == first
    assert {entry.age(bench.now) for entry in again.entries(first)} == {"60 min ago"}
    assert len(bench.server.asked) == 3
    assert await code_of(lambda: bench.source(folder=None).complete(bench.evidence)) == (
        "collateral.unavailable"
    )


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "{",
        lambda text: text.replace("collateral/1", "collateral/2"),
        lambda text: text.replace('"key":"amd', '"key":"bmd'),
        lambda text: text.replace('"fetched_at":1', '"fetched_at":-1e3,"x":1'),
        lambda text: text.replace('"items":{', '"items":{"x":5,'),
        lambda text: text.replace('"items":{', '"items":{"x":"*",'),
        lambda text: json.dumps(json.loads(text) | {"items": []}),
        lambda text: json.dumps(json.loads(text) | {"items": {}}),
        lambda text: text + " " * 2_000_000,
    ],
)
async def test_a_damaged_disk_is_asked_around(
    bench: Bench, damage: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    first = await bench.source().complete(bench.evidence)
    for path in bench.folder.iterdir():
        path.write_text(damage(path.read_text()))
    assert await bench.source().complete(bench.evidence) == first
    assert len(bench.server.asked) == 6
    assert "is not used" in caplog.text


async def test_a_disk_that_cannot_be_written(bench: Bench, caplog: Any) -> None:
    bench.folder.write_text("a file where the folder should be")
    completed = await bench.source().complete(bench.evidence)
    assert completed.collateral
    assert "is not kept" in caplog.text


async def test_a_kept_file_from_the_future_is_as_old_as_now(bench: Bench) -> None:
    source = bench.source()
    await source.complete(bench.evidence)
    bench.now -= 2 * HOUR
    again = bench.source()
    completed = await again.complete(bench.evidence)
    assert {entry.fetched_at_ms for entry in again.entries(completed)} == {bench.now}


async def test_renewed_after_a_day_and_before_the_end(bench: Bench) -> None:
    source = bench.source()
    old = await source.complete(bench.evidence)
    bench.now += DAY - 1
    assert await source.complete(bench.evidence) == old
    amd(bench.server, NOW + DAY)
    bench.now += 1
    new = await source.complete(bench.evidence)
    assert new.collateral.get("crl") != old.collateral.get("crl")
    slow = bench.source(refresh_after_ms=1000 * DAY, folder=None)
    await slow.complete(bench.evidence)
    asked = len(bench.server.asked)
    bench.now += 10 * DAY * 3 // 4 - 1
    await slow.complete(bench.evidence)
    assert len(bench.server.asked) == asked
    amd(bench.server, NOW + 8 * DAY)
    bench.now += 1
    await slow.complete(bench.evidence)
    assert bench.server.asked[asked:] == ["/vcek/v1/Milan/crl"]


@pytest.mark.parametrize("mode", ["down", "garbage", "large", "slow"])
async def test_what_is_kept_serves_while_it_is_valid(bench: Bench, mode: str, caplog: Any) -> None:
    source = bench.source(timeout=0.2 if mode == "slow" else 5.0)
    if mode == "slow":  # only what is asked again may be slow
        source = bench.source(timeout=2.0)
    old = await source.complete(bench.evidence)
    bench.server.mode = mode
    source._timeout = 0.2 if mode == "slow" else 5.0
    bench.now += 2 * DAY
    assert await source.complete(bench.evidence) == old
    assert "is not renewed" in caplog.text
    asked = len(bench.server.asked)
    assert await source.complete(bench.evidence) == old
    assert len(bench.server.asked) == asked  # and the service is left in peace for a while
    bench.now += 60_001
    await source.complete(bench.evidence)
    assert len(bench.server.asked) > asked
    bench.now = NOW + 10 * DAY
    codes = {"down": "unavailable", "garbage": "malformed", "large": "too_large"}
    assert await code_of(lambda: source.complete(bench.evidence)) == (
        f"collateral.{codes.get(mode, 'unavailable')}"
    )


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("down", "collateral.unavailable"),
        ("slow", "collateral.unavailable"),
        ("garbage", "collateral.malformed"),
        ("large", "collateral.too_large"),
    ],
)
async def test_faults_with_nothing_kept(bench: Bench, mode: str, code: str) -> None:
    bench.server.mode = mode
    source = bench.source(timeout=0.2 if mode == "slow" else 5.0)
    assert await code_of(lambda: source.complete(bench.evidence)) == code
    assert not bench.folder.exists()


async def test_then_what_came_with_the_evidence_is_judged(bench: Bench, caplog: Any) -> None:
    with_items = replace(bench.evidence, collateral=Collateral.of({"vcek": b"theirs"}))
    bench.server.mode = "down"
    assert await bench.source().complete(with_items) is with_items
    assert "that came with it" in caplog.text


async def test_what_is_fetched_replaces_what_came(bench: Bench) -> None:
    with_items = replace(bench.evidence, collateral=Collateral.of({"crl": b"theirs"}))
    completed = await bench.source().complete(with_items)
    assert completed.collateral.get("crl") == bench.server.answers["/vcek/v1/Milan/crl"].body


async def test_out_of_date_by_this_clock(bench: Bench) -> None:
    bench.now = NOW + 11 * DAY
    assert await code_of(lambda: bench.source().complete(bench.evidence)) == "collateral.expired"


async def test_a_mirror_does_not_turn_time_back(bench: Bench, caplog: Any) -> None:
    source = bench.source()
    old = await source.complete(bench.evidence)
    bench.now += DAY
    amd(bench.server, NOW - 5 * DAY)
    assert await source.complete(bench.evidence) == old
    assert "older collateral" in caplog.text


async def test_another_status(bench: Bench) -> None:
    bench.server.answers["/vcek/v1/Milan/crl"] = Answer(b"", 503)
    assert await code_of(lambda: bench.source().complete(bench.evidence)) == (
        "collateral.unavailable"
    )


async def test_a_chip_that_amd_does_not_know(bench: Bench) -> None:
    del bench.server.answers[kds_path(document(), "Milan")]
    with pytest.raises(NotFoundError) as caught:
        await bench.source().complete(bench.evidence)
    assert caught.value.code == "collateral.unknown_platform"
    # A report of version 2 does not say its product line: both are asked for.
    assert [path.split("/")[3] for path in bench.server.asked] == ["Milan", "Genoa"]


async def test_the_second_candidate(bench: Bench) -> None:
    bench.server.answers = {
        path.replace("Milan", "Genoa"): answer for path, answer in bench.server.answers.items()
    }
    completed = await bench.source().complete(bench.evidence)
    assert completed.collateral.get("vcek")


async def test_a_vlek_comes_with_the_evidence(bench: Bench) -> None:
    bench.server.answers |= {
        path.replace("vcek", "vlek"): answer for path, answer in bench.server.answers.items()
    }
    vlek = Collateral.of({"vlek": b"...SEV-VLEK-Milan..."})
    completed = await bench.source().complete(replace(bench.evidence, collateral=vlek))
    assert [name for name, _ in completed.collateral.items] == ["asvk", "crl", "vlek"]
    other = Collateral.of({"vlek": b"...SEV-VLEK-Naples..."})
    assert (
        await code_of(lambda: bench.source().complete(replace(bench.evidence, collateral=other)))
        == "snp.kds"
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/vcek/v1/Milan/cert_chain", b""),
        ("/vcek/v1/Milan/cert_chain", pem(certificate(NOW, NOW + DAY))),
        ("/vcek/v1/Milan/cert_chain", pem(*[certificate(NOW, NOW + DAY)] * 2) + b"x"),
        ("/vcek/v1/Milan/crl", b""),
        ("/vcek/v1/Milan/crl", b"abc"),
        ("/vcek/v1/Milan/crl", b"abcd"),
        ("VCEK", b""),
        ("VCEK", b"\x30\x82\x00\x00"),
    ],
)
async def test_answers_that_are_none(bench: Bench, path: str, body: bytes) -> None:
    bench.server.answers[kds_path(document(), "Milan") if path == "VCEK" else path] = Answer(body)
    assert await code_of(lambda: bench.source().complete(bench.evidence)) == "collateral.malformed"


async def test_one_request_for_all_who_wait(bench: Bench) -> None:
    source = bench.source()
    bench.server.gate = anyio.Event()
    results = []

    async def ask() -> None:
        results.append(await source.complete(bench.evidence))

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(ask)
        while not bench.server.asked:
            await anyio.lowlevel.checkpoint()
        bench.server.gate.set()
    assert len(results) == 20
    assert len(bench.server.asked) == 3
    assert source._under_way == {}


async def test_whoever_gives_up_does_not_take_the_others_along(bench: Bench) -> None:
    source = bench.source()
    bench.server.gate = anyio.Event()
    results = []

    async def ask() -> None:
        results.append(await source.complete(bench.evidence))

    async with anyio.create_task_group() as group:
        first = anyio.CancelScope()

        async def impatient() -> None:
            with first:
                await source.complete(bench.evidence)

        group.start_soon(impatient)
        while not bench.server.asked:
            await anyio.lowlevel.checkpoint()
        group.start_soon(ask)
        await anyio.lowlevel.checkpoint()
        first.cancel()
        bench.server.gate.set()
    assert len(results) == 1


@pytest.mark.parametrize("url", ["ftp://x", "file:///etc", "", "https://x?a=1", "https://x#a"])
def test_services_are_urls_of_http(url: str) -> None:
    with pytest.raises(ConfigurationError):
        CollateralServices(amd_kds=url)


@pytest.mark.parametrize(
    ("age", "words"),
    [(-5, "0 min ago"), (59_999, "0 min ago"), (2 * HOUR - 1, "119 min ago"),
     (2 * HOUR, "2 h ago"), (48 * HOUR - 1, "47 h ago"), (48 * HOUR, "2 days ago")],
)  # fmt: skip
def test_ages_in_words(age: int, words: str) -> None:
    assert age_in_words(age) == words


def test_the_vendors_themselves_are_the_default() -> None:
    services = CollateralServices()
    assert services.intel_pcs == "https://api.trustedservices.intel.com"
    assert services.amd_kds == "https://kdsintf.amd.com"
