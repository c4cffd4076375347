"""Vectors of receipt files, settlement and batches: every check broken alone.

Run by `tests/vectors/generate.py`. The groups are the steps of `verify_receipt`,
`verify_for_settlement` and `verify_batch`. What is wrong is properly signed, so that only the check
that the vector's clause names can refuse it.
"""

import base64
import dataclasses
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from opengradient.core.batches import BatchData
from opengradient.core.bundle import ReceiptBundle
from opengradient.core.canonical import canonical_json
from opengradient.core.commitments import Disclosed
from opengradient.core.digests import ZERO32, sha256
from opengradient.core.evidence import NITRO, SOFTWARE, Evidence
from opengradient.core.keys import CURVE_ORDER, MemorySigner, Signature
from opengradient.core.keyset import Keyset
from opengradient.core.merkle import BatchTree, settlement_leaf
from opengradient.core.modes import ChannelKind, ReceiptKind, SettlementMode, VerificationMode
from opengradient.core.receipts import ReceiptDomain, SignedReceipt
from opengradient.core.settlement import Anchor, InclusionProof
from opengradient.verify.policy import TrustPolicy
from opengradient.wire.batches import encode_batch
from opengradient.wire.fields import encode_value
from opengradient.wire.receipts import encode_bundle, encode_signed
from tests import receipt_factory as factory
from tests.receipt_factory import CHUNKS, DOMAIN, MODEL, NONCE, REPLY, REQUEST, SIGNER, SPKI
from tests.unit.verify import nitro_forge as forge
from tests.unit.verify.nitro_forge import HOUR, NOW
from tests.vectors.evidence.nitro import simulated_chain

OTHER = MemorySigner(b"\x09" * 32)
OTHER_DOMAIN = ReceiptDomain(chain_id=1, settlement_contract=DOMAIN.settlement_contract)
PREVIOUS = sha256(b"previous")
START, FIRST, END = NOW - 900, NOW - 500, NOW - 100


@cache
def evidence(keyset: Keyset | None = factory.KEYSET, age: int = 60_000) -> Evidence:
    """A genuine document below the forge's root."""
    key = keyset.encode() if keyset else None
    made = forge.document(public_key=key, timestamp=NOW - age, nonce=None)
    return Evidence(kind=NITRO, document=made)


@cache
def simulated() -> Evidence:
    """A software enclave's document."""
    chain = simulated_chain()
    made = forge.document(
        public_key=factory.KEYSET.encode(), cabundle=list(chain[:-1]), certificate=chain[-1]
    )
    return Evidence(kind=SOFTWARE, document=made)


def exchange(**changes: Any) -> factory.Exchange:
    """A right exchange at the time of the evidence, some words or sections changed."""
    words = {"started_at": START, "first_token_at": FIRST, "finished_at": END}
    words |= changes.pop("words", {})
    return factory.Exchange(words=words, **{"evidence": evidence(), **changes})


def alone(bundle: ReceiptBundle) -> ReceiptBundle:
    """Without the evidence, which most vectors give apart, so that the file stays small."""
    return dataclasses.replace(bundle, evidence=None)


def knowing(**changes: Any) -> dict[str, Any]:
    """What the caller knows; ``...`` makes it not know."""
    known: dict[str, Any] = {
        "domain": {
            "chainId": DOMAIN.chain_id,
            "settlementContract": "0x" + DOMAIN.settlement_contract.hex(),
        },
        "nonce": "0x" + NONCE.hex(),
        "channel": ["TLS", "0x" + SPKI.hex()],
        "settlement_mode": "BATCH_HASHED",
        "kinds": ["CHAT", "REFUSAL"],
        "request": _tagged(REQUEST),
        "response": _tagged(REPLY.committed_fields()),
        "status": 200,
        "chunk_digests": [],
        "usage": [9, 2, 1],
        "requested_model": "local/tiny",
    }
    return {name: value for name, value in (known | changes).items() if value is not ...}


def _tagged(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: encode_value(value) for name, value in values.items()}


NOTHING = {"domain": knowing()["domain"]}


