"""Vectors of Confidential Space tokens. The form of tokens in general is tested here too."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from opengradient.core.digests import keccak256, sha256
from opengradient.core.evidence import GCP
from opengradient.core.jwt import encode_part
from opengradient.core.report_data import nonce_digest
from opengradient.verify.attestation.gcp import ISSUER
from opengradient.verify.platforms.gcp import GcpPolicy
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.requirements import RequiredRegister
from opengradient.verify.token_keys import ES384, PS256, RS256
from tests.vectors.evidence.book import Book
from tests.vectors.evidence.token_forge import (
    ES_PIN,
    KEYSET,
    NONCE,
    NOW_MS,
    NOW_S,
    OTHER_EC_KEY,
    OTHER_KEYSET,
    OTHER_RSA_KEY,
    PS_PIN,
    REVOKED_KEY,
    RS_PIN,
    RSA_KEY,
    compact,
    header_for,
    put,
    sign_es384,
    sign_hs256,
    sign_ps256,
    sign_rs256,
    spki,
    token,
)

FILE = Path(__file__).with_name("gcp.json")
IMAGE = sha256(b"opengradient test vector image")
MEASUREMENT = "0x" + keccak256(IMAGE).hex()
AUDIENCE = "https://client.example"
ACCOUNT = "node@project-1.iam.gserviceaccount.com"
SETTINGS = GcpPolicy(keys=(RS_PIN, PS_PIN, ES_PIN), audience=AUDIENCE)
BASE = TrustPolicy(roots=(), measurements=frozenset({MEASUREMENT}), platforms=(SETTINGS,))
CLAIMS: dict[str, Any] = {
    "aud": AUDIENCE,
    "exp": NOW_S + 3540,
    "iat": NOW_S - 60,
    "iss": ISSUER,
    "nbf": NOW_S - 60,
    "sub": "https://www.googleapis.com/compute/v1/projects/project-1/zones/us-west1-b/instances/n",
    "eat_nonce": [KEYSET.digest().hex(), nonce_digest(NONCE).hex()],
    "secboot": True,
    "oemid": 11129,
    "hwmodel": "GCP_INTEL_TDX",
    "swname": "CONFIDENTIAL_SPACE",
    "swversion": ["250800"],
    "dbgstat": "disabled-since-boot",
    "google_service_accounts": [ACCOUNT],
    "submods": {
        "confidential_space": {"support_attributes": ["LATEST", "STABLE", "USABLE"]},
        "container": {
            "image_reference": "registry.example/node@sha256:" + IMAGE.hex(),
            "image_digest": "sha256:" + IMAGE.hex(),
            "restart_policy": "Never",
            "args": ["/node"],
            "env": {"PATH": "/bin"},
        },
        "gce": {
            "zone": "us-west1-b",
            "project_id": "project-1",
            "project_number": "1",
            "instance_name": "n",
            "instance_id": "1",
        },
    },
}


def policies() -> dict[str, TrustPolicy]:
    def with_settings(**changes: Any) -> TrustPolicy:
        return replace(BASE, platforms=(replace(SETTINGS, **changes),))

    confused = replace(PS_PIN, kid="rs-2", algorithm=RS256)
    return {
        "base": BASE,
        "unpinned": replace(BASE, platforms=()),
        "two-keys": with_settings(keys=(RS_PIN, confused)),
        "no-audience": with_settings(audience=""),
        "places": with_settings(
            projects=frozenset({"project-1"}),
            zones=frozenset({"us-west1-b"}),
            service_accounts=frozenset({ACCOUNT}),
        ),
        "other-project": with_settings(projects=frozenset({"project-2"})),
        "other-zone": with_settings(zones=frozenset({"us-west1-a"})),
        "other-account": with_settings(service_accounts=frozenset({"other@example"})),
        "sev": with_settings(hardware=frozenset({"GCP_AMD_SEV", "GCP_INTEL_TDX"})),
        "version": with_settings(min_software_version=250800),
        "usable": with_settings(support_attributes=frozenset({"USABLE"})),
        "overrides": with_settings(
            command=("/node", "--quiet"), environment=frozenset({("LEVEL", "info")})
        ),
        "other-code": replace(BASE, measurements=frozenset({"0x" + "00" * 32})),
        "revoked-code": replace(BASE, revoked_measurements=frozenset({MEASUREMENT})),
        "revoked-key": replace(BASE, revoked_keys=frozenset({REVOKED_KEY})),
        "revoked-product": replace(BASE, revoked_products=frozenset({f"{GCP}/GCP_INTEL_TDX"})),
        "register": replace(
            BASE,
            registers=(RequiredRegister(name="IMAGE_DIGEST", values=frozenset({IMAGE.hex()})),),
        ),
        "other-register": replace(
            BASE,
            registers=(RequiredRegister(name="IMAGE_DIGEST", values=frozenset({"00" * 32})),),
        ),
        "debug": replace(BASE, allow_debug=True),
    }


def _accepted(book: Book) -> None:
    keyset = KEYSET.encode()
    good = token(CLAIMS, RS_PIN)

    def add(name: str, document: bytes = good, **more: Any) -> None:
        book.add(name, "all", "accept", document, **{"runtime_data": keyset, **more})

    add("standing")
    add("answers-the-nonce", nonce=NONCE)
    add("ps256", token(CLAIMS, PS_PIN))
    add("es384", token(CLAIMS, ES_PIN))
    add("foreign", runtime_data=b"")
    add(
        "foreign-nonce",
        token(put(CLAIMS, "eat_nonce", NONCE.hex()), RS_PIN),
        runtime_data=b"",
        nonce=NONCE,
    )
    add("foreign-without-nonce", token(put(CLAIMS, "eat_nonce", ...), RS_PIN), runtime_data=b"")
    add("one-nonce-as-text", token(put(CLAIMS, "eat_nonce", KEYSET.digest().hex()), RS_PIN))
    add("no-type", token(CLAIMS, RS_PIN, header={"alg": RS256, "kid": "rs-1"}))
    add("places", policy="places")
    add("lowest-version", policy="version")
    add("register", policy="register")
    add("sev-where-accepted", token(put(CLAIMS, "hwmodel", "GCP_AMD_SEV"), RS_PIN), policy="sev")
    add(
        "usable-where-accepted",
        token(put(CLAIMS, "submods/confidential_space/support_attributes", ["USABLE"]), RS_PIN),
        policy="usable",
    )
    debug = put(put(CLAIMS, "dbgstat", "enabled"), "submods/confidential_space", {})
    add("debug-where-accepted", token(debug, RS_PIN), policy="debug")
    container = {
        **CLAIMS["submods"]["container"],
        "cmd_override": ["/node", "--quiet"],
        "env_override": {"LEVEL": "info"},
    }
    add(
        "overrides-where-accepted",
        token(put(CLAIMS, "submods/container", container), RS_PIN),
        policy="overrides",
    )
    nulls = {**CLAIMS["submods"]["container"], "cmd_override": None, "env_override": None}
    add("overrides-null", token(put(CLAIMS, "submods/container", nulls), RS_PIN))
    add("unknown-claim", token({**CLAIMS, "new": [1.5]}, RS_PIN))
    add("spaces-in-json", token(json.dumps(CLAIMS).encode(), RS_PIN))


def _forms(book: Book) -> None:
    """The token itself: parts, base64url, JSON."""
    keyset, good = KEYSET.encode(), token(CLAIMS, RS_PIN)
    head, body, signature = good.split(b".")

    def add(name: str, clause: str, expect: str, document: bytes, **more: Any) -> None:
        book.add(name, clause, expect, document, runtime_data=keyset, **more)

    add("empty-parts", "1 parts", "jwt.structure", b"..")
    add("two-parts", "1 parts", "jwt.structure", head + b"." + body)
    add("four-parts", "1 parts", "jwt.structure", good + b"." + signature)
    add("no-payload", "1 parts", "jwt.structure", head + b".." + signature)
    add(
        "json-serialization", "1 parts", "jwt.structure", compact({"payload": "", "signatures": []})
    )
    add("too-large", "1 size", "format.too_large", token({**CLAIMS, "x": "x" * 16384}, RS_PIN))
    add(
        "header-too-large",
        "1 size",
        "jwt.json",
        token(CLAIMS, RS_PIN, header=header_for(RS_PIN, x="x" * 1024)),
    )
    for name, document in {
        "padding": head + b"." + body + b"." + signature + b"==",
        "newline-after": good + b"\n",
        "space-before": b" " + good,
        "space-within": head + b". " + body + b"." + signature,
        "standard-alphabet": head + b"." + body + b"." + b"+/" + signature[2:],
        "not-ascii": head + b"." + body + b"." + signature[:-1] + b"\xff",
        "one-digit-too-many": head
        + b"."
        + body
        + b"."
        + signature[: len(signature) // 4 * 4]
        + b"A",
        "unused-bits": head + b"." + body + b"." + signature[:-1] + _next_digit(signature[-1]),
    }.items():
        add(f"base64-{name}", "1 base64url", "jwt.base64", document)
    twice = compact(CLAIMS)[:-1] + b',"aud":"https://other.example"}'
    nested = compact(CLAIMS).replace(b'"zone":', b'"zone":"a","zone":')
    for name, claims in {
        "member-twice": twice,
        "member-twice-within": nested,
        "array": b"[]",
        "text": b'"x"',
        "nan": compact(CLAIMS)[:-1] + b',"x":NaN}',
        "infinite": compact(CLAIMS)[:-1] + b',"x":1e999}',
        "lone-surrogate": compact(CLAIMS)[:-1] + b',"x":"\\ud800"}',
        "bytes-after": compact(CLAIMS) + b"{}",
        "byte-order-mark": b"\xef\xbb\xbf" + compact(CLAIMS),
        "not-utf8": compact(CLAIMS)[:-1] + b',"x":"\xff"}',
        "too-deep": compact(CLAIMS)[:-1] + b',"x":' + b"[" * 200 + b"]" * 200 + b"}",
        "number-too-long": compact(CLAIMS)[:-1] + b',"x":' + b"9" * 5000 + b"}",
    }.items():
        add(f"json-{name}", "1 JSON", "jwt.json", token(claims, RS_PIN))
    alg_twice = b'{"alg":"none","alg":"RS256","kid":"rs-1"}'
    add("json-header-member-twice", "1 JSON", "jwt.json", token(CLAIMS, RS_PIN, header=alg_twice))
    add("json-header-array", "1 JSON", "jwt.json", token(CLAIMS, RS_PIN, header=b"[]"))


def _next_digit(digit: int) -> bytes:
    """Another last digit over the same bytes: it differs in bits that nothing reads."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(digit) ^ 1 :][:1]


