"""A book of vectors of one kind of evidence, in the form that `test_evidence_vectors` reads."""

import base64
import json
from typing import Any

from opengradient.verify.policy import TrustPolicy


class Book:
    """Collects vectors; documents that several use are written once."""

    def __init__(self, kind: str, policies: dict[str, TrustPolicy], *, now_ms: int) -> None:
        self.kind = kind
        self.policies = policies
        self.now_ms = now_ms
        self.blobs: dict[bytes, str] = {}
        self.vectors: list[dict[str, Any]] = []

    def add(
        self,
        name: str,
        clause: str,
        expect: str,
        document: bytes,
        *,
        runtime_data: bytes = b"",
        collateral: dict[str, bytes] | None = None,
        policy: str = "base",
        now_ms: int | None = None,
        nonce: bytes | None = None,
    ) -> None:
        self.vectors.append(
            {
                "name": name,
                "clause": clause,
                "document": self._blob(document, name),
                "runtime_data": self._blob(runtime_data, f"{name}-keyset")
                if runtime_data
                else None,
                "collateral": {
                    item: self._blob(data, f"{name}-{item}")
                    for item, data in sorted((collateral or {}).items())
                },
                "policy": policy,
                "now_ms": self.now_ms if now_ms is None else now_ms,
                "nonce": None if nonce is None else nonce.hex(),
                "expect": expect,
            }
        )

    def _blob(self, data: bytes, name: str) -> str:
        return self.blobs.setdefault(data, name)

    def render(self) -> str:
        """The bytes of the file, as text."""
        content = {
            "about": "made by tests/vectors/evidence; keys are public test keys",
            "kind": self.kind,
            "blobs": {name: base64.b64encode(data).decode() for data, name in self.blobs.items()},
            "policies": {name: policy.to_json() for name, policy in self.policies.items()},
            "vectors": self.vectors,
        }
        if len(content["blobs"]) != len(self.blobs):
            raise AssertionError("two documents of one name")
        return json.dumps(content, indent=1, ensure_ascii=True) + "\n"