@dataclasses.dataclass
class ReceiptVectors:
    """Collects vectors; equal files are stored once."""

    files: dict[str, str] = dataclasses.field(default_factory=dict)
    documents: dict[str, Evidence] = dataclasses.field(default_factory=dict)
    vectors: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    def add(self, name: str, clause: str, file: bytes, expect: str, **rest: Any) -> None:
        """Add one vector of any kind."""
        vector: dict[str, Any] = {
            "name": name,
            "clause": clause,
            "kind": "receipt-file",
            "file": self._text(file),
            "policy": "default",
            "now_ms": NOW,
            "caller": knowing(),
            "expect": expect,
            **rest,
        }
        for key in ("evidence", "bundle"):
            value = vector.get(key)
            if isinstance(value, Evidence):
                named = value.digest().hex()[:16]
                self.documents[named] = value
                vector[key] = named
            elif isinstance(value, bytes):
                vector[key] = self._text(value)
        self.vectors.append(vector)

    def receipt(
        self, name: str, clause: str, made: factory.Exchange, expect: str = "accept", **rest: Any
    ) -> None:
        """A receipt file of an exchange, its evidence apart."""
        rest.setdefault("evidence", made.evidence)
        self.add(name, clause, encode_bundle(alone(made.bundle())), expect, **rest)

    def bundle(
        self, name: str, clause: str, made: ReceiptBundle, expect: str = "accept", **rest: Any
    ) -> None:
        """A receipt file, its evidence apart."""
        rest.setdefault("evidence", evidence())
        self.add(name, clause, encode_bundle(alone(made)), expect, **rest)

    def _text(self, file: bytes) -> str:
        name = sha256(file).hex()[:16]
        self.files[name] = file.decode()
        return name


def policies() -> dict[str, TrustPolicy]:
    """Every policy that a vector names."""
    right = forge.POLICY
    node = frozenset({"0x" + SIGNER.public_key.node_id.hex()})
    from tests.vectors.evidence import nitro

    return {
        "default": right,
        "revoked key": dataclasses.replace(right, revoked_keys=node),
        "vanilla too": dataclasses.replace(right, modes=frozenset(VerificationMode)),
        "TEE only": dataclasses.replace(right, modes=frozenset({VerificationMode.TEE})),
        "served model right": dataclasses.replace(right, models=frozenset({"tiny"})),
        "served model other": dataclasses.replace(right, models=frozenset({"big"})),
        "no measurement": dataclasses.replace(right, measurements=frozenset()),
        "simulated": nitro.policies()["simulated"],
        "simulated, any": dataclasses.replace(
            nitro.policies()["simulated"], measurements=right.measurements
        ),
    }


def format_vectors(file: ReceiptVectors) -> None:
    """The file itself: JSON, members, types (clauses 5.3 and 5.4)."""
    whole = encode_bundle(alone(exchange(chunks=CHUNKS).bundle()))
    known = {"caller": NOTHING, "evidence": evidence()}

    def text(name: str, data: bytes, expect: str = "format.malformed") -> None:
        file.add(name, "5.3", data, expect, **known)

    def member(name: str, path: str, value: object, expect: str = "format.malformed") -> None:
        content = json.loads(whole)
        *parents, last = path.split("/")
        node = content
        for step in parents:
            node = node[step]
        if value is ...:
            del node[last]
        else:
            node[last] = value
        file.add(name, "5.4", canonical_json(content), expect, **known)

    text("right, a stream", whole, "accept")
    text("with blanks", json.dumps(json.loads(whole), indent=1).encode(), "accept")
    text("empty", b"")
    text("cut", whole[:-1])
    text("a list", b"[]")
    text("with bytes after it", whole + b"{}")
    text("with a member twice", whole[:-1] + b',"version":"opengradient.receipt-file/1"}')
    text("with NaN", whole.replace(b'"status":200', b'"status":NaN'))
    text("with a status of 200.0", whole.replace(b'"status":200,', b'"status":200.0,'))
    text("nested too deep", b'{"a":' * 200 + b"1" + b"}" * 200)
    member("of version 2", "version", "opengradient.receipt-file/2", "receipt.version")
    for name in ("version", "domain", "receipt", "signature", "sections"):
        member(f"without {name}", name, ...)
    for path in ("unknown", "domain/unknown", "receipt/unknown", "sections/unknown",
                 "stream/unknown", "sections/request/body/unknown"):  # fmt: skip
        member(f"with {path}", path, {}, "format.unknown_field")
    field = {"salt": "0x" + "00" * 32, "text": "x"}
    for section in ("request", "upstream", "model", "payment", "response"):
        member(
            f"unknown field in {section}", f"sections/{section}/x", field, "format.unknown_field"
        )
    member("no receipt id", "receipt/receiptId", ...)
    member("receipt id in capitals", "receipt/receiptId", "0x" + "AA" * 32)
    member("receipt id of 31 bytes", "receipt/receiptId", "0x" + "aa" * 31)
    member("price as a number", "receipt/price", 0)
    member("price with a leading zero", "receipt/price", "00")
    member("price negative", "receipt/price", "-1")
    member("price of 257 bits", "receipt/price", str(2**256))
    member("sequence as text", "receipt/sequence", "7")
    member("sequence true", "receipt/sequence", True)
    member("sequence negative", "receipt/sequence", -1)
    member("status of 17 bits", "receipt/status", 65536)
    for word, value in (("kind", 9), ("verificationMode", 3), ("settlementMode", 3),
                        ("channelKind", 3), ("proofKind", 2)):  # fmt: skip
        member(f"unknown {word}", f"receipt/{word}", value)
    member("kind zero", "receipt/kind", 0)
    member("chain id as text", "domain/chainId", "31337")
    member("contract of 19 bytes", "domain/settlementContract", "0x" + "aa" * 19)
    member("signature of 64 bytes", "signature", "0x" + "11" * 64)
    body = "sections/request/body"
    member("salt of 31 bytes", f"{body}/salt", "0x" + "00" * 31)
    member("value of two types", f"{body}/text", "x")
    member("value of no type", f"{body}/utf8", ...)
    member("value of a wrong type", f"{body}/utf8", 7)
    member("withheld and shown", f"{body}/commitment", "0x" + "00" * 32, "format.unknown_field")
    member("chunks no list", "stream/chunkDigests", "x")
    member("a chunk of 31 bytes", "stream/chunkDigests", ["0x" + "00" * 31])