def _headers(book: Book) -> None:
    """Header, key and signature."""
    keyset = KEYSET.encode()
    public = spki(RSA_KEY)

    def add(name: str, expect: str, header: Any = None, sign: Any = None, **more: Any) -> None:
        pin = more.pop("pin", RS_PIN)
        document = token(more.pop("claims", CLAIMS), pin, header=header, sign=sign)
        book.add(name, "2 header and key", expect, document, runtime_data=keyset, **more)

    add("no-key-pinned", "policy.no_trust", policy="unpinned")
    add("crit", "jwt.critical", header_for(RS_PIN, crit=["exp"], exp=1))
    add("crit-empty", "jwt.critical", header_for(RS_PIN, crit=[]))
    add("unencoded-payload", "jwt.critical", header_for(RS_PIN, crit=["b64"], b64=False))
    add("unknown-parameter", "jwt.header", header_for(RS_PIN, b64=True))
    add("compressed", "jwt.header", header_for(RS_PIN, zip="DEF"))
    jwk = {
        "kty": "RSA",
        "kid": "rs-1",
        "e": "AQAB",
        "n": encode_part(OTHER_RSA_KEY.public_key().public_numbers().n.to_bytes(256)).decode(),
    }
    add(
        "jwk-injection",
        "jwt.embedded_key",
        header_for(RS_PIN, jwk=jwk),
        lambda d: sign_rs256(d, OTHER_RSA_KEY),
    )
    for name, value in {
        "x5c": ["MIIB"],
        "x5u": "https://keys.example/chain",
        "x5t": "AAAA",
        "x5t#S256": "AAAA",
        "jwk": None,
    }.items():
        add(f"{name}-named", "jwt.embedded_key", header_for(RS_PIN, **{name: value}))
    add(
        "jku-injection",
        "jwt.key_url",
        header_for(RS_PIN, jku="https://keys.example"),
        lambda d: sign_rs256(d, OTHER_RSA_KEY),
    )
    add("jku-null", "jwt.key_url", header_for(RS_PIN, jku=None))
    add("type-of-another-use", "jwt.type", header_for(RS_PIN, typ="at+jwt"))
    add("type-in-small-letters", "jwt.type", header_for(RS_PIN, typ="jwt"))
    add("type-null", "jwt.type", header_for(RS_PIN, typ=None))
    add("kid-missing", "jwt.key_id", {"alg": RS256, "typ": "JWT"})
    add("kid-unknown", "jwt.key_id", header_for(RS_PIN, kid="rs-9"))
    add("kid-number", "jwt.key_id", header_for(RS_PIN, kid=1))
    add("kid-list", "jwt.key_id", header_for(RS_PIN, kid=["rs-1"]))
    add("kid-path", "jwt.key_id", header_for(RS_PIN, kid="../rs-1"))
    add(
        "kid-of-another-key",
        "jwt.signature",
        header_for(RS_PIN),
        lambda d: sign_rs256(d, OTHER_RSA_KEY),
        policy="two-keys",
    )
    add("alg-none", "jwt.algorithm", header_for(RS_PIN, alg="none"), lambda _: b"")
    add("alg-none-in-capitals", "jwt.algorithm", header_for(RS_PIN, alg="NONE"), lambda _: b"")
    add("alg-none-signed", "jwt.algorithm", header_for(RS_PIN, alg="none"))
    add("alg-missing", "jwt.algorithm", {"kid": "rs-1", "typ": "JWT"})
    add("alg-number", "jwt.algorithm", header_for(RS_PIN, alg=256))
    add(
        "hs256-with-public-der",
        "jwt.algorithm",
        header_for(RS_PIN, alg="HS256"),
        lambda d: sign_hs256(d, public),
    )
    add(
        "hs256-with-kid",
        "jwt.algorithm",
        header_for(RS_PIN, alg="HS256"),
        lambda d: sign_hs256(d, b"rs-1"),
    )
    add("hs384", "jwt.algorithm", header_for(RS_PIN, alg="HS384"), lambda d: sign_hs256(d, public))
    add("rs512", "jwt.algorithm", header_for(RS_PIN, alg="RS512"))
    add(
        "ps256-of-an-rs256-key",
        "jwt.algorithm",
        header_for(RS_PIN, alg=PS256),
        lambda d: sign_ps256(d, RSA_KEY),
    )
    add(
        "rs256-of-a-ps256-key",
        "jwt.algorithm",
        header_for(PS_PIN, alg=RS256),
        lambda d: sign_rs256(d, OTHER_RSA_KEY),
    )
    add("es384-of-an-rs256-key", "jwt.algorithm", header_for(RS_PIN, alg=ES384), sign_es384)
    add("hmac-called-rs256", "jwt.signature_form", sign=lambda d: sign_hs256(d, public))
    add("no-signature", "jwt.signature_form", sign=lambda _: b"")
    add("signature-too-short", "jwt.signature_form", sign=lambda d: sign_rs256(d)[:-1])
    add("signature-too-long", "jwt.signature_form", sign=lambda d: b"\0" + sign_rs256(d))
    add("signature-by-another-key", "jwt.signature", sign=lambda d: sign_rs256(d, OTHER_RSA_KEY))
    add("signature-over-another-text", "jwt.signature", sign=lambda d: sign_rs256(d + b"x"))
    add("signature-zero", "jwt.signature", sign=lambda _: bytes(256))
    modulus = RSA_KEY.public_key().public_numbers().n
    add("signature-the-modulus", "jwt.signature", sign=lambda _: modulus.to_bytes(256))
    add("ps256-as-rs256", "jwt.signature", sign=lambda d: sign_ps256(d, RSA_KEY))
    add("rs256-as-ps256", "jwt.signature", pin=PS_PIN, sign=lambda d: sign_rs256(d, OTHER_RSA_KEY))
    add(
        "ps256-salt-too-short",
        "jwt.signature",
        pin=PS_PIN,
        sign=lambda d: sign_ps256(d, salt_size=20),
    )
    add(
        "ps256-without-salt", "jwt.signature", pin=PS_PIN, sign=lambda d: sign_ps256(d, salt_size=0)
    )
    add("es384-too-short", "jwt.signature_form", pin=ES_PIN, sign=lambda d: sign_es384(d)[:-1])
    add("es384-too-long", "jwt.signature_form", pin=ES_PIN, sign=lambda d: sign_es384(d) + b"\0")
    add("es384-zeros", "jwt.signature_form", pin=ES_PIN, sign=lambda _: bytes(96))
    add(
        "es384-r-zero",
        "jwt.signature_form",
        pin=ES_PIN,
        sign=lambda d: bytes(48) + sign_es384(d)[48:],
    )
    add(
        "es384-s-zero",
        "jwt.signature_form",
        pin=ES_PIN,
        sign=lambda d: sign_es384(d)[:48] + bytes(48),
    )
    order = bytes.fromhex(
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"
    )
    add(
        "es384-s-the-order",
        "jwt.signature_form",
        pin=ES_PIN,
        sign=lambda d: sign_es384(d)[:48] + order,
    )
    add(
        "es384-r-the-order",
        "jwt.signature_form",
        pin=ES_PIN,
        sign=lambda d: order + sign_es384(d)[48:],
    )
    add(
        "es384-by-another-key",
        "jwt.signature",
        pin=ES_PIN,
        sign=lambda d: sign_es384(d, OTHER_EC_KEY),
    )


