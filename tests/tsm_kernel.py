"""A guest's configfs-tsm as the kernel's documentation and source say it behaves, and two forged
platforms below it: what signs is ours, the formats are the vendors'."""

import errno
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from opengradient.core.evidence import SNP, TDX
from opengradient.core.snp_kds import kds_path
from opengradient.verify.platforms.snp import SnpPolicy
from opengradient.verify.policy import TrustPolicy, UnsafeAnyMeasurement
from opengradient.verify.trust import TrustedRoot
from tests.net.vendor_services import Answer, escaped, pem
from tests.vectors.evidence import intel_forge, snp_forge

DAY = 24 * 3600 * 1000
MINUTE = 60 * 1000
GUIDS = {
    "vcek": "63da758d-e664-4564-adc5-f4b93be8accd",
    "vlek": "a8074bc2-a25a-483e-aae6-39c045a0b8a1",
    "ask": "4ab7b379-bbac-4fe4-a02f-05aef327c782",
    "ark": "c0b406a4-a803-4952-9743-3fb6014cd0ae",
    "crl": "92f81bc3-5811-4d3d-97ff-d19f88dc67ea",
}


def table(**items: bytes) -> bytes:
    """A host's certificate table."""
    head, data = b"", b""
    start = 24 * (len(items) + 1)
    for name, item in items.items():
        place = (start + len(data)).to_bytes(4, "little") + len(item).to_bytes(4, "little")
        head, data = head + uuid.UUID(GUIDS[name]).bytes + place, data + item
    return head + bytes(24) + data


@dataclass
class Request:
    """One folder below ``report``."""

    inblob: bytes = b""
    written: int = 0
    made_at: int = 0
    outblob: bytes = b""
    auxblob: bytes = b""


@dataclass
class TsmKernel:
    """`TsmFiles`, by drivers/virt/coco/tsm.c.

    Attributes:
        provider: Name of the kernel's provider; empty where no driver is loaded.
        sign: REPORT_DATA to the report and the host's table.
        with_auxblob: Whether the file is there at all (the TDX driver has none).
        busy: So many reports are refused with EBUSY first.
        deaf: So many writes are lost: their error does not reach the writer.
        meddled: So many requests are written to by somebody else while they are read.
        requests: Folders that are there.
        made: REPORT_DATA of every report that was signed.
    """

    provider: str
    sign: Callable[[bytes], tuple[bytes, bytes]]
    with_auxblob: bool = True
    busy: int = 0
    deaf: int = 0
    meddled: int = 0
    requests: dict[str, Request] = field(default_factory=dict)
    made: list[bytes] = field(default_factory=list)

    def make(self, name: str) -> None:
        if not self.provider:
            raise OSError(errno.ENXIO, "no provider")
        assert name not in self.requests
        self.requests[name] = Request()

    def remove(self, name: str) -> None:
        del self.requests[name]

    def write(self, name: str, item: str, data: bytes) -> None:
        request = self.requests[name]
        if item != "inblob":
            raise PermissionError(errno.EACCES, item)
        if len(data) > 64:
            raise OSError(errno.EFBIG, item)
        if self.deaf:
            self.deaf -= 1
            return
        request.inblob = data
        request.written += 1

    def read(self, name: str, item: str) -> bytes:
        request = self.requests[name]
        if item == "generation":
            return f"{request.written}\n".encode()
        if item == "provider":
            return f"{self.provider}\n".encode()
        if item == "auxblob" and not self.with_auxblob:
            raise FileNotFoundError(errno.ENOENT, item)
        self._renew(request)
        if item == "auxblob":
            return request.auxblob
        found = request.outblob
        if self.meddled:
            self.meddled -= 1
            request.inblob, request.written = bytes(64), request.written + 1
        return found

    def _renew(self, request: Request) -> None:
        if not request.inblob:
            raise OSError(errno.EINVAL, "nothing to sign")
        if request.outblob and request.made_at == request.written:
            return
        if self.busy:
            self.busy -= 1
            raise OSError(errno.EBUSY, "a quote is under way")
        self.made.append(request.inblob)
        request.outblob, request.auxblob = self.sign(request.inblob)
        request.made_at = request.written


LINE = snp_forge.LINES["Genoa"]


@cache
def _snp_parts(now: int) -> dict[str, bytes]:
    def around(spec: Any) -> bytes:
        return replace(spec, start=now - 10 * DAY, end=now + 10 * DAY).build()

    return {
        "ark": around(snp_forge.ark_spec(LINE)),
        "ask": around(snp_forge.issuer_spec(LINE, "vcek")),
        "asvk": around(snp_forge.issuer_spec(LINE, "vlek")),
        "vcek": around(snp_forge.leaf_spec(LINE, "vcek")),
        "vlek": around(snp_forge.leaf_spec(LINE, "vlek")),
        "crl": around(snp_forge.list_spec(LINE)),
    }