def signature_vectors(file: ReceiptVectors) -> None:
    """Steps 2 to 5: domain, evidence, key, signature."""
    right = exchange()
    bundle = right.bundle()
    file.receipt("right", "all", right)
    with_evidence = {"evidence": None}
    file.add("right, evidence inside", "6.1.3", encode_bundle(bundle), "accept", **with_evidence)
    foreign = exchange(domain=OTHER_DOMAIN)
    file.receipt("of another chain", "6.1.2", foreign, "receipt.domain")
    contract = ReceiptDomain(chain_id=DOMAIN.chain_id, settlement_contract=bytes(20))
    file.receipt("of another contract", "6.1.2", exchange(domain=contract), "receipt.domain")
    moved = dataclasses.replace(bundle.signed, domain=OTHER_DOMAIN)
    swapped = dataclasses.replace(bundle, signed=moved)
    file.bundle("domain changed after signing", "6.1.5", swapped, "receipt.signature", caller={})

    named = "receipt.evidence_digest"
    file.add("no evidence", "6.1.3", encode_bundle(alone(bundle)), named, evidence=None)
    other = dataclasses.replace(bundle, evidence=evidence(age=1))
    file.add("other evidence inside", "6.1.3", encode_bundle(other), named, evidence=None)
    file.add("other evidence inside, right one given", "6.1.3", encode_bundle(other), named,
             evidence=evidence())  # fmt: skip
    file.bundle("other evidence given", "6.1.3", bundle, named, evidence=evidence(age=1))
    file.add("evidence that the policy refuses", "6.1.3", encode_bundle(bundle),
             "attestation.measurement", evidence=None, policy="no measurement")  # fmt: skip
    stale = NOW + 4 * HOUR
    file.add("evidence that has expired", "6.1.3", encode_bundle(bundle), "x509.expired",
             evidence=None, now_ms=stale)  # fmt: skip
    soft = exchange(evidence=simulated())
    file.receipt("software enclave", "6.1.3", soft, policy="simulated, any")
    file.add("software enclave, not trusted", "6.1.3", encode_bundle(soft.bundle()),
             "policy.simulated", evidence=None)  # fmt: skip

    no_key = evidence(keyset=None)
    file.receipt("evidence without keys", "6.1.4", exchange(evidence=no_key), "attestation.binding")
    strangers = evidence(Keyset(signing=OTHER.public_key, tls_spki_sha256=SPKI))
    file.receipt(
        "evidence of another key", "6.1.4", exchange(evidence=strangers), "receipt.node_id"
    )
    claimed = exchange(words={"node_id": OTHER.public_key.node_id})
    file.receipt("node id of another key", "6.1.4", claimed, "receipt.node_id")
    file.bundle("key revoked", "6.1.4", bundle, "attestation.revoked_key", policy="revoked key",
                evidence_policy="default")  # fmt: skip

    forged = exchange(signer=OTHER, words={"node_id": SIGNER.public_key.node_id})
    file.receipt("signed by another key", "6.1.5", forged, "receipt.signature")
    signed = bundle.signed
    changed = dataclasses.replace(signed.receipt, price=1)
    late = dataclasses.replace(bundle, signed=dataclasses.replace(signed, receipt=changed))
    file.bundle("word changed after signing", "6.1.5", late, "receipt.signature")
    r, s, v = signed.signature.r, int.from_bytes(signed.signature.s), signed.signature.v
    malleable = "receipt.signature.malleable"
    for name, signature, code in (
        ("other v", Signature(r, signed.signature.s, 55 - v), "receipt.signature"),
        ("other s", Signature(r, (CURVE_ORDER - s).to_bytes(32), 55 - v), malleable),
        ("v of 0", Signature(r, signed.signature.s, v - 27), malleable),
        ("v of 29", Signature(r, signed.signature.s, 29), malleable),
        ("r of zero", Signature(ZERO32, signed.signature.s, v), malleable),
        ("s of zero", Signature(r, ZERO32, v), malleable),
        ("r of the order", Signature(CURVE_ORDER.to_bytes(32), signed.signature.s, v), malleable),
        ("r that is no point", Signature((5).to_bytes(32), signed.signature.s, v), "receipt.signature"),
    ):  # fmt: skip
        made = dataclasses.replace(bundle, signed=dataclasses.replace(signed, signature=signature))
        file.bundle(f"signature, {name}", "1.3", made, code)