def _times(book: Book) -> None:
    keyset, skew, age = KEYSET.encode(), 60_000, 3 * 3600_000

    def add(name: str, expect: str, now_ms: int = NOW_MS, **claims: Any) -> None:
        changed = {k: v for k, v in {**CLAIMS, **claims}.items() if v is not ...}
        book.add(
            name, "4 times", expect, token(changed, RS_PIN), runtime_data=keyset, now_ms=now_ms
        )

    for claim in ("iat", "nbf", "exp"):
        for name, value in {
            "missing": ...,
            "text": str(CLAIMS[claim]),
            "fraction": CLAIMS[claim] + 0.5,
            "true": True,
            "negative": -1,
            "huge": 2**43 + 1,
        }.items():
            add(f"{claim}-{name}", "jwt.time.claim", **{claim: value})
    add("ends-as-it-begins", "jwt.time.order", exp=CLAIMS["nbf"])
    add("ends-as-it-is-issued", "jwt.time.order", exp=CLAIMS["iat"], nbf=CLAIMS["iat"] - 10)
    end, start = (NOW_S + 3540) * 1000, (NOW_S - 60) * 1000
    add("last-moment", "accept", now_ms=end + skew - 1)
    add("expired", "jwt.time.expired", now_ms=end + skew)
    add("first-moment", "accept", now_ms=start - skew, iat=NOW_S - 600)
    add("not-yet", "jwt.time.not_yet_valid", now_ms=start - skew - 1, iat=NOW_S - 600)
    add("issued-within-skew", "accept", iat=NOW_S + 60)
    add("issued-later", "jwt.time.future", iat=NOW_S + 61)
    add("oldest", "accept", now_ms=start + age, exp=NOW_S + 86400)
    add("too-old", "jwt.time.stale", now_ms=start + age + 1, exp=NOW_S + 86400)


