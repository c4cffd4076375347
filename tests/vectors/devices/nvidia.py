"""Vectors of NRAS's answers on GPUs, in claims of versions 2.0 and 3.0."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from opengradient.core.digests import sha256
from opengradient.core.evidence import NVIDIA
from opengradient.verify.attestation.nvidia import ISSUER, SUBJECT
from opengradient.verify.platforms.nvidia import NvidiaPolicy
from opengradient.verify.policy import TrustPolicy
from tests.vectors.evidence.book import Book
from tests.vectors.evidence.token_forge import (
    ES_PIN,
    KEYSET,
    NOW_MS,
    NOW_S,
    OTHER_EC_KEY,
    OTHER_KEYSET,
    RS_PIN,
    compact,
    header_for,
    put,
    sign_es384,
    sign_hs256,
    token,
)

FILE = Path(__file__).with_name("nvidia.json")
ASKED = KEYSET.digest()
MODEL, DRIVER, VBIOS = "GH100 A01 GSP BROM", "570.133.20", "96.00.CF.00.02"
SETTINGS = NvidiaPolicy(keys=(ES_PIN,))
BASE = TrustPolicy(roots=(), measurements=frozenset(), platforms=(SETTINGS,))
HEADER = {"kid": ES_PIN.kid, "alg": "ES384"}
TIMES = {"exp": NOW_S + 3540, "iat": NOW_S - 60, "nbf": NOW_S - 60}
G = "x-nvidia-gpu-"
REPORT = tuple(
    f"{G}{name}"
    for name in (
        "arch-check",
        "attestation-report-parsed",
        "attestation-report-nonce-match",
        "attestation-report-signature-verified",
    )
)
REFERENCES = tuple(
    f"{G}{what}-rim-{name}"
    for what in ("driver", "vbios")
    for name in ("fetched", "schema-validated", "signature-verified", "measurements-available")
)
VALIDATED = tuple(
    f"{G}{name}"
    for name in (
        "attestation-report-cert-chain-validated",
        "driver-rim-cert-validated",
        "vbios-rim-cert-validated",
    )
)
CHAINS = tuple(
    f"{G}{name}-cert-chain" for name in ("attestation-report", "driver-rim", "vbios-rim")
)
CHAIN = {
    "x-nvidia-cert-expiration-date": "2026-08-16T03:29:22Z",
    "x-nvidia-cert-status": "valid",
    "x-nvidia-cert-ocsp-status": "good",
    "x-nvidia-cert-revocation-reason": None,
}
COMMON: dict[str, Any] = {
    **TIMES,
    "iss": ISSUER,
    "eat_nonce": ASKED.hex(),
    "measres": "success",
    "secboot": True,
    "dbgstat": "disabled",
    "hwmodel": MODEL,
    "ueid": "642960189298007511250958030500749152730221142468",
    "oemid": "5703",
    f"{G}driver-version": DRIVER,
    f"{G}vbios-version": VBIOS,
    f"{G}vbios-index-no-conflict": True,
    **dict.fromkeys((*REPORT, *REFERENCES), True),
}
GPU_2: dict[str, Any] = {
    **COMMON,
    **dict.fromkeys(VALIDATED, True),
    "x-nvidia-attestation-warning": None,
}
MATCHES = (f"{G}driver-rim-version-match", f"{G}vbios-rim-version-match")
FWID = f"{G}attestation-report-cert-chain-fwid-match"
GPU_3: dict[str, Any] = {
    **COMMON,
    **dict.fromkeys((*MATCHES, FWID), True),
    **dict.fromkeys(CHAINS, CHAIN),
}
OVERALL: dict[str, Any] = {
    **TIMES,
    "iss": ISSUER,
    "sub": SUBJECT,
    "eat_nonce": ASKED.hex(),
    "x-nvidia-ver": "2.0",
    "x-nvidia-overall-att-result": True,
}
SECOND = {**GPU_2, "ueid": "7"}


def signed(claims: Any, **more: Any) -> str:
    return token(claims, ES_PIN, **{"header": HEADER, **more}).decode()


def answer(
    gpus: dict[str, Any] | None = None,
    *,
    overall: dict[str, Any] = OVERALL,
    submods: dict[str, Any] | None = None,
    detached: dict[str, str] | None = None,
    **signing: Any,
) -> bytes:
    """An answer in which everything fits, but for what is given."""
    tokens = {name: signed(claims) for name, claims in (gpus or {"GPU-0": GPU_2}).items()}
    digests = {
        name: ["DIGEST", ["SHA-256", sha256(item.encode()).hex()]] for name, item in tokens.items()
    }
    claims = {**overall, "submods": digests if submods is None else submods}
    return compact([["JWT", signed(claims, **signing)], detached or tokens])


def answer_3(gpu: dict[str, Any]) -> bytes:
    return answer({"GPU-0": gpu}, overall={**OVERALL, "x-nvidia-ver": "3.0"})


def policies() -> dict[str, TrustPolicy]:
    def with_settings(**changes: Any) -> TrustPolicy:
        return replace(BASE, platforms=(replace(SETTINGS, **changes),))

    return {
        "base": BASE,
        "unpinned": replace(BASE, platforms=()),
        "audience": with_settings(audience="https://client.example"),
        "lists": with_settings(
            models=frozenset({MODEL}), drivers=frozenset({DRIVER}), vbios=frozenset({VBIOS})
        ),
        "other-model": with_settings(models=frozenset({"GB100"})),
        "other-driver": with_settings(drivers=frozenset({"1"})),
        "other-vbios": with_settings(vbios=frozenset({"1"})),
        "revoked-product": replace(BASE, revoked_products=frozenset({f"{NVIDIA}/{MODEL}"})),
    }


def _accepted(book: Book) -> None:
    for name, document in {
        "version-2": answer(),
        "version-3": answer_3(GPU_3),
        "two-gpus": answer({"GPU-0": GPU_2, "GPU-1": SECOND}),
        "sixteen-gpus": answer({f"GPU-{i}": {**GPU_2, "ueid": str(i + 1)} for i in range(16)}),
        "no-warnings": answer(
            {"GPU-0": {**GPU_2, "x-nvidia-attestation-warning": [], "x-nvidia-error-details": ""}}
        ),
        "unknown-claim": answer({"GPU-0": {**GPU_2, "new": 1}}),
    }.items():
        book.add(name, "all", "accept", document, nonce=ASKED)
    book.add("not-asked", "all", "accept", answer())
    book.add("lists", "all", "accept", answer(), policy="lists")
    audience = {"aud": "https://client.example"}
    both = answer({"GPU-0": {**GPU_2, **audience}}, overall={**OVERALL, **audience})
    book.add("audience", "all", "accept", both, policy="audience")


def _structure(book: Book) -> None:
    good = answer()
    overall, gpu = signed(OVERALL), signed(GPU_2)
    for name, document in {
        "empty": b"{}",
        "no-json": b"eyJ",
        "overall-alone": compact([["JWT", overall]]),
        "overall-a-text": compact([overall, {"GPU-0": gpu}]),
        "overall-of-another-form": compact([["CWT", overall], {"GPU-0": gpu}]),
        "overall-of-three": compact([["JWT", overall, ""], {"GPU-0": gpu}]),
        "overall-number": compact([["JWT", 1], {"GPU-0": gpu}]),
        "overall-not-ascii": compact([["JWT", "\u00e9"], {"GPU-0": gpu}]),
        "third-member": compact([["JWT", overall], {"GPU-0": gpu}, {}]),
        "no-gpus": compact([["JWT", overall], {}]),
        "seventeen-gpus": compact([["JWT", overall], {f"GPU-{i}": gpu for i in range(17)}]),
        "gpus-a-list": compact([["JWT", overall], [gpu]]),
        "gpu-number": compact([["JWT", overall], {"GPU-0": 1}]),
        "gpu-not-ascii": compact([["JWT", overall], {"GPU-0": "\u00e9"}]),
        "gpu-of-another-name": compact([["JWT", overall], {"SWITCH-0": gpu}]),
        "gpu-of-a-second-name": compact([["JWT", overall], {"GPU-00": gpu}]),
        "gpu-of-other-digits": compact([["JWT", overall], {"GPU-\u0661": gpu}]),
        "gpu-twice": good[:-2] + b',"GPU-0":""}]',
        "bytes-after": good + b"[]",
        "not-utf8": good[:-2] + b',"GPU-1":"\xff"}]',
    }.items():
        book.add(f"structure-{name}", "1 structure", "gpu.structure", document)
    book.add("runtime-data", "1 beside", "evidence.malformed", good, runtime_data=KEYSET.encode())
    book.add("collateral", "1 beside", "evidence.malformed", good, collateral={"rim": b"x"})


def _tokens(book: Book) -> None:
    def add(name: str, expect: str, document: bytes, **more: Any) -> None:
        book.add(name, "2 tokens", expect, document, **more)

    add("no-key-pinned", "policy.no_trust", answer(), policy="unpinned")
    for name, expect, header in (
        ("alg-none", "jwt.algorithm", {**HEADER, "alg": "none"}),
        ("alg-es256", "jwt.algorithm", {**HEADER, "alg": "ES256"}),
        ("kid-unknown", "jwt.key_id", {**HEADER, "kid": "es-2"}),
        ("x5c", "jwt.embedded_key", {**HEADER, "x5c": ["MIIB"]}),
        ("jku", "jwt.key_url", {**HEADER, "jku": "https://keys.example"}),
        ("crit", "jwt.critical", {**HEADER, "crit": ["exp"]}),
    ):
        add(f"overall-{name}", expect, answer(header=header))
        gpu = signed(GPU_2, header=header)
        submods = {"GPU-0": ["DIGEST", ["SHA-256", sha256(gpu.encode()).hex()]]}
        add(f"gpu-{name}", expect, answer(submods=submods, detached={"GPU-0": gpu}))
    for name, expect, sign in (
        ("by-another-key", "jwt.signature", lambda d: sign_es384(d, OTHER_EC_KEY)),
        ("by-secret", "jwt.signature_form", lambda d: sign_hs256(d, ES_PIN.public_key)),
        ("none", "jwt.signature_form", lambda _: b""),
    ):
        add(f"overall-signature-{name}", expect, answer(sign=sign))
        gpu = signed(GPU_2, sign=sign)
        submods = {"GPU-0": ["DIGEST", ["SHA-256", sha256(gpu.encode()).hex()]]}
        add(f"gpu-signature-{name}", expect, answer(submods=submods, detached={"GPU-0": gpu}))
    rs = token(GPU_2, RS_PIN, header=header_for(RS_PIN)).decode()
    submods = {"GPU-0": ["DIGEST", ["SHA-256", sha256(rs.encode()).hex()]]}
    add("gpu-key-of-another-service", "jwt.key_id", answer(submods=submods, detached={"GPU-0": rs}))
    unsigned = signed(GPU_2).rpartition(".")[0]
    submods = {"GPU-0": ["DIGEST", ["SHA-256", sha256(unsigned.encode()).hex()]]}
    add("gpu-two-parts", "jwt.structure", answer(submods=submods, detached={"GPU-0": unsigned}))


def _overall(book: Book) -> None:
    def add(name: str, expect: str, path: str, value: Any, **more: Any) -> None:
        document = answer(overall=put(OVERALL, path, value))
        book.add(f"overall-{name}", "3 and 4 overall", expect, document, **more)

    add("issuer-missing", "gpu.issuer", "iss", ...)
    add("issuer-local", "gpu.issuer", "iss", "LOCAL_GPU_VERIFIER")
    add("audience", "gpu.audience", "aud", "https://other.example")
    add("audience-missing", "gpu.audience", "aud", ..., policy="audience")
    add("audience-other", "gpu.audience", "aud", "https://other.example", policy="audience")
    end, start = TIMES["exp"] * 1000, TIMES["iat"] * 1000
    add("last-moment", "accept", "jti", "1", now_ms=end + 60_000 - 1)
    add("expired", "jwt.time.expired", "jti", "1", now_ms=end + 60_000)
    add("first-moment", "accept", "jti", "1", now_ms=start - 60_000)
    add("not-yet", "jwt.time.not_yet_valid", "jti", "1", now_ms=start - 60_001)
    add("issued-later", "jwt.time.future", "iat", NOW_S + 61)
    add("too-old", "jwt.time.stale", "iat", NOW_S - 3 * 3600 - 1)
    add("no-end", "jwt.time.claim", "exp", ...)
    add("subject-missing", "gpu.subject", "sub", ...)
    add("subject-other", "gpu.subject", "sub", "NVIDIA-GPU-ATTESTATION")
    add("version-missing", "gpu.version", "x-nvidia-ver", ...)
    add("version-1", "gpu.version", "x-nvidia-ver", "1.0")
    add("version-number", "gpu.version", "x-nvidia-ver", 2.0)
    result = "x-nvidia-overall-att-result"
    for name, value in {"missing": ..., "false": False, "text": "true", "one": 1}.items():
        add(f"result-{name}", "gpu.overall", result, value)
    add("nonce-missing", "gpu.nonce", "eat_nonce", ...)
    add("nonce-number", "gpu.nonce", "eat_nonce", 1)
    other = sha256(b"another nonce")
    add("nonce-of-another-token", "gpu.nonce", "eat_nonce", other.hex(), nonce=other)
    for name, nonce in {"another": other, "another-nodes": OTHER_KEYSET.digest()}.items():
        book.add(f"nonce-{name}", "6 nonce", "gpu.nonce", answer(), nonce=nonce)
    book.add("nonce-longer", "6 nonce", "gpu.nonce", answer(), nonce=ASKED + b"\0")


def _digests(book: Book) -> None:
    digest = sha256(signed(GPU_2).encode()).hex()

    def add(name: str, expect: str, submods: Any, **more: Any) -> None:
        book.add(f"submodules-{name}", "5 digests", expect, answer(submods=submods, **more))

    add("text", "gpu.submodules", "GPU-0")
    add("none", "gpu.submodules", {})
    add("of-another-name", "gpu.submodules", {"GPU-1": ["DIGEST", ["SHA-256", digest]]})
    right = ["DIGEST", ["SHA-256", digest]]
    add("one-more", "gpu.submodules", {"GPU-0": right, "GPU-1": right})
    add("one-less", "gpu.submodules", {"GPU-0": right}, gpus={"GPU-0": GPU_2, "GPU-1": SECOND})
    for name, value in {
        "other": ["DIGEST", ["SHA-256", "00" * 32]],
        "of-the-payload": ["DIGEST", ["SHA-256", sha256(compact(GPU_2)).hex()]],
        "sha-1": ["DIGEST", ["SHA-1", digest]],
        "in-capitals": ["DIGEST", ["SHA-256", digest.upper()]],
        "without-name": ["SHA-256", digest],
        "text": digest,
        "null": None,
    }.items():
        add(f"digest-{name}", "gpu.digest", {"GPU-0": value})
    swapped = answer(
        {"GPU-0": GPU_2, "GPU-1": SECOND},
        detached={"GPU-0": signed(SECOND), "GPU-1": signed(GPU_2)},
    )
    book.add("submodules-swapped", "5 digests", "gpu.digest", swapped)
    replaced = answer(detached={"GPU-0": signed({**GPU_2, "jti": "2"})})
    book.add("submodules-replaced", "5 digests", "gpu.digest", replaced)


def _gpus(book: Book) -> None:
    def add(name: str, clause: str, expect: str, path: str, value: Any, **more: Any) -> None:
        document = answer({"GPU-0": put(GPU_2, path, value)})
        book.add(f"gpu-{name}", clause, expect, document, **more)

    add("issuer-other", "3 issuer", "gpu.issuer", "iss", "https://nras.example")
    add("audience", "3 issuer", "gpu.audience", "aud", "https://other.example")
    past = {**GPU_2, "exp": NOW_S - 60, "iat": NOW_S - 600, "nbf": NOW_S - 600}
    book.add("gpu-expired", "3 times", "jwt.time.expired", answer({"GPU-0": past}))
    add("end-within-skew", "3 times", "accept", "exp", NOW_S - 59)
    add("no-beginning", "3 times", "jwt.time.claim", "nbf", ...)
    add("nonce-other", "6 nonce", "gpu.nonce", "eat_nonce", "00" * 32)
    add("nonce-missing", "6 nonce", "gpu.nonce", "eat_nonce", ...)
    for name, value in {"fail": "fail", "missing": ..., "true": True, "not-run": "not-run"}.items():
        add(f"measurements-{name}", "7 firmware", "gpu.measurements", "measres", value)
    for name, value in {"off": False, "null": None, "one": 1}.items():
        add(f"secure-boot-{name}", "7 firmware", "gpu.secure_boot", "secboot", value)
    for name, value in {"enabled": "enabled", "null": None, "false": False}.items():
        add(f"debug-{name}", "7 firmware", "gpu.debug", "dbgstat", value)
    mixed = answer(overall={**OVERALL, "x-nvidia-ver": "3.0"})
    book.add("gpu-claims-of-version-2-as-3", "7 version", "gpu.report", mixed)
    mixed = answer({"GPU-0": GPU_3})
    book.add("gpu-claims-of-version-3-as-2", "7 version", "gpu.certificate", mixed)
    add("warning", "7 warnings", "gpu.warning", "x-nvidia-attestation-warning", "late")
    add("warning-list", "7 warnings", "gpu.warning", "x-nvidia-attestation-warning", ["late"])
    add("errors", "7 warnings", "gpu.warning", "x-nvidia-error-details", [{"code": 4010}])
    add("errors-false", "7 warnings", "gpu.warning", "x-nvidia-error-details", False)
    for claim in ("hwmodel", "ueid", f"{G}driver-version", f"{G}vbios-version"):
        add(f"{claim}-missing", "8 identity", "gpu.identity", claim, ...)
        add(f"{claim}-empty", "8 identity", "gpu.identity", claim, "")
    twice = answer({"GPU-0": GPU_2, "GPU-1": {**GPU_2, "jti": "2"}})
    book.add("gpu-under-two-names", "8 identity", "gpu.identity", twice)
    for name in ("model", "driver", "vbios"):
        book.add(
            f"gpu-{name}-not-listed", "8 lists", f"gpu.{name}", answer(), policy=f"other-{name}"
        )
    book.add(
        "gpu-model-revoked",
        "8 lists",
        "attestation.revoked_product",
        answer(),
        policy="revoked-product",
    )
    second = answer({"GPU-0": GPU_2, "GPU-1": {**SECOND, "dbgstat": "enabled"}})
    book.add("gpu-second-in-debug", "7 firmware", "gpu.debug", second)


def _gpu_checks(book: Book) -> None:
    def add(name: str, clause: str, expect: str, path: str, value: Any) -> None:
        book.add(f"gpu-{name}", clause, expect, answer({"GPU-0": put(GPU_2, path, value)}))

    def add_3(name: str, clause: str, expect: str, path: str, value: Any) -> None:
        book.add(f"gpu-{name}", clause, expect, answer_3(put(GPU_3, path, value)))

    for claim in REPORT:
        add(claim.removeprefix(G), "7 report", "gpu.report", claim, False)
    for claim in (*REFERENCES, f"{G}vbios-index-no-conflict"):
        add(claim.removeprefix(G), "7 reference", "gpu.reference", claim, False)
    for claim in VALIDATED:
        add(claim.removeprefix(G), "7 certificates", "gpu.certificate", claim, False)
        add(f"{claim.removeprefix(G)}-missing", "7 certificates", "gpu.certificate", claim, ...)
    add_3("fwid", "7 report", "gpu.report", FWID, False)
    for claim in MATCHES:
        add_3(claim.removeprefix(G), "7 reference", "gpu.reference", claim, False)
    for claim in CHAINS:
        name = claim.removeprefix(G)
        add_3(f"{name}-missing", "7 certificates", "gpu.certificate", claim, ...)
        add_3(
            f"{name}-expired",
            "7 certificates",
            "gpu.certificate",
            f"{claim}/x-nvidia-cert-status",
            "expired",
        )
        add_3(
            f"{name}-revoked",
            "7 certificates",
            "gpu.certificate",
            f"{claim}/x-nvidia-cert-ocsp-status",
            "revoked",
        )


def render() -> str:
    """The file's text."""
    book = Book(NVIDIA, policies(), now_ms=NOW_MS)
    for part in (_accepted, _structure, _tokens, _overall, _digests, _gpus, _gpu_checks):
        part(book)
    return book.render()


if __name__ == "__main__":
    FILE.write_text(render())