def channel_vectors(file: ReceiptVectors) -> None:
    """Steps 6 and 7: modes, channel."""

    def add(name: str, words: dict[str, Any], code: str, step: str = "6.1.7", **rest: Any) -> None:
        file.receipt(name, step, exchange(words=words), code, **rest)

    vanilla = {"verification_mode": VerificationMode.VANILLA}
    add("mode VANILLA", vanilla, "policy.mode", "6.1.6")
    add("mode VANILLA that is accepted", vanilla, "accept", "6.1.6", policy="vanilla too")
    zkml = {"verification_mode": VerificationMode.ZKML}
    add("mode ZKML where only TEE is accepted", zkml, "policy.mode", "6.1.6", policy="TEE only")
    for mode in (SettlementMode.PRIVATE, SettlementMode.INDIVIDUAL_FULL):
        code = "receipt.settlement_mode"
        add(f"settles as {mode.name}", {"settlement_mode": mode}, code, "6.1.6")
    add("another TLS key", {"channel_binding": sha256(b"x")}, "receipt.channel", caller=NOTHING)
    plain = {"channel_kind": ChannelKind.NONE, "channel_binding": ZERO32}
    add("no channel", plain, "accept", caller=knowing(channel=["NONE", "0x" + "00" * 32]))
    add("no channel, TLS was used", plain, "receipt.channel")
    named = {"channel_kind": ChannelKind.NONE}
    add("no channel, but a key", named, "receipt.channel", caller=NOTHING)
    used = knowing(channel=["TLS", "0x" + sha256(b"x").hex()])
    add("attested TLS key, another was used", {}, "receipt.channel", caller=used)
    without = evidence(Keyset(signing=SIGNER.public_key))
    file.receipt("TLS key that no evidence binds", "6.1.7", exchange(evidence=without),
                 "receipt.channel", caller=NOTHING)  # fmt: skip


