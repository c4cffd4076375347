"""What can be wrong with certificates and revocation lists."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384

from tests.vectors.evidence.intel_forge import (
    CRLS,
    NOW,
    SIGNS,
    SPECS,
    Case,
    certificate,
    integer,
    key,
    pem,
    revocation_list,
    sign,
    tlv,
    usage,
)
from tests.vectors.evidence.intel_kit import (
    SECOND,
    SGX,
    Vector,
    bad,
    ca_name,
    put,
)


def chains() -> Iterator[Vector]:
    """Certificates."""
    for what, change in {
        "crlf": lambda p: p.replace(b"\n", b"\r\n"),
        "text-before": lambda p: b"x\n" + p,
        "text-between": lambda p: p.replace(b"-\n-", b"-\nx\n-", 1),
        "blank-line": lambda p: p.replace(b"-\n-", b"-\n\n-", 1),
        "joined-by-x": lambda p: p.replace(b"-\n-", b"-x-", 1),
        "text-after": lambda p: p[:-1] + b"x",
        "two-zero-bytes": lambda p: p + b"\0",
        "long-line": lambda p: p[:92] + p[93:],
        "bad-digit": put(40, b"!"),
        "no-head": lambda p: p[1:],
        "empty": lambda _: b"",
    }.items():
        expect = "dcap.pem.count" if what == "empty" else "dcap.pem.malformed"
        yield bad(expect, what, chain_pem=change)
    yield bad("dcap.pem.malformed", "spare-bits", chain_pem=spare_bits)
    yield bad("dcap.pem.count", "two", chain=lambda c: c[:2])
    yield bad("dcap.pem.count", "four", chain=lambda c: [*c, c[2]])
    yield bad(
        "dcap.pem.count",
        "tcb-three",
        items={"tcb_info_issuer_chain": lambda p: p + pem([Case().cert("root")])},
    )
    yield bad(
        "dcap.pem.count",
        "qe-one",
        items={"qe_identity_issuer_chain": lambda _: pem([Case().cert("signer")])},
    )
    yield bad("dcap.pem.malformed", "tcb", items={"tcb_info_issuer_chain": lambda p: b"\n" + p})
    yield bad("dcap.pem.malformed", "crl", items={"pck_crl_issuer_chain": lambda p: b"\n" + p})
    other = certificate(dataclasses.replace(SPECS["root"], serial=0x0101))
    yield bad("x509.root", "other", chain=lambda c: [c[0], c[1], other])
    yield bad("x509.root", "order", chain=lambda c: [c[2], c[1], c[0]])
    for item in ("tcb_info", "qe_identity"):
        yield bad(
            "x509.root",
            item,
            items={f"{item}_issuer_chain": lambda _: pem([Case().cert("signer"), other])},
        )
    yield bad("policy.no_trust", "kind", view={"policy": {"roots": "sgx"}})
    yield bad(
        "dcap.pck.issuer",
        certificates=ca_name("Intel SGX PCK Other CA"),
        lists={"pck_crl": {"issuer_name": "Intel SGX PCK Other CA"}},
    )
    yield from certificates()


def spare_bits(chain: bytes) -> bytes:
    """Set an unused bit in the last digit of the last certificate that has one."""
    end = chain.rindex(b"=\n-----END")
    while chain[end - 1 : end] == b"=":
        end -= 1
    digit = chain[end - 1 : end]
    return chain[: end - 1] + bytes((digit[0] + 1,)) + chain[end:]


def certificates() -> Iterator[Vector]:
    """The rules of one certificate and of its issuer, for each in whose place they matter."""
    for slot in ("pck", "ca"):
        yield bad("x509.serial", slot, certificates={slot: {"patch": negative_serial}})
        yield bad("x509.malformed", slot, certificates={slot: {"patch": lambda d: d + b"\0"}})
    yield bad("x509.malformed", "ca-name", certificates={"ca": {"patch": unreadable_name}})
    yield bad("x509.malformed", "signer-name", certificates={"signer": {"patch": unreadable_name}})
    yield bad("x509.algorithm", "pck", certificates={"pck": {"hash_type": SHA384}})
    yield bad("x509.algorithm", "signer", certificates={"signer": {"hash_type": SHA384}})
    yield bad("x509.key", "pck", certificates={"pck": {"curve": ec.SECP384R1}})
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\0")
    for slot in ("pck", "ca", "signer"):
        yield bad(
            "x509.critical_extension", slot, certificates={slot: {"extra": ((unknown, True),)}}
        )
    yield bad("x509.ca", "ca", certificates={"ca": {"ca": False}})
    yield bad("x509.ca", "ca-silent", certificates={"ca": {"constraints": False}})
    yield bad("x509.key_usage", "ca", certificates={"ca": {"usage": usage(crl_sign=True)}})
    yield bad("x509.path_length", "root", certificates={"root": {"path_length": 0}})
    yield bad("x509.leaf_ca", "pck", certificates={"pck": {"ca": True}})
    yield bad("x509.leaf_ca", "signer", certificates={"signer": {"ca": True}})
    yield bad(
        "x509.leaf_key_usage", "pck", certificates={"pck": {"usage": usage(key_agreement=True)}}
    )
    yield bad("x509.leaf_key_usage", "signer", certificates={"signer": {"usage": None}})
    yield bad("x509.name_chain", "pck", certificates={"pck": {"issuer_name": "Somebody"}})
    yield bad("x509.name_chain", "ca", certificates={"ca": {"issuer_name": "Somebody"}})
    yield bad("x509.name_chain", "signer", certificates={"signer": {"issuer_name": "Somebody"}})
    for slot in ("pck", "ca", "signer"):
        yield bad("x509.key_identifier", slot, certificates={slot: {"authority_key": "somebody"}})
        yield bad("x509.signature", slot, certificates={slot: {"signed_by": "somebody"}})
    for slot in SPECS:
        late, early = {"start_ms": NOW + SECOND}, {"end_ms": NOW - SECOND}
        yield bad("x509.not_yet_valid", slot, certificates={slot: late})
        yield bad("x509.expired", slot, certificates={slot: early})
    yield bad(
        "x509.expired",
        "millisecond",
        certificates={"pck": {"end_ms": NOW}},
        view={"now_ms": NOW + 1},
    )
    yield bad(
        "dcap.tcb_signer.name", certificates={"signer": {"subject": "Intel SGX Something Else"}}
    )
    yield bad("dcap.tcb_signer.name", "pck", **signed_by_a_pck())
    yield bad(
        "dcap.tcb_signer.revoked", lists={"root_ca_crl": {"revoked": (SPECS["signer"].serial,)}}
    )


def unreadable_name(der: bytes) -> bytes:
    """A common name whose text is of a type that no parser knows."""
    return put(der.rindex(b"\x0c", 0, der.rindex(b"Intel SGX")), b"\x1c")(der)


def negative_serial(der: bytes) -> bytes:
    """The serial number's first content byte, behind the version."""
    position = der.index(b"\xa0\x03\x02\x01\x02\x02") + 7
    return put(position, b"\x82")(der)


