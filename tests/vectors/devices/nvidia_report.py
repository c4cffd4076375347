"""Vectors of GPUs' own reports, under a root and certificates of our own."""

import base64
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from opengradient.core.digests import sha256, sha384
from opengradient.core.evidence import NVIDIA
from opengradient.verify.platforms.nvidia import NvidiaPolicy
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.trust import TrustedRoot
from tests.vectors.evidence.book import Book
from tests.vectors.evidence.token_forge import KEYSET, NOW_MS, NOW_S, OTHER_KEYSET, compact

P384_ORDER = int("f" * 48 + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16)
FILE = Path(__file__).with_name("nvidia_report.json")
ASKED = KEYSET.digest()
MODEL, DRIVER, VBIOS = "GH100 A01 GSP BROM", "550.90.07", "96.00.9F.00.01"
FIRMWARE_ID = sha384(b"opengradient test vector firmware")
BLOCKS = {index: sha384(b"measurement %d" % index) for index in range(1, 5)}
OPAQUE = {
    3: DRIVER.encode() + b"\0",
    6: bytes.fromhex("009f009601000000"),
    11: b"\x55",
    20: FIRMWARE_ID,
}
START, END = NOW_S - 86400, NOW_S + 86400
NAMES = (
    "Test Device Identity CA",
    "Test GH100 Identity",
    "Test Provisioner ICA 1",
    MODEL,
    "GH100 FMC LF",
)


def key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(sha256(name.encode())), ec.SECP384R1())


def tcb_info(firmware_id: bytes = FIRMWARE_ID) -> bytes:
    inner = bytes.fromhex("06096086480165030402020430") + firmware_id
    inner = b"\x30" + bytes([len(inner)]) + inner
    return b"\x30" + bytes([len(inner) + 3]) + b"\x02\x01\x01" + inner


def usage(*, sign: bool, issue: bool) -> x509.KeyUsage:
    others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    return x509.KeyUsage(
        digital_signature=sign,
        key_cert_sign=issue,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
        **dict.fromkeys(others, False),
    )


@cache
def certificate(level: int, **change: Any) -> bytes:
    """DER of one of five: the root is 0, the GPU's own is 4. Changes break one thing."""
    leaf = level == 4
    issuer, subject = NAMES[max(level - 1, 0)], NAMES[level]
    if "model" in change and leaf:
        issuer = change["model"]
    if "model" in change and level == 3:
        subject = change["model"]
    moment = datetime.fromtimestamp
    common = NameOID.COMMON_NAME if not change.get("nameless") else NameOID.ORGANIZATION_NAME
    issuer_type = common if leaf else NameOID.COMMON_NAME
    subject_type = common if level == 3 else NameOID.COMMON_NAME
    builder = (
        x509.CertificateBuilder()
        .issuer_name(x509.Name([x509.NameAttribute(issuer_type, change.get("issuer", issuer))]))
        .subject_name(x509.Name([x509.NameAttribute(subject_type, subject)]))
        .public_key(key(change.get("key", NAMES[level])).public_key())
        .serial_number(change.get("serial", 1000 + level))
        .not_valid_before(moment(change.get("start", START), UTC))
        .not_valid_after(moment(change.get("end", END), UTC))
    )
    ca = change.get("ca", not leaf)
    if not leaf or "ca" in change:
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    issue = change.get("issue", not leaf)
    builder = builder.add_extension(
        usage(sign=change.get("sign", leaf), issue=issue), critical=True
    )
    if leaf and change.get("info", True):
        oid = x509.ObjectIdentifier(change.get("oid", "2.23.133.5.4.1"))
        value = tcb_info(change.get("firmware_id", FIRMWARE_ID))
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
    signer = key(change.get("signer", NAMES[max(level - 1, 0)]))
    return builder.sign(signer, SHA384(), ecdsa_deterministic=True).public_bytes(Encoding.DER)


