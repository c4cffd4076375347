"""The evidence that this node has verified, with what it was judged with, and when."""

from typing import Final, final

from anyio import CapacityLimiter, to_thread

from opengradient.core.evidence import NITRO, SOFTWARE, Evidence
from opengradient.core.keyset import Keyset
from opengradient.errors import ChainError, FreshnessError, SettlementError, VerificationError
from opengradient.transport.collateral import NEEDED_BY, CollateralSource
from opengradient.verify.attestation import inspect_nitro, verify_evidence
from opengradient.verify.policy import TrustPolicy
from reference_nodes.full_node.keys import KeyBook
from reference_nodes.full_node.records import KnownEvidence, Store

_LATE = frozenset({"x509.expired", "nitro.timestamp.stale"})
"""What evidence shows that came after its time; it may have been in time once."""

_AT_ONCE: Final = 4
"""Nodes for which vendors are asked at the same time: their services limit how often they answer."""


@final
class EvidenceBook:
    """Takes evidence in once, verified, and keeps it for as long as receipts name it."""

    def __init__(
        self, store: Store, keys: KeyBook, policy: TrustPolicy, collateral: CollateralSource
    ) -> None:
        """Keep evidence, and complete it where its kind needs that.

        Args:
            store: Where to keep it.
            keys: Whose evidence is worth asking a vendor for, and when late evidence was in time.
            policy: What to judge by.
            collateral: Where to ask for what vendors sign beside evidence.
        """
        self._store = store
        self._keys = keys
        self._policy = policy
        self._collateral = collateral
        self._asking = CapacityLimiter(_AT_ONCE)

    async def add(self, evidence: Evidence, *, now_ms: int) -> bytes:
        """Verify and keep a document (clause 7.7); one that is kept already is not judged again.

        It is kept with the collateral that it was judged with, so that it can be judged again
        without its vendor. Evidence is judged at `now_ms`. A document that comes too late, because this node was down
        for long, is judged at the time at which its node published it on the ledger.

        Args:
            evidence: The document as received.
            now_ms: Unix milliseconds.

        Returns:
            Its digest.

        Raises:
            VerificationError: It does not verify, at neither time.
            SettlementError: Code ``settlement.unknown_node``: it came without what its vendor signs
                beside it, and that is asked for when its node is registered.
            TransportError: Code ``collateral.*``: neither it nor the vendor had that.
            ChainError: The ledger, which says whether its node is registered, does not answer.
            UnsupportedError: It is of a kind that this release does not know.
        """
        digest = evidence.digest()
        if await self._store.evidence(digest) is not None:
            return digest
        evidence = await self._completed(evidence)
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

    async def _completed(self, evidence: Evidence) -> Evidence:
        """With what its vendor signs beside it.

        Anybody can send a document, so a vendor is asked for nodes that the registry knows only.
        """
        node_id = _claimed_node(evidence) if evidence.kind in NEEDED_BY else None
        if node_id is None:
            return evidence
        record = (await self._keys.accepted([node_id]))[node_id]
        if isinstance(record, ChainError) and not evidence.collateral:
            raise record
        if record is None and not evidence.collateral:
            raise SettlementError(
                "the registry does not know the node, so its vendor is not asked for collateral",
                code="settlement.unknown_node",
            )
        if record is None or isinstance(record, ChainError):
            return evidence
        async with self._asking:
            return await self._collateral.complete(evidence)

    async def _published_at(self, evidence: Evidence, digest: bytes) -> int | None:
        """The ledger's time for a document."""
        node_id = _claimed_node(evidence)
        if node_id is None:
            return None
        try:
            return await self._keys.evidence_since(node_id, digest)
        except ChainError as error:
            raise FreshnessError(
                "the evidence is late, and the ledger that could vouch for it does not answer"
            ) from error


def _claimed_node(evidence: Evidence) -> bytes | None:
    """The node whose key a document binds, if it is genuine: that is not known before the check."""
    if evidence.kind in (NITRO, SOFTWARE):
        keyset = inspect_nitro(evidence.document)["keyset"]
        encoded = b"" if keyset is None else keyset.encode()
    else:
        encoded = evidence.runtime_data
    return Keyset.parse(encoded).signing.node_id if encoded else None
