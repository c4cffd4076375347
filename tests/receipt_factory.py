"""Makes genuine receipts with a software enclave, so that tests can break one thing at a time."""

import dataclasses
import functools
from dataclasses import dataclass, field

import anyio

from opengradient.core.bundle import AttachedReceipt, ReceiptBundle
from opengradient.core.commitments import seal_section, section_commitment
from opengradient.core.digests import ZERO32, sha256
from opengradient.core.evidence import Evidence
from opengradient.core.keys import MemorySigner
from opengradient.core.keyset import Keyset
from opengradient.core.merkle import chunk_root, stream_salt_seed
from opengradient.core.messages import Choice, Reply, Usage
from opengradient.core.modes import ChannelKind, ReceiptKind, SettlementMode, VerificationMode
from opengradient.core.receipts import Receipt, ReceiptDomain, sign_receipt
from opengradient.verify.expectation import Expectation
from opengradient.verify.policy import TrustPolicy, UnsafeAnyMeasurement
from reference_nodes._kit.enclave import SoftwareEnclave
from reference_nodes._kit.software_root import SoftwareRoot

NOW = 1_790_000_000_000
SEED = sha256(b"seed")
NONCE = sha256(b"nonce")
DOMAIN = ReceiptDomain(chain_id=31337, settlement_contract=b"\xaa" * 20)
SIGNER = MemorySigner(sha256(b"node key"))
SPKI = sha256(b"tls key")
KEYSET = Keyset(signing=SIGNER.public_key, tls_spki_sha256=SPKI)
PCRS = {index: bytes([index + 1]) * 48 for index in range(3)}
CHUNKS = tuple(sha256(f"chunk {number}".encode()) for number in range(5))


@functools.cache
def root() -> SoftwareRoot:
    return SoftwareRoot.create("test network", now_ms=NOW)


@functools.cache
def evidence(keyset: Keyset = KEYSET, at: int = NOW - 60_000) -> Evidence:
    enclave = SoftwareEnclave(root(), PCRS, clock_ms=lambda: at)

    async def attest() -> Evidence:
        return await enclave.attest(keyset=keyset, user_data=None, nonce=None)

    return anyio.run(attest)


@functools.cache
def policy() -> TrustPolicy:
    return TrustPolicy(roots=(root().unsafe_trust(),), measurements=UnsafeAnyMeasurement())


REPLY = Reply(
    id="chatcmpl-1",
    created=NOW // 1000,
    model="tiny",
    kind=ReceiptKind.CHAT,
    choices=(Choice(text="Paris.", reasoning="easy"),),
    usage=Usage(input_tokens=9, output_tokens=2, cached_input_tokens=1),
)
REQUEST = {"path": "/v1/chat/completions", "body": b'{"model":"local/tiny","messages":[]}'}
UPSTREAM = {
    "provider": "local",
    "url": "http://127.0.0.1:1/v1/chat/completions",
    "headers": {"content-type": "application/json"},
    "body": b'{"model":"tiny","messages":[]}',
    "status": 200,
    "response_sha256": "00" * 32,
}
MODEL = {"requested": "local/tiny", "served": "tiny"}


@dataclass(kw_only=True)
class Exchange:
    """One exchange as node and client see it; change a member, then `bundle()`."""

    words: dict = field(default_factory=dict)
    request: dict = field(default_factory=lambda: dict(REQUEST))
    upstream: dict = field(default_factory=lambda: dict(UPSTREAM))
    response: dict = field(default_factory=REPLY.committed_fields)
    model: dict = field(default_factory=lambda: dict(MODEL))
    payment: dict = field(default_factory=dict)
    chunks: tuple | None = None
    domain: ReceiptDomain = DOMAIN
    signer: MemorySigner = SIGNER
    evidence: Evidence = field(default_factory=evidence)

    def commit(self, name: str) -> bytes:
        return section_commitment(name, seal_section(SEED, name, getattr(self, name)))

    def receipt(self) -> Receipt:
        words = {
            "receipt_id": sha256(b"id"),
            "kind": ReceiptKind.CHAT,
            "verification_mode": VerificationMode.TEE,
            "settlement_mode": SettlementMode.BATCH_HASHED,
            "node_id": self.signer.public_key.node_id,
            "evidence_digest": self.evidence.digest(),
            "channel_kind": ChannelKind.TLS,
            "channel_binding": SPKI,
            "client_nonce": NONCE,
            "request_commitment": self.commit("request"),
            "upstream_commitment": self.commit("upstream"),
            "response_commitment": self.commit("response"),
            "stream_root": chunk_root(stream_salt_seed(SEED), self.chunks or ()),
            "stream_chunks": len(self.chunks or ()),
            "status": 200,
            "model_commitment": self.commit("model"),
            "proof_kind": 0,
            "proof_soundness_bits": 0,
            "proof_digest": ZERO32,
            "input_tokens": 9,
            "output_tokens": 2,
            "cached_input_tokens": 1,
            "price": 0,
            "payment_commitment": self.commit("payment"),
            "started_at": NOW - 900,
            "first_token_at": NOW - 500,
            "finished_at": NOW - 100,
            "sequence": 7,
            "previous_receipt": sha256(b"previous"),
        }
        values = {k: v if isinstance(v, bytes) else int(v) for k, v in (words | self.words).items()}
        return Receipt(**values)

    def attached(self) -> AttachedReceipt:
        return AttachedReceipt(
            signed=sign_receipt(self.receipt(), self.domain, self.signer),
            seed=SEED,
            upstream=self.upstream,
            model=self.model,
            payment=self.payment,
        )

    def bundle(self) -> ReceiptBundle:
        return self.attached().bundle(
            request=self.request,
            response=self.response,
            chunk_digests=self.chunks,
            evidence=self.evidence,
        )


EXPECT = Expectation(
    domain=DOMAIN,
    nonce=NONCE,
    channel=(ChannelKind.TLS, SPKI),
    settlement_mode=SettlementMode.BATCH_HASHED,
    kinds=frozenset({ReceiptKind.CHAT, ReceiptKind.REFUSAL}),
    request=REQUEST,
    response=REPLY.committed_fields(),
    status=200,
    chunk_digests=(),
    usage=(9, 2, 1),
    requested_model="local/tiny",
)


def expecting(**changes: object) -> Expectation:
    return dataclasses.replace(EXPECT, **changes)