def chain(**changes: dict[str, Any]) -> bytes:
    """PEM, the GPU's first; `l3={...}` changes the certificate of level 3."""
    ders = [certificate(level, **changes.get(f"l{level}", {})) for level in range(4, -1, -1)]
    return b"".join(map(pem, ders))


def pem(der: bytes) -> bytes:
    text = base64.b64encode(der)
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    body = b"\n".join(lines)
    return b"-----BEGIN CERTIFICATE-----\n" + body + b"\n-----END CERTIFICATE-----\n"


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


def block(index: int, value: bytes, *, specification: int = 1, tail: bytes = b"") -> bytes:
    measurement = b"\x01" + number(len(value), 2) + value + tail
    return bytes([index, specification]) + number(len(measurement), 2) + measurement


def signed(
    *,
    request: bytes = bytes.fromhex("11e001ff"),
    nonce: bytes = ASKED,
    slot: int = 0,
    response: bytes = bytes.fromhex("11600000"),
    count: int | None = None,
    record: bytes | None = None,
    opaque: Any = None,
) -> bytes:
    """Everything before the signature."""
    record = b"".join(block(i, v) for i, v in BLOCKS.items()) if record is None else record
    fields = OPAQUE if opaque is None else opaque
    if isinstance(fields, dict):
        fields = b"".join(number(k, 2) + number(len(v), 2) + v for k, v in fields.items())
    return (
        request
        + nonce
        + bytes([slot])
        + response
        + bytes([len(BLOCKS) if count is None else count])
        + number(len(record), 3)
        + record
        + sha256(b"nonce of the GPU")
        + number(len(fields), 2)
        + fields
    )


def sign(data: bytes, name: str = NAMES[4]) -> bytes:
    der = key(name).sign(data, ec.ECDSA(SHA384(), deterministic_signing=True))
    r, s = decode_dss_signature(der)
    return r.to_bytes(48) + s.to_bytes(48)


def report(signer: Any = sign, **changes: Any) -> bytes:
    data = signed(**changes)
    return data + signer(data)


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def document(*items: tuple[bytes, bytes], **members: Any) -> bytes:
    listed = [{"certificate": text(c), "evidence": text(e)} for c, e in items]
    return compact({"arch": "HOPPER", "nonce": ASKED.hex(), "evidence_list": listed, **members})


def one(certificates: bytes | None = None, evidence: bytes | None = None) -> bytes:
    return document(
        (
            chain() if certificates is None else certificates,
            report() if evidence is None else evidence,
        )
    )


def _many(count: int) -> list[tuple[bytes, bytes]]:
    return [(chain(l4={"serial": 2000 + place}), report()) for place in range(count)]


SECOND = {"l4": {"serial": 2000}}


def base() -> TrustPolicy:
    root = TrustedRoot(kind=NVIDIA, name="test root of GPUs", certificate=certificate(0))
    return TrustPolicy(roots=(root,), measurements=frozenset())


def policies() -> dict[str, TrustPolicy]:
    def with_settings(**changes: Any) -> TrustPolicy:
        return replace(base(), platforms=(NvidiaPolicy(**changes),))

    def measured(*pairs: tuple[int, bytes]) -> TrustPolicy:
        return with_settings(measurements=tuple((i, frozenset({v.hex()})) for i, v in pairs))

    other = TrustedRoot(kind=NVIDIA, name="another", certificate=certificate(0, serial=7))
    return {
        "base": base(),
        "no-root": replace(base(), roots=()),
        "other-root": replace(base(), roots=(other,)),
        "lists": with_settings(
            models=frozenset({MODEL}), drivers=frozenset({DRIVER}), vbios=frozenset({VBIOS})
        ),
        "other-model": with_settings(models=frozenset({"GB100"})),
        "other-driver": with_settings(drivers=frozenset({"1"})),
        "other-vbios": with_settings(vbios=frozenset({"1"})),
        "revoked-product": replace(base(), revoked_products=frozenset({f"{NVIDIA}/{MODEL}"})),
        "measured": measured((1, BLOCKS[1]), (4, BLOCKS[4])),
        "other-measurement": measured((1, BLOCKS[1]), (4, BLOCKS[1])),
        "more-measurements": measured((5, BLOCKS[1])),
    }