def _claims(book: Book) -> None:
    keyset, good = KEYSET.encode(), token(CLAIMS, RS_PIN)

    def add(name: str, clause: str, expect: str, path: str, value: Any, **more: Any) -> None:
        document = token(put(CLAIMS, path, value), RS_PIN)
        book.add(name, clause, expect, document, **{"runtime_data": keyset, **more})

    def same(name: str, clause: str, expect: str, **more: Any) -> None:
        book.add(name, clause, expect, good, **{"runtime_data": keyset, **more})

    same("collateral", "1 beside", "evidence.malformed", collateral={"jwks": b"{}"})
    add("issuer-missing", "3 issuer", "gcp.issuer", "iss", ...)
    add("issuer-other", "3 issuer", "gcp.issuer", "iss", "https://accounts.google.com")
    add("issuer-with-slash", "3 issuer", "gcp.issuer", "iss", ISSUER + "/")
    add("audience-missing", "3 audience", "gcp.audience", "aud", ...)
    add("audience-other", "3 audience", "gcp.audience", "aud", "https://sts.googleapis.com")
    add("audience-list", "3 audience", "gcp.audience", "aud", [AUDIENCE])
    add("audience-empty-in-both", "3 audience", "gcp.audience", "aud", "", policy="no-audience")
    add("software-other", "5 software", "gcp.software", "swname", "GCE")
    add("software-missing", "5 software", "gcp.software", "swname", ...)
    add("secure-boot-off", "5 software", "gcp.secure_boot", "secboot", False)
    add("secure-boot-one", "5 software", "gcp.secure_boot", "secboot", 1)
    add("secure-boot-missing", "5 software", "gcp.secure_boot", "secboot", ...)
    add("debug", "5 software", "gcp.debug", "dbgstat", "enabled")
    add("debug-missing", "5 software", "gcp.debug", "dbgstat", ...)
    add("debug-only-now", "5 software", "gcp.debug", "dbgstat", "disabled")
    support = "submods/confidential_space/support_attributes"
    add("support-usable-only", "5 software", "gcp.support", support, ["USABLE"])
    add("support-missing", "5 software", "gcp.support", support, ...)
    add("support-no-list", "5 software", "gcp.support", support, "STABLE")
    add("support-none", "5 software", "gcp.support", "submods/confidential_space", ...)
    add(
        "version-lower",
        "5 software",
        "gcp.software_version",
        "swversion",
        ["250799"],
        policy="version",
    )
    add("version-missing", "5 software", "gcp.software_version", "swversion", ...)
    add("version-two", "5 software", "gcp.software_version", "swversion", ["250800", "250801"])
    add("version-words", "5 software", "gcp.software_version", "swversion", ["latest"])
    add("version-other-digits", "5 software", "gcp.software_version", "swversion", ["\u0662"])
    add("hardware-sev", "6 hardware", "gcp.hardware", "hwmodel", "GCP_AMD_SEV")
    add(
        "hardware-shielded",
        "6 hardware",
        "gcp.hardware",
        "hwmodel",
        "GCP_SHIELDED_VM",
        policy="sev",
    )
    add("hardware-missing", "6 hardware", "gcp.hardware", "hwmodel", ...)
    add("hardware-list", "6 hardware", "gcp.hardware", "hwmodel", ["GCP_INTEL_TDX"])
    same("hardware-revoked", "6 hardware", "attestation.revoked_product", policy="revoked-product")
    same("project-other", "7 place", "gcp.project", policy="other-project")
    add("project-missing", "7 place", "gcp.project", "submods/gce/project_id", ...)
    add("place-missing", "7 place", "gcp.project", "submods/gce", ...)
    same("zone-other", "7 place", "gcp.zone", policy="other-zone")
    add("zone-missing", "7 place", "gcp.zone", "submods/gce/zone", ...)
    same("account-other", "7 place", "gcp.service_account", policy="other-account")
    accounts = "google_service_accounts"
    add(
        "account-one-more",
        "7 place",
        "gcp.service_account",
        accounts,
        [ACCOUNT, "b@example"],
        policy="places",
    )
    add("account-none", "7 place", "gcp.service_account", accounts, ..., policy="places")
    add("account-no-list", "7 place", "gcp.service_account", accounts, ACCOUNT)
    digest = "submods/container/image_digest"
    add("image-missing", "8 image", "gcp.image_digest", digest, ...)
    add("image-without-name", "8 image", "gcp.image_digest", digest, IMAGE.hex())
    add("image-in-capitals", "8 image", "gcp.image_digest", digest, "sha256:" + IMAGE.hex().upper())
    add("image-sha512", "8 image", "gcp.image_digest", digest, "sha512:" + "00" * 64)
    add("image-too-long", "8 image", "gcp.image_digest", digest, "sha256:" + IMAGE.hex() + "0")
    add("container-missing", "8 image", "gcp.image_digest", "submods/container", ...)
    add("submodules-missing", "8 image", "gcp.image_digest", "submods", ...)
    add("image-other", "8 image", "attestation.measurement", digest, "sha256:" + "00" * 32)
    same("image-not-listed", "8 image", "attestation.measurement", policy="other-code")
    same("image-revoked", "8 image", "attestation.revoked_measurement", policy="revoked-code")
    same("register-other", "8 image", "attestation.register", policy="other-register")
    command, environment = "submods/container/cmd_override", "submods/container/env_override"
    add("command-replaced", "9 overrides", "gcp.command", command, ["/sh"])
    add(
        "command-not-as-allowed",
        "9 overrides",
        "gcp.command",
        command,
        ["/node"],
        policy="overrides",
    )
    add("command-not-replaced", "9 overrides", "gcp.command", command, ..., policy="overrides")
    add("command-no-list", "9 overrides", "gcp.command", command, "/sh")
    add("environment-set", "9 overrides", "gcp.environment", environment, {"LEVEL": "info"})
    add("environment-empty-text", "9 overrides", "gcp.environment", environment, "")
    add("environment-number", "9 overrides", "gcp.environment", environment, {"LEVEL": 1})
    add("environment-list", "9 overrides", "gcp.environment", environment, {"LEVEL": ["info"]})
    both = {**CLAIMS["submods"]["container"], "cmd_override": ["/node", "--quiet"]}
    for name, given in {"value": {"LEVEL": "debug"}, "name": {"LEVEL": "info", "X": "1"}}.items():
        changed = {**both, "env_override": given}
        add(
            f"environment-other-{name}",
            "9 overrides",
            "gcp.environment",
            "submods/container",
            changed,
            policy="overrides",
        )


