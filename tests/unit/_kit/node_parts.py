"""A node's parts without its sockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opengradient.core.modes import ChannelKind, ReceiptKind, SettlementMode
from opengradient.core.receipts import ReceiptDomain
from reference_nodes._kit import answers, outbox
from reference_nodes._kit.answers import AnswerStore
from reference_nodes._kit.app import PLAIN, Channel
from reference_nodes._kit.enclave import Enclave, SoftwareEnclave
from reference_nodes._kit.identity import NodeIdentity
from reference_nodes._kit.issuer import Exchange, Issuer
from reference_nodes._kit.journal import Journal
from reference_nodes._kit.outbox import Outbox
from reference_nodes._kit.software_root import SoftwareRoot

DOMAIN = ReceiptDomain(chain_id=31337, settlement_contract=b"\x11" * 20)
START_MS = 1_800_000_000_000


class ManualClock:
    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Parts:
    journal: Journal
    outbox: Outbox
    store: AnswerStore
    identity: NodeIdentity
    issuer: Issuer
    clock: ManualClock
    enclave: Enclave

    def channel(self) -> Channel:
        """What a client that connects now comes over."""
        tls = self.identity.tls
        return PLAIN if tls is None else (ChannelKind.TLS, tls.spki_sha256)

    def exchange(self, **changes: Any) -> Exchange:
        known: dict[str, Any] = {
            "kind": ReceiptKind.CHAT,
            "status": 200,
            "settlement_mode": SettlementMode.BATCH_HASHED,
            "client_nonce": b"\x05" * 32,
            "arrival": self.identity.arrival(self.channel()),
            "request": {"path": "/v1/chat/completions", "body": b"{}"},
            "upstream": {},
            "response": {"id": "x"},
            "model": {"requested": "m", "served": None},
            "usage": None,
            "started_at": self.clock(),
            "first_token_at": 0,
        }
        return Exchange(**{**known, **changes})


@asynccontextmanager
async def parts(
    folder: Path, *, enclave: Enclave | None = None, **identity: Any
) -> AsyncIterator[Parts]:
    clock = ManualClock()
    root = SoftwareRoot.create("test", now_ms=clock())
    pcrs = {index: bytes(48) for index in range(16)}
    enclave = enclave or SoftwareEnclave(root, {**pcrs, 0: b"\x01" * 48}, clock_ms=clock)
    async with Journal(folder / "j", ((*outbox.SCHEMA, *answers.SCHEMA),)) as journal:
        queue, store = Outbox(journal), AnswerStore(journal)
        made = await NodeIdentity.create(
            enclave=enclave, outbox=queue, clock=clock, **{"with_legacy": False, **identity}
        )
        issuer = Issuer(
            identity=made, domain=DOMAIN, journal=journal, queue=queue, store=store, clock=clock
        )
        yield Parts(journal, queue, store, made, issuer, clock, enclave)