def _accepted(book: Book) -> None:
    def add(name: str, data: bytes, **more: Any) -> None:
        book.add(name, "all", "accept", data, **{"nonce": ASKED, **more})

    add("one", one())
    add("not-asked", one(), nonce=None)
    add("two", document((chain(), report()), (chain(**SECOND), report())))
    add("eight", document(*_many(8)))
    add("lists", one(), policy="lists")
    add("measured", one(), policy="measured")
    add("driver-without-an-end", one(evidence=report(opaque={**OPAQUE, 3: DRIVER.encode()})))
    add("constraints-on-the-leaf", one(chain(l4={"ca": False})))
    add("first-moment", one(), now_ms=START * 1000)
    add("last-moment", one(), now_ms=END * 1000)


def _structure(book: Book) -> None:
    good = {"certificate": text(chain()), "evidence": text(report())}

    def add(name: str, expect: str, data: bytes) -> None:
        book.add(f"structure-{name}", "1 structure", expect, data)

    add("empty", "gpu.structure", b"{}")
    add("cut", "gpu.structure", one()[:-1])
    add("arch-missing", "gpu.structure", compact({"nonce": "", "evidence_list": [good]}))
    add("unknown-member", "gpu.structure", document((chain(), report()), more=1))
    add("arch-number", "gpu.structure", document((chain(), report()), arch=1))
    add("no-gpus", "gpu.structure", document())
    add("nine-gpus", "gpu.structure", document(*_many(9)))
    for name, item in {
        "text": "x",
        "evidence-missing": {"certificate": good["certificate"]},
        "unknown": {**good, "more": 1},
        "number": {**good, "evidence": 1},
        "not-base64": {**good, "evidence": "*"},
        "not-ascii": {**good, "evidence": "\u00e9"},
    }.items():
        add(f"gpu-{name}", "gpu.structure", document(evidence_list=[item]))
    for name, certificates in {
        "none": b"",
        "der": certificate(4),
        "text-before": b"x" + chain(),
        "text-between": chain().replace(b"-----\n-----", b"-----\nx\n-----"),
        "not-base64": chain().replace(b"\nMII", b"\nMI=", 1),
        "cut": chain()[:-30],
        "key": chain().replace(b"CERTIFICATE", b"PRIVATE KEY"),
    }.items():
        add(f"certificates-{name}", "gpu.spdm.certificates", one(certificates))
    book.add("runtime-data", "1 beside", "evidence.malformed", one(), runtime_data=b"x")
    book.add("collateral", "1 beside", "evidence.malformed", one(), collateral={"rim": b"x"})


def _layout(book: Book) -> None:
    def add(name: str, data: bytes, expect: str = "gpu.spdm.layout") -> None:
        book.add(f"report-{name}", "1 report", expect, one(evidence=data))

    record = b"".join(block(i, v) for i, v in BLOCKS.items())
    for name, request in {
        "version-1.0": "10e001ff",
        "version-1.2": "12e001ff",
        "another-request": "118101ff",
        "unsigned": "11e000ff",
        "one-block": "11e00101",
    }.items():
        add(name, report(request=bytes.fromhex(request)))
    add("slot-1", report(slot=1))
    add("response-of-another-version", report(response=bytes.fromhex("12600000")))
    add("response-an-error", report(response=bytes.fromhex("117f0000")))
    add("no-blocks", report(count=0, record=b""))
    add("fewer-blocks-than-counted", report(count=5))
    add("more-blocks-than-counted", report(count=3))
    add("block-twice", report(record=record[:55] * 2 + record[110:]))
    add("blocks-out-of-order", report(record=record[55:110] + record[:55] + record[110:]))
    add("block-from-zero", report(count=1, record=block(0, BLOCKS[1])))
    add("block-of-another-standard", report(count=1, record=block(1, BLOCKS[1], specification=2)))
    add("block-with-a-tail", report(count=1, record=block(1, BLOCKS[1], tail=b"\0")))
    add("block-too-long", report(record=record[:-1]))
    add("opaque-twice", report(opaque=number(11, 2) + number(1, 2) + b"x" + b"\x0b\0\x01\0y"))
    add("opaque-cut", report(opaque=b"\x0b\0\x02\0x"))
    add("opaque-head-cut", report(opaque=b"\x0b\0\x02"))
    add("cut", report()[:-1])
    add("longer", report() + b"\0")
    add("empty", b"")
    add("request-alone", signed()[:37])
    add("too-large", report(opaque={99: bytes(8192)}), "format.too_large")