def content_vectors(file: ReceiptVectors) -> None:
    """Steps 8 to 11: request, upstream, response, stream, usage, model."""

    def add(
        name: str, step: str, code: str, rest: dict[str, Any] | None = None, **made: Any
    ) -> None:
        file.receipt(name, f"6.1.{step}", exchange(**made), code, **(rest or {}))

    add("another nonce", "8", "receipt.nonce", words={"client_nonce": sha256(b"x")})
    add("no nonce, one was sent", "8", "receipt.nonce", words={"client_nonce": ZERO32})
    for name, request in (
        ("another body", REQUEST | {"body": b"{}"}),
        ("another path", REQUEST | {"path": "/v1/completions"}),
        ("body as text", REQUEST | {"body": REQUEST["body"].decode()}),
        ("an idempotency key more", REQUEST | {"idempotency_key": "k"}),
        ("no path", {"body": REQUEST["body"]}),
    ):
        add(f"request with {name}", "8", "receipt.request", request=request)
    answer = REPLY.committed_fields()
    for name, response in (
        ("another text", answer | {"choice.0.text": "Rome."}),
        ("text as bytes", answer | {"choice.0.text": b"Paris."}),
        ("a refusal more", answer | {"choice.0.refusal": "No."}),
        ("a tool call more", answer | {"choice.0.tool_calls": []}),
        ("a second choice", answer | {"choice.1.text": "Paris."}),
        ("no reasoning", {k: v for k, v in answer.items() if "reasoning" not in k}),
        ("another finish reason", answer | {"choice.0.finish_reason": "length"}),
        ("another id", answer | {"id": "chatcmpl-2"}),
    ):
        add(f"response with {name}", "10", "receipt.response", response=response)
    add("status 201", "10", "receipt.response", words={"status": 201})
    add("kind ERROR", "10", "receipt.kind", words={"kind": ReceiptKind.ERROR})
    for word in ("input_tokens", "output_tokens", "cached_input_tokens"):
        add(f"another {word}", "10", "receipt.usage", words={word: 5})
        unknown = {"caller": knowing(usage=...)}
        add(f"{word} unlike the response", "10", "receipt.usage", unknown, words={word: 5})
    caller = {"caller": knowing(usage=[9, 2, 0])}
    add("usage unlike what was shown", "10", "receipt.usage", caller)
    add("another model asked for", "11", "receipt.model", model=MODEL | {"requested": "x"})
    add("served model allowed", "11", "accept", {"policy": "served model right"})
    add("served model not allowed", "11", "policy.model", {"policy": "served model other"})
    unnamed = {"policy": "served model right"}
    add("no served model, one is required", "11", "policy.model", unnamed,
        model=MODEL | {"served": None})  # fmt: skip
    bundle = exchange().bundle()
    for section in ("request", "upstream", "response", "model", "payment"):
        shown = bundle.sections[section]
        lies: dict[str, Any] = {
            name: Disclosed(item.salt, "forged") for name, item in shown.items()
        } or {"asset": Disclosed(ZERO32, "OPG")}
        forged = dataclasses.replace(bundle, sections={**bundle.sections, section: lies})
        code = f"receipt.{section}"
        file.bundle(f"{section} is not what was committed", "3.4", forged, code, caller=NOTHING)
        if shown:
            first = min(shown)
            salted = {**shown, first: Disclosed(ZERO32, shown[first].value)}
            forged = dataclasses.replace(bundle, sections={**bundle.sections, section: salted})
            file.bundle(f"{section}, another salt", "3.3", forged, code, caller=NOTHING)
            fewer = {name: item for name, item in shown.items() if name != first}
            forged = dataclasses.replace(bundle, sections={**bundle.sections, section: fewer})
            file.bundle(f"{section}, a field left out", "3.4", forged, code, caller=NOTHING)
            held = bundle.redacted(section)
            file.bundle(f"{section} withheld", "3.5", held, "accept", caller=NOTHING)
            part = bundle.redacted(section, first)
            file.bundle(f"{section}, a field withheld", "3.5", part, "accept", caller=NOTHING)
    unseen = bundle.redacted("request")
    file.bundle("request withheld whole from who sent it", "3.5", unseen)
    blind = bundle.redacted("request", "body")
    file.bundle("request withheld from who sent it", "6.1.8", blind, "receipt.request")


def stream_vectors(file: ReceiptVectors) -> None:
    """Step 10: chunks (clause 3.11)."""
    made = exchange(chunks=CHUNKS)

    def received(*chunks: bytes) -> dict[str, Any]:
        return knowing(chunk_digests=["0x" + chunk.hex() for chunk in chunks])

    file.receipt("stream", "3.11", made, caller=received(*CHUNKS))
    file.receipt("stream, chunks not known", "3.11", made, caller=NOTHING)
    for name, chunks in (
        ("cut", CHUNKS[:-1]),
        ("with a chunk more", (*CHUNKS, CHUNKS[0])),
        ("with two exchanged", (CHUNKS[1], CHUNKS[0], *CHUNKS[2:])),
        ("without any", ()),
        ("with another chunk", (*CHUNKS[:-1], sha256(b"x"))),
    ):
        as_received = received(*chunks)
        file.receipt(
            f"stream {name} on the way", "3.11", made, "receipt.stream", caller=as_received
        )
        shown = made.attached().bundle(
            request=made.request, response=made.response, chunk_digests=chunks,
            evidence=made.evidence,
        )  # fmt: skip
        file.bundle(f"stream {name} in the file", "3.11", shown, "receipt.stream", caller=NOTHING)
        if chunks:
            file.bundle(f"stream {name} in both", "3.11", shown, "receipt.stream",
                        caller=as_received)  # fmt: skip
    bundle = made.bundle()
    seed = dataclasses.replace(bundle.stream, salt_seed=sha256(b"x"))
    other = dataclasses.replace(bundle, stream=seed)
    file.bundle("stream with another seed", "3.11", other, "receipt.stream", caller=NOTHING)
    held = dataclasses.replace(bundle, stream=None)
    file.bundle("stream withheld", "3.11", held, caller=NOTHING)
    file.bundle("stream withheld from who received it", "3.11", held, "receipt.stream",
                caller=received(*CHUNKS))  # fmt: skip
    file.receipt("no stream, chunks received", "3.11", exchange(), "receipt.stream",
                 caller=received(*CHUNKS))  # fmt: skip
    extra = dataclasses.replace(exchange().bundle(), stream=bundle.stream)
    file.bundle("no stream, chunks shown", "3.11", extra, "receipt.stream", caller=NOTHING)
    more = exchange(chunks=CHUNKS, words={"stream_chunks": len(CHUNKS) + 1})
    file.receipt("stream, another number signed", "3.11", more, "receipt.stream", caller=NOTHING)