@dataclass
class ForgedSnp:
    """A Genoa machine under an ARK of our own, and its vendor's service; `now` in milliseconds.

    Attributes:
        signer: ``"vcek"`` or ``"vlek"``.
        host_gives: Names of the certificates in the host's table.
    """

    now: int
    signer: str = "vcek"
    host_gives: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, bytes]:
        return _snp_parts(self.now)

    def sign(self, report_data: bytes) -> tuple[bytes, bytes]:
        body = bytes(snp_forge.report_body(LINE, 3, self.signer, report_data))
        document = snp_forge.sign_report(body, snp_forge.p384(f"{self.signer} {LINE.product}"))
        names = {"ask": "asvk"} if self.signer == "vlek" else {}
        given = {name: self.parts[names.get(name, name)] for name in self.host_gives}
        return document, table(**given) if given else b""

    def collateral(self) -> dict[str, bytes]:
        names = ("vcek", "ask", "crl") if self.signer == "vcek" else ("vlek", "asvk", "crl")
        return {name: self.parts[name] for name in names}

    def kernel(self) -> TsmKernel:
        return TsmKernel("sev_guest", self.sign)

    def policy(self) -> TrustPolicy:
        root = TrustedRoot(kind=SNP, name="our own ARK", certificate=self.parts["ark"])
        return TrustPolicy(
            roots=(root,),
            measurements=UnsafeAnyMeasurement(),
            platforms=(SnpPolicy(signers=frozenset({self.signer})),),
        )

    def answers(self) -> dict[str, Answer]:
        document, _ = self.sign(bytes(64))
        return {
            kds_path(document, LINE.product): Answer(self.parts["vcek"]),
            "/vcek/v1/Genoa/cert_chain": Answer(pem(self.parts["ask"], self.parts["ark"])),
            "/vcek/v1/Genoa/crl": Answer(self.parts["crl"]),
        }


@dataclass
class ForgedTdx:
    """A TDX machine under a root of our own, and its vendor's service; `now` in milliseconds.

    Attributes:
        issued_ms: When what is signed beside quotes was issued; an hour before `now` if None.
    """

    now: int
    issued_ms: int | None = None

    def case(self, report_data: bytes = bytes(64)) -> intel_forge.Case:
        window = {"start_ms": self.now - 10 * DAY, "end_ms": self.now + 10 * DAY}
        issued = self.now - 60 * MINUTE if self.issued_ms is None else self.issued_ms
        dates = {
            "issueDate": intel_forge.iso(issued),
            "nextUpdate": intel_forge.iso(issued + 20 * DAY),
        }
        return intel_forge.Case(
            report={"report_data": report_data},
            certificates=dict.fromkeys(intel_forge.SPECS, window),
            lists={
                name: {"start_ms": issued, "end_ms": issued + 20 * DAY} for name in intel_forge.CRLS
            },
            tcb=lambda raw: raw.update(dates),
            identity=lambda raw: raw.update(dates),
        )

    def sign(self, report_data: bytes) -> tuple[bytes, bytes]:
        return self.case(report_data).quote(), b""

    def collateral(self) -> dict[str, bytes]:
        return self.case().collateral()

    def kernel(self) -> TsmKernel:
        return TsmKernel("tdx_guest", self.sign, with_auxblob=False)

    def policy(self) -> TrustPolicy:
        root = TrustedRoot(kind=TDX, name="our own Intel", certificate=self.case().cert("root"))
        return TrustPolicy(roots=(root,), measurements=UnsafeAnyMeasurement())

    def answers(self) -> dict[str, Answer]:
        items = self.collateral()
        fmspc = intel_forge.FMSPC.hex()

        def signed(member: str, name: str, header: str) -> Answer:
            body = b'{"%s":%s,"signature":"%s"}' % (
                member.encode(),
                items[name],
                items[f"{name}_signature"].hex().encode(),
            )
            return Answer(body, headers={header: escaped(items[f"{name}_issuer_chain"])})

        return {
            f"/tdx/certification/v4/tcb?fmspc={fmspc}": signed(
                "tcbInfo", "tcb_info", "tcb-info-issuer-chain"
            ),
            "/tdx/certification/v4/qe/identity": signed(
                "enclaveIdentity", "qe_identity", "sgx-enclave-identity-issuer-chain"
            ),
            "/sgx/certification/v4/pckcrl?ca=platform&encoding=der": Answer(
                items["pck_crl"],
                headers={"sgx-pck-crl-issuer-chain": escaped(items["pck_crl_issuer_chain"])},
            ),
            "/IntelSGXRootCA.der": Answer(items["root_ca_crl"]),
            "/sgx/certification/v4/rootcacrl": Answer(items["root_ca_crl"].hex().encode()),
        }