def _chains(book: Book) -> None:
    def add(name: str, expect: str, certificates: bytes, **more: Any) -> None:
        book.add(f"chain-{name}", "2 chain", expect, one(certificates), **more)

    add("no-root", "policy.no_trust", chain(), policy="no-root")
    add("other-root", "x509.root", chain(), policy="other-root")
    add("own-root", "x509.root", chain(l0={"serial": 8}))
    add("root-alone", "x509.length", pem(certificate(0)))
    add("without-root", "x509.root", chain().rpartition(b"-----BEGIN")[0])
    add("upside-down", "x509.root", b"".join(pem(certificate(level)) for level in range(5)))
    add(
        "without-the-middle", "x509.name_chain", b"".join(pem(certificate(i)) for i in (4, 3, 1, 0))
    )
    add("not-a-certificate", "x509.malformed", pem(b"\x30\x00") + pem(certificate(0)))
    for level in range(1, 5):
        add(f"{level}-by-another-key", "x509.signature", chain(**{f"l{level}": {"signer": "x"}}))
        add(
            f"{level}-of-another-issuer", "x509.name_chain", chain(**{f"l{level}": {"issuer": "x"}})
        )
        add(f"{level}-expired", "x509.expired", chain(**{f"l{level}": {"end": NOW_S - 1}}))
        add(f"{level}-not-yet", "x509.not_yet_valid", chain(**{f"l{level}": {"start": NOW_S + 1}}))
    for level in range(1, 4):
        add(f"{level}-no-ca", "x509.ca", chain(**{f"l{level}": {"ca": False}}))
        add(f"{level}-may-not-issue", "x509.key_usage", chain(**{f"l{level}": {"issue": False}}))
    add("leaf-a-ca", "x509.leaf_ca", chain(l4={"ca": True}))
    add("leaf-may-issue", "x509.leaf_key_usage", chain(l4={"issue": True}))
    add("leaf-may-not-sign", "x509.leaf_key_usage", chain(l4={"sign": False}))
    add("before-it-begins", "x509.not_yet_valid", chain(), now_ms=START * 1000 - 1)
    add("after-it-ends", "x509.expired", chain(), now_ms=END * 1000 + 1)


