"""Collects SEV-SNP vectors: a sound scene, of which each case changes one thing."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha384
from typing import Any

from opengradient.core.digests import keccak256
from opengradient.core.evidence import SNP
from opengradient.core.keys import MemorySigner
from opengradient.core.keyset import Keyset
from opengradient.core.report_data import report_data
from opengradient.verify.platforms.snp import SnpPolicy
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.trust import TrustedRoot
from tests.vectors.evidence.snp_forge import (
    LINES,
    NOW,
    ListSpec,
    Spec,
    ark_spec,
    issuer_spec,
    leaf_spec,
    list_spec,
    p384,
    report_body,
    sign_report,
)

SIGNER = MemorySigner(b"\x07" * 32)
KEYSET = Keyset(signing=SIGNER.public_key)
NONCE = b"a nonce of test vectors"
CODE = "0x" + keccak256(sha384(b"measurement").digest()).hex()

SpecChange = Callable[[Spec], Spec]
ListChange = Callable[[ListSpec], ListSpec]


def same(spec: Any) -> Any:
    return spec


@dataclass
class Book:
    """The file: blobs and policies by name, each once, and the vectors that use them."""

    blobs: dict[str, str] = field(default_factory=dict)
    policies: dict[str, Any] = field(default_factory=dict)
    vectors: list[dict[str, Any]] = field(default_factory=list)

    def blob(self, name: str, data: bytes) -> str:
        return self._keep(self.blobs, name, base64.b64encode(data).decode())

    def policy(self, name: str, policy: TrustPolicy) -> str:
        return self._keep(self.policies, name, policy.to_json())

    def _keep(self, shelf: dict[str, Any], name: str, value: Any) -> str:
        for known, kept in shelf.items():
            if kept == value:
                return known
        assert name not in shelf, name
        shelf[name] = value
        return name

    def case(
        self,
        name: str,
        expect: str = "accept",
        *,
        clause: str,
        product: str = "Genoa",
        version: int = 3,
        signer: str = "vcek",
        body: Mapping[int, bytes] | None = None,
        after: Mapping[int, bytes] | None = None,
        document: Callable[[bytes], bytes] = same,
        report_key: str | None = None,
        high_s: bool = False,
        leaf: SpecChange = same,
        issuer: SpecChange = same,
        ark: SpecChange = same,
        crl: ListChange = same,
        without: tuple[str, ...] = (),
        beside: Mapping[str, bytes] | None = None,
        settings: Mapping[str, Any] | None = None,
        policy: Mapping[str, Any] | None = None,
        extra_roots: tuple[TrustedRoot, ...] = (),
        now_ms: int = NOW,
        nonce: bytes | None = NONCE,
        asked: bytes | None = NONCE,
        runtime: bytes = KEYSET.encode(),
        data: bytes | None = None,
    ) -> None:
        """Add one vector.

        ``body`` is written over the signed bytes before they are signed, ``after`` over the whole
        report afterwards; ``nonce`` is what the report answers, ``asked`` what was sent.
        """
        line = LINES[product]
        signed = report_body(line, version, signer, data or report_data(KEYSET.digest(), nonce))
        for offset, value in (body or {}).items():
            signed[offset : offset + len(value)] = value
        made = bytearray(
            sign_report(bytes(signed), p384(report_key or f"{signer} {product}"), high_s=high_s)
        )
        for offset, value in (after or {}).items():
            made[offset : offset + len(value)] = value
        root = TrustedRoot(
            kind=SNP, name=f"test ARK {product}", certificate=ark(ark_spec(line)).build()
        )
        names = ("vcek", "ask") if signer == "vcek" else ("vlek", "asvk")
        collateral = {
            names[0]: leaf(leaf_spec(line, signer)).build(),
            names[1]: issuer(issuer_spec(line, signer)).build(),
            "crl": crl(list_spec(line)).build(),
        }
        for item in without:
            del collateral[item]
        collateral |= beside or {}
        trusted = TrustPolicy(
            roots=(*extra_roots, root),
            measurements=frozenset({CODE}),
            platforms=(SnpPolicy(**{"signers": frozenset({"vcek", "vlek"}), **(settings or {})}),),
        )
        self.vectors.append(
            {
                "name": name,
                "clause": clause,
                "document": self.blob(f"{name}: report", document(bytes(made))),
                "runtime_data": self.blob("keyset", runtime)
                if runtime == KEYSET.encode()
                else (self.blob(f"{name}: runtime data", runtime) if runtime else None),
                "collateral": {
                    item: self.blob(f"{name}: {item}", value)
                    for item, value in sorted(collateral.items())
                },
                "policy": self.policy(name, replace(trusted, **(policy or {}))),
                "now_ms": now_ms,
                "nonce": None if asked is None else asked.hex(),
                "expect": expect,
            }
        )