def signed_by_a_pck() -> dict[str, Any]:
    """TCB info by a key that the root certified, for another purpose."""
    leaf = certificate(
        dataclasses.replace(
            SPECS["pck"], issuer="root", issuer_name="Intel SGX Root CA", usage=SIGNS
        )
    )
    return {
        "items": {
            "tcb_info_issuer_chain": lambda _: pem([leaf, Case().cert("root")]),
            "tcb_info_signature": lambda _: sign(key("pck"), Case().collateral()["tcb_info"]),
        }
    }


def revocation() -> Iterator[Vector]:
    """Revocation lists."""
    for item, issuer in (("root_ca_crl", "root"), ("pck_crl", "ca")):
        short = item.split("_")[0]

        def of(_item: str = item, /, **change: Any) -> dict[str, Any]:
            return {"lists": {_item: change}}

        yield bad("dcap.crl.malformed", f"{short}-tail", **of(patch=lambda d: d + b"\0"))
        yield bad("dcap.crl.malformed", f"{short}-cut", **of(patch=lambda d: d[:-1]))
        yield bad("dcap.crl.malformed", f"{short}-empty", items={item: lambda _: b""})
        yield bad(
            "dcap.crl.malformed",
            f"{short}-unused-bits",
            **of(revoked=(even_serial(item),), patch=unused_bits),
        )
        yield bad("dcap.crl.malformed", f"{short}-time-tag", **of(patch=time_tag))
        yield bad("dcap.crl.algorithm", short, **of(hash_type=SHA384))
        yield bad("dcap.crl.algorithm", f"{short}-outer", **of(patch=outer_algorithm))
        delta = (x509.DeltaCRLIndicator(1), True)
        yield bad("dcap.crl.critical_extension", f"{short}-delta", **of(extra=(delta,)))
        indirect = x509.IssuingDistributionPoint(None, None, False, False, None, True, False)
        yield bad(
            "dcap.crl.critical_extension", f"{short}-indirect", **of(extra=((indirect, True),))
        )
        yield bad("dcap.crl.issuer", short, **of(issuer_name="Somebody"))
        yield bad("dcap.crl.key_identifier", short, **of(authority_key="somebody"))
        yield bad("dcap.crl.signature", short, **of(signed_by="somebody"))
        yield bad("dcap.crl.not_yet_valid", short, **of(start_ms=NOW + SECOND))
        yield bad("dcap.crl.expired", f"{short}-at-next-update", **of(end_ms=NOW))
        yield bad("dcap.crl.expired", f"{short}-after", **of(end_ms=NOW - SECOND))
        no_lists = usage(key_cert_sign=True)
        yield bad("dcap.crl.key_usage", short, certificates={issuer: {"usage": no_lists}})
    yield bad("dcap.crl.algorithm", "inner", items={"pck_crl": lambda _: inner_algorithm()})
    yield bad("dcap.crl.malformed", "no-next-update", items={"pck_crl": lambda _: endless_list()})
    yield bad(
        "dcap.crl.issuer",
        "swapped",
        items={"pck_crl": lambda _: Case().collateral()["root_ca_crl"]},
    )
    other_root = certificate(dataclasses.replace(SPECS["root"], serial=0x0101))
    ca = certificate(SPECS["ca"])
    yield bad(
        "dcap.crl.issuer_chain",
        "root",
        items={"pck_crl_issuer_chain": lambda _: pem([ca, other_root])},
    )
    other_ca = certificate(dataclasses.replace(SPECS["ca"], slot="other ca"))
    root = certificate(SPECS["root"])
    yield bad(
        "dcap.crl.issuer_chain",
        "key",
        items={"pck_crl_issuer_chain": lambda _: pem([other_ca, root])},
    )
    renamed = certificate(dataclasses.replace(SPECS["ca"], subject="Intel SGX PCK Processor CA"))
    yield bad(
        "dcap.crl.issuer_chain",
        "name",
        items={"pck_crl_issuer_chain": lambda _: pem([renamed, root])},
    )
    forged = certificate(dataclasses.replace(SPECS["ca"], signed_by="somebody"))
    yield bad(
        "x509.signature",
        "crl-issuer",
        items={"pck_crl_issuer_chain": lambda _: pem([forged, root])},
    )
    yield bad("dcap.root.revoked", lists={"root_ca_crl": {"revoked": (SPECS["root"].serial,)}})
    yield bad("dcap.pck_ca.revoked", lists={"root_ca_crl": {"revoked": (SPECS["ca"].serial,)}})
    yield bad("dcap.pck.revoked", lists={"pck_crl": {"revoked": (1, SPECS["pck"].serial)}})
    yield bad(
        "dcap.pck.revoked", "sgx", **SGX, lists={"pck_crl": {"revoked": (SPECS["pck"].serial,)}}
    )


