"""Intel's PCS and AMD's KDS as a simulator on a real socket: their paths, headers and encodings."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

import anyio
from anyio.abc import ByteStream
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from opengradient.transport.collateral import CollateralServices
from tests.net.server import raw_server


def moment(milliseconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)


KEY = ec.derive_private_key(1, ec.SECP256R1())
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a vendor")])


def crl(issued_ms: int, next_ms: int | None) -> bytes:
    """A revocation list in DER."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(NAME)
    builder = builder.last_update(moment(issued_ms))
    builder = builder.next_update(moment(next_ms if next_ms is not None else issued_ms + 1000))
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def certificate(from_ms: int, until_ms: int) -> bytes:
    """A certificate in DER."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(moment(from_ms))
        .not_valid_after(moment(until_ms))
    )
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def pem(*ders: bytes) -> bytes:
    """A chain as AMD serves it."""
    return b"".join(x509.load_der_x509_certificate(d).public_bytes(Encoding.PEM) for d in ders)


def escaped(chain: bytes) -> str:
    """A chain as Intel puts it into a header."""
    return quote(chain.decode(), safe="")


@dataclass
class Answer:
    """What stands at a path."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class VendorSimulator:
    """Both services on one port.

    Attributes:
        answers: Path with query to what stands there.
        mode: "up", "down" (hangs up), "slow" (never answers), "garbage", "large".
        asked: Every path that was asked for.
        gate: Where set, answers wait for it.
    """

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    mode: str = "up"
    asked: list[str] = field(default_factory=list)
    gate: anyio.Event | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def services(self) -> CollateralServices:
        return CollateralServices(
            intel_pcs=self.url, intel_root_crl=self.url + "/IntelSGXRootCA.der", amd_kds=self.url
        )

    async def handle(self, stream: ByteStream, request: bytes) -> None:
        path = request.split(b" ")[1].decode()
        self.asked.append(path)
        if self.gate is not None:
            await self.gate.wait()
        if self.mode == "down":
            return
        if self.mode == "slow":
            await anyio.sleep_forever()
        answer = self.answers.get(path, Answer(b"not found", 404))
        if self.mode == "garbage":
            answer = Answer(b"<html>sign in to the hotel's network</html>")
        if self.mode == "large":
            answer = Answer(b"x" * 200_000)
        lines = [f"HTTP/1.1 {answer.status} X", f"content-length: {len(answer.body)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        head = "\r\n".join([*lines, "connection: close", "", ""])
        await stream.send(head.encode() + answer.body)


@asynccontextmanager
async def vendor_services() -> AsyncIterator[VendorSimulator]:
    """Run it."""
    simulator = VendorSimulator()
    async with raw_server(simulator.handle) as server:
        simulator.port = server.port
        yield simulator
