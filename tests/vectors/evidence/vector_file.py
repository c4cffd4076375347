"""One file of evidence vectors: policies, blobs and cases, written the same way every time."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opengradient.core.digests import sha256
from opengradient.verify.policy import TrustPolicy


@dataclass
class VectorFile:
    """Collects vectors.

    Attributes:
        kind: Kind of the evidence, where a vector names no other.
        about: What the file is, for people.
        policies: Name to policy.
        now_ms: The time at which a vector is judged, where it names no other.
    """

    kind: str
    about: str
    policies: Mapping[str, TrustPolicy]
    now_ms: int
    blobs: dict[str, bytes] = field(default_factory=dict)
    vectors: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        name: str,
        clause: str,
        document: bytes,
        *,
        expect: str = "accept",
        policy: str = "default",
        now_ms: int | None = None,
        nonce: bytes | None = None,
        kind: str | None = None,
        runtime_data: bytes | None = None,
        collateral: Mapping[str, bytes] | None = None,
    ) -> None:
        """Add one vector; equal bytes are stored once."""
        if policy not in self.policies:
            raise KeyError(policy)
        items = (collateral or {}).items()
        vector: dict[str, Any] = {
            "name": name,
            "clause": clause,
            "document": self._blob(document),
            "runtime_data": None if runtime_data is None else self._blob(runtime_data),
            "collateral": {item: self._blob(data) for item, data in sorted(items)},
            "policy": policy,
            "now_ms": self.now_ms if now_ms is None else now_ms,
            "nonce": None if nonce is None else nonce.hex(),
            "expect": expect,
        }
        if kind is not None:
            vector["kind"] = kind
        self.vectors.append(vector)

    def _blob(self, data: bytes) -> str:
        name = sha256(data).hex()[:16]
        self.blobs[name] = data
        return name

    def render(self) -> str:
        """The file."""
        content = {
            "about": self.about,
            "kind": self.kind,
            "policies": {name: policy.to_json() for name, policy in self.policies.items()},
            "blobs": {
                name: base64.b64encode(data).decode() for name, data in sorted(self.blobs.items())
            },
            "vectors": self.vectors,
        }
        return json.dumps(content, indent=1, ensure_ascii=True) + "\n"