def _reports(book: Book) -> None:
    def add(name: str, clause: str, expect: str, data: bytes, **more: Any) -> None:
        book.add(name, clause, expect, data, **more)

    order = P384_ORDER.to_bytes(48)
    for name, signer in {
        "zeros": lambda _: bytes(96),
        "r-zero": lambda d: bytes(48) + sign(d)[48:],
        "s-zero": lambda d: sign(d)[:48] + bytes(48),
        "r-the-order": lambda d: order + sign(d)[48:],
        "s-the-order": lambda d: sign(d)[:48] + order,
    }.items():
        add(
            f"signature-{name}",
            "3 signature",
            "gpu.spdm.signature_form",
            one(evidence=report(signer)),
        )
    for name, signer in {
        "by-the-issuer": lambda d: sign(d, NAMES[3]),
        "by-another-key": lambda d: sign(d, "x"),
        "over-the-response-alone": lambda d: sign(d[37:]),
        "little-endian": lambda d: sign(d)[:48][::-1] + sign(d)[48:][::-1],
    }.items():
        add(f"signature-{name}", "3 signature", "gpu.spdm.signature", one(evidence=report(signer)))
    replaced = signed(nonce=sha256(b"another")) + sign(signed())
    add("signature-of-another-nonce", "3 signature", "gpu.spdm.signature", one(evidence=replaced))
    no_id = {k: v for k, v in OPAQUE.items() if k != 20}
    for name, data in {
        "missing": one(evidence=report(opaque=no_id)),
        "empty": one(evidence=report(opaque={**no_id, 20: b""})),
        "short": one(evidence=report(opaque={**no_id, 20: FIRMWARE_ID[1:]})),
        "other": one(evidence=report(opaque={**no_id, 20: sha384(b"other")})),
        "other-in-the-certificate": one(chain(l4={"firmware_id": sha384(b"other")})),
        "empty-in-both": one(chain(l4={"firmware_id": b""}), report(opaque={**no_id, 20: b""})),
        "in-another-extension": one(chain(l4={"oid": "2.23.133.5.4.2"})),
        "not-in-the-certificate": one(chain(l4={"info": False})),
    }.items():
        add(f"firmware-{name}", "3 firmware", "gpu.spdm.firmware_id", data)
    for name, nonce in {
        "another": sha256(b"another"),
        "another-nodes": OTHER_KEYSET.digest(),
        "longer": ASKED + b"\0",
    }.items():
        add(f"nonce-{name}", "4 nonce", "gpu.nonce", one(), nonce=nonce)
    named = document((chain(), report(nonce=sha256(b"another"))))
    add("nonce-in-the-document-only", "4 nonce", "gpu.nonce", named, nonce=ASKED)
    for name in ("other-measurement", "more-measurements"):
        add(name, "5 measurements", "gpu.spdm.measurement", one(), policy=name)


def _identities(book: Book) -> None:
    def add(name: str, expect: str, data: bytes, **more: Any) -> None:
        book.add(f"gpu-{name}", "6 identity", expect, data, **more)

    for name, kind, value in (
        ("driver-empty", 3, b""),
        ("driver-spaces", 3, b"550 90\0"),
        ("driver-two-ends", 3, b"550\0\0"),
        ("driver-too-long", 3, b"5" * 33),
        ("vbios-short", 6, bytes(7)),
        ("vbios-long", 6, bytes(9)),
        ("vbios-with-a-tail", 6, bytes.fromhex("009f009601010000")),
    ):
        add(name, "gpu.identity", one(evidence=report(opaque={**OPAQUE, kind: value})))
    for kind, name in ((3, "driver"), (6, "vbios")):
        rest = {k: v for k, v in OPAQUE.items() if k != kind}
        add(f"{name}-missing", "gpu.identity", one(evidence=report(opaque=rest)))
    add("model-missing", "gpu.identity", one(chain(l3={"nameless": True}, l4={"nameless": True})))
    twice = document((chain(), report()), (chain(), report()))
    add("twice", "gpu.identity", twice)
    second = document((chain(), report()), (chain(**SECOND), report(nonce=sha256(b"another"))))
    add("second-of-another-nonce", "gpu.nonce", second, nonce=ASKED)
    for name in ("model", "driver", "vbios"):
        add(f"{name}-not-listed", f"gpu.{name}", one(), policy=f"other-{name}")
    add("model-revoked", "attestation.revoked_product", one(), policy="revoked-product")


def render() -> str:
    """The file's text."""
    book = Book(NVIDIA, policies(), now_ms=NOW_MS)
    for part in (_accepted, _structure, _layout, _chains, _reports, _identities):
        part(book)
    return book.render()


if __name__ == "__main__":
    FILE.write_text(render())