def time_vectors(file: ReceiptVectors) -> None:
    """Steps 12 and 13: times, sequence, proof."""

    def add(name: str, words: dict[str, Any], code: str = "accept", **rest: Any) -> None:
        file.receipt(name, "6.1.12", exchange(words=words), code, **rest)

    skew = forge.POLICY.clock_skew_ms
    add("starts after its end", {"started_at": END + 1, "first_token_at": 0}, "receipt.time")
    add("starts at its end", {"started_at": END, "first_token_at": END})
    add("first output before its start", {"first_token_at": START - 1}, "receipt.time")
    add("first output after its end", {"first_token_at": END + 1}, "receipt.time")
    add("no output", {"first_token_at": 0})
    add("as far ahead as allowed", {"finished_at": NOW + skew})
    add("too far ahead", {"finished_at": NOW + skew + 1}, "receipt.time")
    first, last = NOW - HOUR, NOW + HOUR
    edge = {"first_token_at": 0}
    add("starts as its evidence begins", {"started_at": first - skew, **edge})
    add("starts before its evidence", {"started_at": first - skew - 1, **edge}, "receipt.time")
    late = {"now_ms": last, "caller": NOTHING}
    add("ends as its evidence ends", {"finished_at": last + skew}, **late)
    after = {"finished_at": last + skew + 1}
    later = exchange(words=after)
    # Judged from where the evidence is already known: at `now` it has ended.
    file.receipt("ends after its evidence", "6.1.12", later, "receipt.time",
                 caller=NOTHING, now_ms=last)  # fmt: skip
    add("sequence zero", {"sequence": 0}, "receipt.sequence")
    add("sequence zero, no predecessor", {"sequence": 0, "previous_receipt": ZERO32},
        "receipt.sequence")  # fmt: skip
    add("the first, with a predecessor", {"sequence": 1}, "receipt.sequence")
    add("the seventh, without one", {"previous_receipt": ZERO32}, "receipt.sequence")
    add("the first", {"sequence": 1, "previous_receipt": ZERO32})

    def seen(number: int, digest: bytes) -> dict[str, Any]:
        return {"caller": knowing(previous=[number, "0x" + digest.hex()])}

    add("follows the last seen", {}, **seen(6, PREVIOUS))
    add("later than the last seen", {}, **seen(5, sha256(b"x")))
    add("follows another than the last seen", {}, "receipt.sequence", **seen(6, sha256(b"x")))
    add("as the last seen", {}, "receipt.sequence", **seen(7, PREVIOUS))
    add("before the last seen", {}, "receipt.sequence", **seen(8, PREVIOUS))
    for name, words, code in (
        ("proof digest without proof", {"proof_digest": sha256(b"x")}, "proof.invalid"),
        ("soundness without proof", {"proof_soundness_bits": 1}, "proof.invalid"),
        ("proof that is not known", {"proof_kind": 1}, "format.unsupported"),
    ):
        file.receipt(name, "6.1.13", exchange(words=words), code)


def leaf(signed: SignedReceipt) -> bytes:
    """The batch leaf."""
    return settlement_leaf(signed.digest, signed.signature.r, signed.signature.vs())


