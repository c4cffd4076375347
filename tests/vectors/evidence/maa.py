"""Vectors of Azure Attestation tokens: SNP and TDX reports, and whole machines."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from opengradient.core.canonical import canonical_json
from opengradient.core.digests import keccak256, sha256, sha384
from opengradient.core.evidence import MAA
from opengradient.core.report_data import report_data
from opengradient.verify.platforms.maa import AZURE_VM, SNP_VM, TDX_VM, MaaPolicy
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.requirements import RequiredRegister
from tests.vectors.evidence.book import Book
from tests.vectors.evidence.token_forge import (
    KEYSET,
    NONCE,
    NOW_MS,
    NOW_S,
    OTHER_KEYSET,
    OTHER_RSA_KEY,
    PS_PIN,
    REVOKED_KEY,
    RS_PIN,
    header_for,
    put,
    sign_rs256,
    token,
    without,
)

FILE = Path(__file__).with_name("maa.json")
ISSUER = "https://tenant1.weu.attest.azure.net"
TENANT_POLICY = "LTPRQQju-FejAwdYihF8YV_c2XWebG9joKvrHKc3bxs"
REPORT_DATA = report_data(KEYSET.digest(), NONCE)
LAUNCH = sha384(b"opengradient test vector launch")
HOST_DATA = sha256(b"opengradient test vector host data")
REGISTERS = {
    f"tdx_{name}": sha384(name.encode()).hex()
    for name in ("mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3")
}
SNP_MEASUREMENT = "0x" + keccak256(LAUNCH).hex()
TDX_MEASUREMENT = "0x" + keccak256(bytes.fromhex("".join(REGISTERS.values()))).hex()
SETTINGS = MaaPolicy(
    issuer=ISSUER,
    keys=(RS_PIN,),
    attestation_types=frozenset({SNP_VM, TDX_VM, AZURE_VM}),
)
BASE = TrustPolicy(
    roots=(), measurements=frozenset({SNP_MEASUREMENT, TDX_MEASUREMENT}), platforms=(SETTINGS,)
)
TIMES = {"exp": NOW_S + 28740, "iat": NOW_S - 60, "nbf": NOW_S - 60}
COMMON: dict[str, Any] = {
    **TIMES,
    "iss": ISSUER,
    "jti": "00" * 32,
    "x-ms-ver": "1.0",
    "x-ms-policy-hash": TENANT_POLICY,
}
SNP: dict[str, Any] = {
    "x-ms-attestation-type": SNP_VM,
    "x-ms-compliance-status": "azure-compliant-cvm",
    "x-ms-sevsnpvm-authorkeydigest": "00" * 48,
    "x-ms-sevsnpvm-bootloader-svn": 3,
    "x-ms-sevsnpvm-familyId": "01" + "00" * 15,
    "x-ms-sevsnpvm-guestsvn": 2,
    "x-ms-sevsnpvm-hostdata": HOST_DATA.hex(),
    "x-ms-sevsnpvm-is-debuggable": False,
    "x-ms-sevsnpvm-launchmeasurement": LAUNCH.hex(),
    "x-ms-sevsnpvm-microcode-svn": 115,
    "x-ms-sevsnpvm-migration-allowed": False,
    "x-ms-sevsnpvm-reportdata": REPORT_DATA.hex(),
    "x-ms-sevsnpvm-smt-allowed": True,
    "x-ms-sevsnpvm-snpfw-svn": 8,
    "x-ms-sevsnpvm-tee-svn": 0,
    "x-ms-sevsnpvm-vmpl": 0,
}
TDX: dict[str, Any] = {
    "attester_tcb_status": "UpToDate",
    "dbgstat": "disabled",
    "eat_profile": "https://aka.ms/maa-eat-profile-tdxvm",
    "tdx_mrconfigid": "00" * 48,
    "tdx_mrseam": sha384(b"mrseam").hex(),
    **REGISTERS,
    "tdx_report_data": REPORT_DATA.hex(),
    "tdx_seamsvn": 3,
    "tdx_td_attributes_debug": False,
    "x-ms-attestation-type": TDX_VM,
    "x-ms-compliance-status": "azure-compliant-cvm",
}
RUNTIME = {"keys": [], "user-data": REPORT_DATA.hex()}
RUNTIME_HASH = sha256(canonical_json(RUNTIME)).hex() + "00" * 32
HCL = {
    "keys": [{"kid": "HCLAkPub", "key_ops": ["sign"], "kty": "RSA", "e": "AQAB", "n": "AQAB"}],
    "vm-configuration": {"secure-boot": True, "tpm-enabled": True, "vmUniqueId": "D3FD4B09"},
    "user-data": REPORT_DATA.hex().upper(),
}
MACHINE: dict[str, Any] = {
    "secureboot": True,
    "x-ms-attestation-type": AZURE_VM,
    "x-ms-azurevm-attested-pcrs": [0, 1, 2, 3, 4, 5, 6, 7],
    "x-ms-azurevm-bootdebug-enabled": False,
    "x-ms-azurevm-debuggersdisabled": True,
    "x-ms-azurevm-hypervisordebug-enabled": False,
    "x-ms-azurevm-kerneldebug-enabled": False,
    "x-ms-azurevm-testsigning-enabled": False,
    "x-ms-azurevm-vmid": "D3FD4B09-37A3-40D5-8F2A-EA80762213CC",
    "x-ms-isolation-tee": {
        **SNP,
        "x-ms-sevsnpvm-reportdata": "ab" * 32 + "00" * 32,
        "x-ms-runtime": HCL,
    },
    "x-ms-runtime": {"client-payload": {"nonce": ""}},
}
SNP_CLAIMS, TDX_CLAIMS, VM_CLAIMS = ({**COMMON, **claims} for claims in (SNP, TDX, MACHINE))
WITH_RUNTIME = {
    **SNP_CLAIMS,
    "x-ms-runtime": RUNTIME,
    "x-ms-sevsnpvm-reportdata": RUNTIME_HASH,
}
HEADER = header_for(RS_PIN, jku=ISSUER + "/certs")


def signed(claims: Any, **more: Any) -> bytes:
    return token(claims, RS_PIN, **{"header": HEADER, **more})


def policies() -> dict[str, TrustPolicy]:
    def with_settings(**changes: Any) -> TrustPolicy:
        return replace(BASE, platforms=(replace(SETTINGS, **changes),))

    minimum = (("bootloader", 3), ("guest", 2), ("microcode", 115), ("snpfw", 8), ("seam", 3))
    return {
        "base": BASE,
        "unpinned": replace(BASE, platforms=()),
        "no-issuer": with_settings(issuer=""),
        "snp-only": with_settings(attestation_types=frozenset({SNP_VM})),
        "machines-on-tdx": with_settings(attestation_types=frozenset({AZURE_VM, TDX_VM})),
        "tenant-policy": with_settings(tenant_policies=frozenset({TENANT_POLICY})),
        "svns": with_settings(minimum_svns=minimum),
        "tcb": with_settings(tcb_statuses=frozenset({"UpToDate", "SWHardeningNeeded"})),
        "vmpl-1": with_settings(vmpl=1),
        "host-data": with_settings(host_data=frozenset({HOST_DATA.hex(), "00" * 48})),
        "other-host-data": with_settings(host_data=frozenset({"00" * 32, "11" * 48})),
        "other-code": replace(BASE, measurements=frozenset({"0x" + "00" * 32})),
        "revoked-code": replace(BASE, revoked_measurements=frozenset({SNP_MEASUREMENT})),
        "revoked-key": replace(BASE, revoked_keys=frozenset({REVOKED_KEY})),
        "revoked-snp": replace(BASE, revoked_products=frozenset({f"{MAA}/{SNP_VM}"})),
        "revoked-tdx": replace(BASE, revoked_products=frozenset({f"{MAA}/{TDX_VM}"})),
        "other-register": replace(
            BASE, registers=(RequiredRegister(name="RTMR3", values=frozenset({"00" * 48})),)
        ),
        "debug": replace(BASE, allow_debug=True),
    }


def _accepted(book: Book) -> None:
    def add(name: str, claims: Any, **more: Any) -> None:
        given = {"runtime_data": KEYSET.encode(), **more}
        book.add(name, "all", "accept", signed(claims), **given)

    for name, claims in {
        "snp": SNP_CLAIMS,
        "tdx": TDX_CLAIMS,
        "machine": VM_CLAIMS,
        "snp-with-runtime": WITH_RUNTIME,
    }.items():
        add(name, claims)
        add(f"{name}-answers-the-nonce", claims, nonce=NONCE)
        add(f"{name}-foreign", claims, runtime_data=b"")
        add(f"{name}-with-minima", claims, policy="svns")
        add(f"{name}-with-host-data", claims, policy="host-data")
        add(f"{name}-foreign-nonce", claims, runtime_data=b"", nonce=REPORT_DATA)
    tdx_machine = {**TDX, "tdx_report_data": "ab" * 64, "x-ms-runtime": HCL}
    add(
        "machine-on-tdx",
        put(VM_CLAIMS, "x-ms-isolation-tee", tdx_machine),
        nonce=NONCE,
        policy="machines-on-tdx",
    )
    add("runtime-empty", {**SNP_CLAIMS, "x-ms-runtime": {}})
    add("foreign-runtime", {**SNP_CLAIMS, "x-ms-runtime": {"test": "value"}}, runtime_data=b"")
    add("tenant-policy", SNP_CLAIMS, policy="tenant-policy")
    add("vmpl-where-accepted", put(SNP_CLAIMS, "x-ms-sevsnpvm-vmpl", 1), policy="vmpl-1")
    add(
        "status-where-accepted",
        put(TDX_CLAIMS, "attester_tcb_status", "SWHardeningNeeded"),
        policy="tcb",
    )
    add(
        "snp-debug-where-accepted",
        put(SNP_CLAIMS, "x-ms-sevsnpvm-is-debuggable", True),
        policy="debug",
    )
    add(
        "tdx-debug-where-accepted", put(TDX_CLAIMS, "tdx_td_attributes_debug", True), policy="debug"
    )
    add("hex-in-capitals", put(SNP_CLAIMS, "x-ms-sevsnpvm-launchmeasurement", LAUNCH.hex().upper()))


def _tokens(book: Book) -> None:
    keyset = KEYSET.encode()

    def add(name: str, clause: str, expect: str, document: bytes, **more: Any) -> None:
        book.add(name, clause, expect, document, **{"runtime_data": keyset, **more})

    good = signed(SNP_CLAIMS)
    add("collateral", "1 beside", "evidence.malformed", good, collateral={"jwks": b"{}"})
    add("no-key-pinned", "2 token", "policy.no_trust", good, policy="unpinned")
    add("two-parts", "2 token", "jwt.structure", good.rpartition(b".")[0])
    add(
        "key-url-missing",
        "2 token",
        "jwt.key_url",
        signed(SNP_CLAIMS, header=without(HEADER, "jku")),
    )
    for name, url in {
        "of-another-tenant": "https://tenant2.weu.attest.azure.net/certs",
        "of-anybody": "https://keys.example/certs",
        "with-query": ISSUER + "/certs?x",
        "with-user": "https://tenant1.weu.attest.azure.net@keys.example/certs",
        "with-slash": ISSUER + "/certs/",
        "null": None,
        "list": [ISSUER + "/certs"],
    }.items():
        document = signed(
            SNP_CLAIMS, header={**HEADER, "jku": url}, sign=lambda d: sign_rs256(d, OTHER_RSA_KEY)
        )
        add(f"key-url-{name}", "2 token", "jwt.key_url", document)
    add(
        "x5c", "2 token", "jwt.embedded_key", signed(SNP_CLAIMS, header={**HEADER, "x5c": ["MIIB"]})
    )
    add(
        "alg-none",
        "2 token",
        "jwt.algorithm",
        signed(SNP_CLAIMS, header={**HEADER, "alg": "none"}, sign=lambda _: b""),
    )
    add(
        "another-key",
        "2 token",
        "jwt.signature",
        signed(SNP_CLAIMS, sign=lambda d: sign_rs256(d, OTHER_RSA_KEY)),
    )
    add(
        "key-of-another-service",
        "2 token",
        "jwt.key_id",
        token(SNP_CLAIMS, PS_PIN, header=header_for(PS_PIN, jku=HEADER["jku"])),
    )
    nowhere = signed(SNP_CLAIMS, header={**HEADER, "jku": "/certs"})
    add("issuer-not-named", "3 issuer", "maa.issuer", nowhere, policy="no-issuer")
    empty = signed(put(SNP_CLAIMS, "iss", ""), header={**HEADER, "jku": "/certs"})
    add("issuer-empty-in-both", "3 issuer", "maa.issuer", empty, policy="no-issuer")
    for name, value in {
        "missing": ...,
        "of-another-tenant": "https://tenant2.weu.attest.azure.net",
        "with-slash": ISSUER + "/",
        "in-capitals": ISSUER.upper(),
    }.items():
        add(f"issuer-{name}", "3 issuer", "maa.issuer", signed(put(SNP_CLAIMS, "iss", value)))
    add("version-missing", "3 issuer", "maa.version", signed(put(SNP_CLAIMS, "x-ms-ver", ...)))
    add("version-2", "3 issuer", "maa.version", signed(put(SNP_CLAIMS, "x-ms-ver", "2.0")))
    other = put(SNP_CLAIMS, "x-ms-policy-hash", "A" * 43)
    add(
        "tenant-policy-other",
        "3 issuer",
        "maa.tenant_policy",
        signed(other),
        policy="tenant-policy",
    )
    none = put(SNP_CLAIMS, "x-ms-policy-hash", ...)
    add(
        "tenant-policy-missing",
        "3 issuer",
        "maa.tenant_policy",
        signed(none),
        policy="tenant-policy",
    )
    end = TIMES["exp"] * 1000 + 60_000
    add("older-than-the-policy", "4 times", "jwt.time.stale", good, now_ms=end - 1)
    add("expired", "4 times", "jwt.time.expired", good, now_ms=end)
    add("no-end", "4 times", "jwt.time.claim", signed(put(SNP_CLAIMS, "exp", ...)))


def _machines(book: Book) -> None:
    keyset = KEYSET.encode()

    def add(
        name: str, expect: str, path: str, value: Any, base: Any = VM_CLAIMS, **more: Any
    ) -> None:
        book.add(
            name, "5 machine", expect, signed(put(base, path, value)), runtime_data=keyset, **more
        )

    kind, inner = "x-ms-attestation-type", "x-ms-isolation-tee/x-ms-attestation-type"
    for name, value in {
        "sgx": "sgx",
        "missing": ...,
        "in-capitals": "SevSnpVm",
        "list": [SNP_VM],
    }.items():
        add(f"type-{name}", "maa.attestation_type", kind, value, SNP_CLAIMS)
        add(f"inner-type-{name}", "maa.attestation_type", inner, value)
    add("type-not-accepted", "maa.attestation_type", kind, TDX_VM, TDX_CLAIMS, policy="snp-only")
    add("machine-not-accepted", "maa.attestation_type", kind, AZURE_VM, policy="snp-only")
    add("inner-type-not-accepted", "maa.attestation_type", inner, SNP_VM, policy="machines-on-tdx")
    add("inner-type-machine", "maa.attestation_type", inner, AZURE_VM)
    add("isolation-missing", "maa.isolation_tee", "x-ms-isolation-tee", ...)
    add("isolation-text", "maa.isolation_tee", "x-ms-isolation-tee", "sevsnpvm")
    add("secure-boot-off", "maa.secure_boot", "secureboot", False)
    add("secure-boot-missing", "maa.secure_boot", "secureboot", ...)
    add("debuggers-on", "maa.vm_debug", "x-ms-azurevm-debuggersdisabled", False)
    for what in ("bootdebug", "kerneldebug", "hypervisordebug", "testsigning"):
        add(f"{what}-on", "maa.vm_debug", f"x-ms-azurevm-{what}-enabled", True)
        add(f"{what}-missing", "maa.vm_debug", f"x-ms-azurevm-{what}-enabled", ...)
    status = "x-ms-compliance-status"
    add("compliance-missing", "maa.compliance", status, ..., SNP_CLAIMS)
    add("compliance-other", "maa.compliance", status, "azure-compliant-uvm", SNP_CLAIMS)
    add(
        "compliance-of-the-outside-only",
        "maa.compliance",
        f"x-ms-isolation-tee/{status}",
        ...,
        {**VM_CLAIMS, status: "azure-compliant-cvm"},
    )


def _reports(book: Book) -> None:
    keyset = KEYSET.encode()

    def add(
        name: str,
        clause: str,
        expect: str,
        path: str,
        value: Any,
        base: Any = SNP_CLAIMS,
        **more: Any,
    ) -> None:
        book.add(name, clause, expect, signed(put(base, path, value)), runtime_data=keyset, **more)

    def same(name: str, clause: str, expect: str, policy: str, base: Any = SNP_CLAIMS) -> None:
        book.add(name, clause, expect, signed(base), runtime_data=keyset, policy=policy)

    same("snp-revoked", "6 product", "attestation.revoked_product", "revoked-snp")
    same("tdx-revoked", "6 product", "attestation.revoked_product", "revoked-tdx", TDX_CLAIMS)
    same(
        "machine-on-snp-revoked",
        "6 product",
        "attestation.revoked_product",
        "revoked-snp",
        VM_CLAIMS,
    )
    for name, claim, base in (
        ("snp-debug", "x-ms-sevsnpvm-is-debuggable", SNP_CLAIMS),
        ("tdx-debug", "tdx_td_attributes_debug", TDX_CLAIMS),
        ("machine-debug", "x-ms-isolation-tee/x-ms-sevsnpvm-is-debuggable", VM_CLAIMS),
    ):
        add(name, "7 debug", "maa.debug", claim, True, base)
        add(f"{name}-missing", "7 debug", "maa.debug", claim, ..., base)
        add(f"{name}-zero", "7 debug", "maa.debug", claim, 0, base)
    add("migration", "7 guest policy", "maa.migration", "x-ms-sevsnpvm-migration-allowed", True)
    add(
        "migration-missing",
        "7 guest policy",
        "maa.migration",
        "x-ms-sevsnpvm-migration-allowed",
        ...,
    )
    add("vmpl-1", "7 VMPL", "maa.vmpl", "x-ms-sevsnpvm-vmpl", 1)
    add("vmpl-false", "7 VMPL", "maa.vmpl", "x-ms-sevsnpvm-vmpl", False)
    add("vmpl-missing", "7 VMPL", "maa.vmpl", "x-ms-sevsnpvm-vmpl", ...)
    same("vmpl-0-where-1-is-wanted", "7 VMPL", "maa.vmpl", "vmpl-1")
    for name, status in {
        "out-of-date": "OutOfDate",
        "hardening": "SWHardeningNeeded",
        "missing": ...,
    }.items():
        add(
            f"status-{name}",
            "7 firmware",
            "maa.tcb_status",
            "attester_tcb_status",
            status,
            TDX_CLAIMS,
        )
    for name, svn in {"bootloader": 3, "microcode": 115, "snpfw": 8}.items():
        claim = f"x-ms-sevsnpvm-{name}-svn"
        add(f"svn-{name}-lower", "8 versions", "maa.svn", claim, svn - 1, policy="svns")
        add(f"svn-{name}-missing", "8 versions", "maa.svn", claim, ..., policy="svns")
    add("svn-guest-lower", "8 versions", "maa.svn", "x-ms-sevsnpvm-guestsvn", 1, policy="svns")
    add("svn-true", "8 versions", "maa.svn", "x-ms-sevsnpvm-guestsvn", True, policy="svns")
    add("svn-seam-lower", "8 versions", "maa.svn", "tdx_seamsvn", 2, TDX_CLAIMS, policy="svns")
    same("host-data-other", "8 host data", "maa.host_data", "other-host-data")
    same("config-id-other", "8 host data", "maa.host_data", "other-host-data", TDX_CLAIMS)
    add("host-data-missing", "8 host data", "maa.host_data", "x-ms-sevsnpvm-hostdata", ...)
    launch = "x-ms-sevsnpvm-launchmeasurement"
    for name, value in {
        "missing": ...,
        "too-short": LAUNCH.hex()[:-2],
        "too-long": LAUNCH.hex() + "00",
        "no-hex": "0x" + LAUNCH.hex()[2:],
        "with-space": " " + LAUNCH.hex()[1:],
    }.items():
        add(f"measurement-{name}", "9 code", "maa.measurement", launch, value)
    for name in ("mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"):
        add(f"{name}-missing", "9 code", "maa.measurement", f"tdx_{name}", ..., TDX_CLAIMS)
        add(
            f"{name}-other",
            "9 code",
            "attestation.measurement",
            f"tdx_{name}",
            "00" * 48,
            TDX_CLAIMS,
        )
    add("measurement-other", "9 code", "attestation.measurement", launch, "00" * 48)
    same("code-not-listed", "9 code", "attestation.measurement", "other-code")
    same("code-revoked", "9 code", "attestation.revoked_measurement", "revoked-code")
    same("register-other", "9 code", "attestation.register", "other-register", TDX_CLAIMS)


def _binding(book: Book) -> None:
    keyset = KEYSET.encode()

    def add(
        name: str, expect: str, path: str, value: Any, base: Any = SNP_CLAIMS, **more: Any
    ) -> None:
        document = signed(put(base, path, value))
        book.add(name, "10 binding", expect, document, **{"runtime_data": keyset, **more})

    snp, runtime = "x-ms-sevsnpvm-reportdata", "x-ms-runtime"
    unasked = report_data(KEYSET.digest(), None).hex()
    other = report_data(OTHER_KEYSET.digest(), NONCE).hex()
    inner = "x-ms-isolation-tee/x-ms-runtime"
    for name, value in {
        "missing": ...,
        "too-short": REPORT_DATA.hex()[:-2],
        "no-hex": "z" * 128,
    }.items():
        add(f"report-data-{name}", "maa.report_data", snp, value)
        add(f"tdx-report-data-{name}", "maa.report_data", "tdx_report_data", value, TDX_CLAIMS)
        add(f"user-data-{name}", "maa.runtime", f"{inner}/user-data", value, VM_CLAIMS)
    add("keyset-other", "attestation.report_data", snp, other)
    add("keyset-other-tdx", "attestation.report_data", "tdx_report_data", other, TDX_CLAIMS)
    add("keyset-other-machine", "attestation.report_data", f"{inner}/user-data", other, VM_CLAIMS)
    add(
        "keyset-in-the-clients-payload-only",
        "maa.runtime",
        "x-ms-isolation-tee/x-ms-runtime",
        ...,
        {**VM_CLAIMS, runtime: RUNTIME},
    )
    add(
        "keyset-in-the-report-only",
        "attestation.report_data",
        f"{inner}/user-data",
        "00" * 64,
        put(VM_CLAIMS, f"x-ms-isolation-tee/{snp}", REPORT_DATA.hex()),
    )
    add("keyset-revoked", "attestation.revoked_key", "jti", "11", policy="revoked-key")
    add(
        "keyset-malformed",
        "keyset.malformed",
        "jti",
        "11",
        runtime_data=b'{"version":"opengradient.keyset/1"}',
    )
    add("nonce-unanswered", "attestation.nonce", snp, unasked, nonce=NONCE)
    add(
        "nonce-unanswered-machine",
        "attestation.nonce",
        f"{inner}/user-data",
        unasked,
        VM_CLAIMS,
        nonce=NONCE,
    )
    add("nonce-of-another", "attestation.nonce", "jti", "11", nonce=sha256(b"another"))
    add("foreign-nonce-short", "attestation.nonce", "jti", "11", runtime_data=b"", nonce=NONCE)
    add("unasked", "accept", snp, unasked)
    for name, value in {
        "of-others": "ab" * 32 + "00" * 32,
        "with-a-tail": RUNTIME_HASH[:-2] + "01",
    }.items():
        add(f"runtime-hash-{name}", "maa.runtime_hash", snp, value, WITH_RUNTIME)
    add("runtime-changed", "maa.runtime_hash", f"{runtime}/keys", ["x"], WITH_RUNTIME)
    add("runtime-beside-our-report-data", "maa.runtime_hash", runtime, RUNTIME)
    nothing = {"keys": []}
    hashed = sha256(canonical_json(nothing)).hex() + "00" * 32
    add("runtime-without-user-data", "maa.runtime", snp, hashed, {**SNP_CLAIMS, runtime: nothing})
    add("runtime-text", "maa.runtime", runtime, "claims")
    add("runtime-missing-of-a-machine", "maa.runtime", inner, ..., VM_CLAIMS)
    theirs = {"keys": [], "user-data": other}
    hashed = sha256(canonical_json(theirs)).hex() + "00" * 32
    add(
        "runtime-of-another-keyset",
        "attestation.report_data",
        snp,
        hashed,
        {**SNP_CLAIMS, runtime: theirs},
    )


def render() -> str:
    """The file's text."""
    book = Book(MAA, policies(), now_ms=NOW_MS)
    for part in (_accepted, _tokens, _machines, _reports, _binding):
        part(book)
    return book.render()


if __name__ == "__main__":
    FILE.write_text(render())