def even_serial(item: str) -> int:
    """A serial number to list, so that the last bit of the list's signature is zero."""
    spec = CRLS[item]
    return next(
        serial
        for serial in range(0x9000, 0xA000)
        if not revocation_list(dataclasses.replace(spec, revoked=(serial,)))[-1] & 1
    )


def time_tag(der: bytes) -> bytes:
    """A time that is a string of octets."""
    return put(der.index(b"\x17\x0d"), b"\x04")(der)


def unused_bits(der: bytes) -> bytes:
    """Say that the signature's last bit is none."""
    position = next(
        at
        for at in range(len(der) - 80, len(der))
        if der[at] == 3 and der[at + 1] == len(der) - at - 2
    )
    return put(position + 2, b"\x01")(der)


def outer_algorithm(der: bytes) -> bytes:
    """Name SHA-384 beside the signature, and not within what is signed."""
    return put(der.rindex(P256_SHA256) + len(P256_SHA256) - 1, b"\x03")(der)


P256_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")


def signed_part(der: bytes) -> bytes:
    """Content of a list's signed part."""
    start = 4 if der[1] == 0x82 else 3
    size, head = (der[start + 1], 2) if der[start + 1] < 0x80 else (der[start + 2], 3)
    return der[start + head : start + head + size]


def list_of(content: bytes) -> bytes:
    """A list of the PCK authority over a signed part that no builder makes."""
    tbs = tlv(0x30, content)
    made = sign(key("ca"), tbs)
    signature = tlv(0x30, *(integer(int.from_bytes(half)) for half in (made[:32], made[32:])))
    return tlv(0x30, tbs, P256_SHA256, tlv(0x03, b"\0", signature))


def inner_algorithm() -> bytes:
    """A list that names SHA-384 within what is signed, and not beside it."""
    content = signed_part(Case().collateral()["pck_crl"])
    return list_of(content.replace(P256_SHA256, P256_SHA256[:-1] + b"\x03", 1))


def endless_list() -> bytes:
    """A list without nextUpdate."""
    content = signed_part(Case().collateral()["pck_crl"])
    times = [i for i in range(len(content)) if content[i : i + 2] == b"\x17\x0d"]
    return list_of(content[: times[1]] + content[times[1] + 15 :])