def inclusion_vectors(file: ReceiptVectors) -> None:
    """Step 14: inclusion (clause 7.1)."""
    bundle = exchange().bundle()
    tree = BatchTree([leaf(bundle.signed), *(sha256(bytes([n])) for n in range(4))])
    anchor = Anchor(
        chain_id=DOMAIN.chain_id,
        settlement_contract=DOMAIN.settlement_contract,
        transaction_hash=sha256(b"tx"),
        block_number=5,
        block_hash=sha256(b"block"),
        block_time=NOW // 1000,
    )
    right = InclusionProof(
        root=tree.root,
        size=tree.size,
        proof=tree.proof(leaf(bundle.signed)),
        blob_id=sha256(b"blob"),
        submitter=sha256(b"submitter")[:20],
        anchor=anchor,
    )

    def add(name: str, code: str = "accept", **changes: Any) -> None:
        made = dataclasses.replace(bundle, inclusion=dataclasses.replace(right, **changes))
        file.bundle(f"inclusion {name}", "6.1.14", made, code)

    wrong = "settlement.inclusion"
    add("right")
    add("not anchored yet", anchor=None)
    add("in another root", wrong, root=sha256(b"x"))
    add("without siblings", wrong, proof=())
    add("without its last sibling", wrong, proof=right.proof[:-1])
    add("with a sibling more", wrong, proof=(*right.proof, sha256(b"x")))
    add("with another sibling", wrong, proof=(sha256(b"x"), *right.proof[1:]))
    add("in a batch of none", wrong, size=0)
    add("in a batch of one", wrong, size=1)
    shortest = 1 << (len(right.proof) - 1)
    add("in a batch too small for its proof", wrong, size=shortest)
    add("in the smallest batch for its proof", size=shortest + 1)
    add("anchored on another chain", wrong, anchor=dataclasses.replace(anchor, chain_id=1))
    elsewhere = dataclasses.replace(anchor, settlement_contract=bytes(20))
    add("anchored in another contract", wrong, anchor=elsewhere)
    single = BatchTree([leaf(bundle.signed)])
    add("alone in its batch", root=single.root, size=1, proof=())
    inner = BatchTree([sha256(b"a"), sha256(b"b")]).root
    add("of an inner node", wrong, root=inner, proof=(sha256(b"b"),))
    content = json.loads(encode_bundle(alone(dataclasses.replace(bundle, inclusion=right))))
    for name, member, value, code in (
        ("of 65 siblings", "proof", ["0x" + "00" * 32] * 65, "format.malformed"),
        ("with a sibling of 31 bytes", "proof", ["0x" + "00" * 31], "format.malformed"),
        ("with a size as text", "size", "5", "format.malformed"),
        ("with a negative size", "size", -1, "format.malformed"),
        ("with an unknown member", "unknown", 1, "format.unknown_field"),
    ):
        changed = {**content, "inclusion": {**content["inclusion"], member: value}}
        file.add(f"inclusion {name}", "5.4", canonical_json(changed), code, evidence=evidence())


def settlement_vectors(file: ReceiptVectors) -> None:
    """What may become a leaf (clauses 7.2 and 7.3)."""

    def add(name: str, made: factory.Exchange, code: str = "accept", **rest: Any) -> None:
        rest = {"evidence": made.evidence, "caller": NOTHING} | rest
        signed = canonical_json(encode_signed(made.bundle().signed))
        file.add(f"to settle: {name}", "7.2", signed, code, kind="settlement", **rest)

    def words(**changes: Any) -> factory.Exchange:
        return exchange(words=changes)

    full = exchange(words={"settlement_mode": SettlementMode.INDIVIDUAL_FULL})
    bundle = alone(full.bundle())
    add("hashed", exchange())
    add("whole", full, bundle=encode_bundle(bundle))
    add("PRIVATE", words(settlement_mode=SettlementMode.PRIVATE), "settlement.private")
    add("of another network", exchange(domain=OTHER_DOMAIN), "receipt.domain")
    add("other evidence", exchange(), "receipt.evidence_digest", evidence=evidence(age=1))
    forged = exchange(signer=OTHER, words={"node_id": SIGNER.public_key.node_id})
    add("another signer", forged, "receipt.signature")
    add("key revoked", exchange(), "attestation.revoked_key", policy="revoked key",
        evidence_policy="default")  # fmt: skip
    add("mode not accepted", words(verification_mode=VerificationMode.VANILLA), "policy.mode")
    add("channel not bound", words(channel_binding=sha256(b"x")), "receipt.channel")
    add("from the future", words(finished_at=NOW + HOUR), "receipt.time")
    add("first with a predecessor", words(sequence=1), "receipt.sequence")
    add("a proof without a kind", words(proof_digest=sha256(b"x")), "proof.invalid")
    unwanted = encode_bundle(alone(exchange().bundle()))
    add("hashed, with its file", exchange(), "settlement.bundle_unwanted", bundle=unwanted)
    missing = "settlement.bundle_missing"
    add("whole, without its file", full, missing)
    add("whole, file of another", full, missing, bundle=unwanted)
    for section in ("request", "upstream", "response", "model"):
        held = encode_bundle(bundle.redacted(section))
        add(f"whole, {section} withheld", full, missing, bundle=held)
        part = encode_bundle(bundle.redacted(section, min(bundle.sections[section])))
        add(f"whole, a field of {section} withheld", full, missing, bundle=part)
    lies = {**bundle.sections["request"], "path": Disclosed(ZERO32, "/")}
    lie = dataclasses.replace(bundle, sections={**bundle.sections, "request": lies})
    add("whole, file with a lie", full, "receipt.request", bundle=encode_bundle(lie))


