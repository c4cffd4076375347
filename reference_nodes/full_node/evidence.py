"""The evidence that this node has verified, and when it judged it."""

from typing import final

from anyio import to_thread

from opengradient.core.evidence import NITRO, SOFTWARE, Evidence
from opengradient.core.keyset import Keyset
from opengradient.errors import ChainError, FreshnessError, VerificationError
from opengradient.verify.attestation import inspect_nitro, verify_evidence
from opengradient.verify.policy import TrustPolicy
from reference_nodes.full_node.keys import KeyBook
from reference_nodes.full_node.records import KnownEvidence, Store

_LATE = frozenset({"x509.expired", "nitro.timestamp.stale"})
"""What evidence shows that came after its time; it may have been in time once."""


@final
class EvidenceBook:
    """Takes evidence in once, verified, and keeps it for as long as receipts name it."""

    def __init__(self, store: Store, keys: KeyBook, policy: TrustPolicy) -> None:
        """Keep evidence in `store`; judge it by `policy`, and late evidence by the ledger."""
        self._store = store
        self._keys = keys
        self._policy = policy

    async def add(self, evidence: Evidence, *, now_ms: int) -> bytes:
        """Verify and keep a document (clause 7.7); one that is kept already is not judged again.

        Evidence is judged at `now_ms`. A document that comes too late, because this node was down
        for long, is judged at the time at which its node published it on the ledger.

        Args:
            evidence: The document as received.
            now_ms: Unix milliseconds.

        Returns:
            Its digest.

        Raises:
            VerificationError: It does not verify, at neither time.
            UnsupportedError: It is of a kind that this release does not know.
        """
        digest = evidence.digest()
        if await self._store.evidence(digest) is not None:
            return digest
        try:
            judged_at_ms = now_ms
            await self._verify(evidence, now_ms)
        except VerificationError as error:
            published = await self._published_at(evidence, digest)
            if error.code not in _LATE or published is None or published > now_ms:
                raise
            judged_at_ms = published
            await self._verify(evidence, published)
        await self._store.put_evidence(KnownEvidence(evidence=evidence, judged_at_ms=judged_at_ms))
        return digest

    async def get(self, digest: bytes) -> KnownEvidence | None:
        """Evidence that was taken in."""
        return await self._store.evidence(digest)

    async def _verify(self, evidence: Evidence, at_ms: int) -> None:
        def verify() -> None:
            verified = verify_evidence(evidence, policy=self._policy, now_ms=at_ms)
            if verified.keyset is None:
                raise VerificationError(
                    "the evidence binds no signing key", code="attestation.binding"
                )

        await to_thread.run_sync(verify)

    async def _published_at(self, evidence: Evidence, digest: bytes) -> int | None:
        """The ledger's time for a document; who signs it is not believed before it is verified."""
        if evidence.kind not in (NITRO, SOFTWARE):
            return None
        keyset = inspect_nitro(evidence.document)["keyset"]
        if keyset is None:
            return None
        node_id = Keyset.parse(keyset.encode()).signing.node_id
        try:
            return await self._keys.evidence_since(node_id, digest)
        except ChainError as error:
            raise FreshnessError(
                "the evidence is late, and the ledger that could vouch for it does not answer"
            ) from error