def _binding(book: Book) -> None:
    keyset = KEYSET.encode()
    mine, answer = CLAIMS["eat_nonce"]

    def add(name: str, expect: str, nonces: Any, **more: Any) -> None:
        document = token(put(CLAIMS, "eat_nonce", nonces), RS_PIN)
        book.add(name, "10 binding", expect, document, **{"runtime_data": keyset, **more})

    add("nonce-number", "gcp.nonce.form", 7)
    add("nonce-list-of-numbers", "gcp.nonce.form", [7])
    add("nonce-too-short", "gcp.nonce.form", [mine, "1234567"])
    add("nonce-too-long", "gcp.nonce.form", [mine, "x" * 89])
    add("nonces-seven", "gcp.nonce.form", [mine] * 7)
    add("nonces-six", "accept", [mine] * 6)
    add("nonce-shortest-and-longest", "accept", [mine, "12345678", "x" * 88])
    add("keyset-not-bound", "gcp.nonce.keyset", [answer])
    add("keyset-none", "gcp.nonce.keyset", ...)
    add("keyset-in-capitals", "gcp.nonce.keyset", [mine.upper(), answer])
    add("keyset-within-a-longer-one", "gcp.nonce.keyset", [mine + "00"])
    add("keyset-other", "gcp.nonce.keyset", [mine, answer], runtime_data=OTHER_KEYSET.encode())
    add(
        "keyset-malformed",
        "keyset.malformed",
        [mine],
        runtime_data=b'{"version":"opengradient.keyset/1"}',
    )
    add(
        "keyset-second-spelling",
        "keyset.not_canonical",
        [mine],
        runtime_data=keyset.replace(b":", b": ", 1),
    )
    add("keyset-revoked", "attestation.revoked_key", [mine], policy="revoked-key")
    add("nonce-not-answered", "gcp.nonce.mismatch", [mine], nonce=NONCE)
    add("nonce-raw-with-keyset", "gcp.nonce.mismatch", [mine, NONCE.hex()], nonce=NONCE)
    add("nonce-of-another", "gcp.nonce.mismatch", [mine, answer], nonce=sha256(b"another"))
    add(
        "foreign-nonce-other",
        "gcp.nonce.mismatch",
        NONCE.hex(),
        runtime_data=b"",
        nonce=sha256(b"another"),
    )
    add("foreign-nonce-hashed", "gcp.nonce.mismatch", answer, runtime_data=b"", nonce=NONCE)


def render() -> str:
    """The file's text."""
    book = Book(GCP, policies(), now_ms=NOW_MS)
    for part in (_accepted, _forms, _headers, _times, _claims, _binding):
        part(book)
    return book.render()


if __name__ == "__main__":
    FILE.write_text(render())