def batch_vectors(file: ReceiptVectors) -> None:
    """What an auditor reads (clause 7.5)."""
    made = [exchange(words={"receipt_id": sha256(bytes([n]))}).bundle() for n in range(3)]
    receipts = tuple(sorted((b.signed for b in made), key=lambda signed: signed.digest))
    data = BatchData(receipts=receipts)
    right = encode_batch(data)
    root = data.tree().root
    key = {
        "node_id": "0x" + SIGNER.public_key.node_id.hex(),
        "registered_at_ms": NOW,
        "valid_from_ms": END,
        "valid_until_ms": None,
        "revoked": False,
    }

    def add(name: str, text: bytes, code: str = "accept", **rest: Any) -> None:
        rest = {"evidence": evidence(), "caller": NOTHING, "root": "0x" + root.hex(), "size": 3,
                "keys": [key]} | rest  # fmt: skip
        file.add(f"batch {name}", "7.5", text, code, kind="batch", **rest)

    def changed(name: str, code: str, **members: Any) -> None:
        add(name, canonical_json({**json.loads(right), **members}), code)

    add("right", right)
    add("right, registry left out", right, keys=None)
    add("with another root", right, "settlement.batch_data", root="0x" + "11" * 32)
    for size in (2, 4):
        add(f"with a size of {size}", right, "settlement.batch_data", size=size)
    less = encode_batch(BatchData(receipts=receipts[:2]))
    add("without its last receipt", less, "settlement.batch_data")
    items = json.loads(right)["receipts"]
    changed("in another order", "format.malformed", receipts=items[::-1])
    changed("with a receipt twice", "format.malformed", receipts=[items[0], *items])
    changed("without receipts", "format.malformed", receipts=[])
    changed("of version 2", "format.unsupported", version="opengradient.batch/2")
    changed("with an unknown member", "format.unknown_field", more=1)
    add("with blanks", json.dumps(json.loads(right)).encode(), "format.malformed")
    add("with a line break after it", right + b"\n", "format.malformed")
    whole = exchange(words={"settlement_mode": SettlementMode.INDIVIDUAL_FULL}).bundle()
    shown = alone(whole)
    single = BatchData(receipts=(shown.signed,), bundle=shown)
    text = encode_batch(single)
    alone_root = {"root": "0x" + single.tree().root.hex(), "size": 1}
    add("of one whole receipt", text, **alone_root)
    bundle = json.loads(encode_bundle(shown))
    changed("of three with a file", "format.malformed", bundle=bundle)
    add("without evidence", right, "settlement.evidence_needed", evidence=None)
    private = exchange(words={"settlement_mode": SettlementMode.PRIVATE}).bundle().signed
    secret = BatchData(receipts=(private,))
    add("with a PRIVATE receipt", encode_batch(secret), "settlement.private",
        root="0x" + secret.tree().root.hex(), size=1)  # fmt: skip
    for name, change, code in (
        ("of a node not registered", {"node_id": "0x" + "11" * 32}, "settlement.unknown_node"),
        ("registered too late", {"registered_at_ms": NOW + 1}, "settlement.unknown_node"),
        ("with a revoked key", {"revoked": True}, "settlement.key_revoked"),
        ("with a key not valid yet", {"valid_from_ms": END + 1}, "receipt.time"),
        ("with a key that has ended", {"valid_until_ms": END}, "receipt.time"),
        ("with a key that ends just after", {"valid_until_ms": END + 1}, "accept"),
    ):
        add(name, right, code, keys=[{**key, **change}])


def render() -> str:
    """The file `receipt_files.json`."""
    file = ReceiptVectors()
    for part in (
        format_vectors,
        signature_vectors,
        channel_vectors,
        content_vectors,
        stream_vectors,
        time_vectors,
        inclusion_vectors,
        settlement_vectors,
        batch_vectors,
    ):
        part(file)
    used = {vector["policy"] for vector in file.vectors} | {"default"}
    content = {
        "about": "made by tests/vectors/receipt_files.py; keys are public test keys",
        "policies": {n: policy.to_json() for n, policy in policies().items() if n in used},
        "evidence": {
            name: {"kind": item.kind, "document": base64.b64encode(item.document).decode()}
            for name, item in sorted(file.documents.items())
        },
        "files": dict(sorted(file.files.items())),
        "vectors": file.vectors,
    }
    return json.dumps(content, indent=1, ensure_ascii=True) + "\n"
