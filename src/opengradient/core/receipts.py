"""What a node signs about one inference. The one place that knows it.

A receipt is an EIP-712 struct of fixed-width words; `signing_digest` is the 32 bytes that the
node signs and that settle. Clause numbers refer to docs/spec/receipt.md.
"""

import dataclasses
import operator
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, final

from opengradient.core.digests import ZERO32, keccak256
from opengradient.core.keys import PublicKey, Signature, Signer, recover
from opengradient.core.modes import (
    ChannelKind,
    ProofKind,
    ReceiptKind,
    SettlementMode,
    VerificationMode,
)
from opengradient.errors import MalformedError

RECEIPT_VERSION: Final = "opengradient.receipt/1"
DOMAIN_NAME: Final = "OpenGradient Receipt"
DOMAIN_VERSION: Final = "1"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptDomain:
    """Where a receipt belongs; a receipt of one network never verifies on another (clause 1.2).

    Attributes:
        chain_id: EIP-155 id of the ledger.
        settlement_contract: 20-byte address of the Settlement contract.
    """

    chain_id: int
    settlement_contract: bytes

    def __post_init__(self) -> None:
        """Refuse what has no encoding."""
        if len(self.settlement_contract) != 20 or not 0 <= self.chain_id < 2**256:
            raise MalformedError("a receipt domain is a chain id and a 20-byte address")

    def separator(self) -> bytes:
        """The EIP-712 domain separator."""
        return _separator(self.chain_id, self.settlement_contract)


@lru_cache(maxsize=64)
def _separator(chain_id: int, contract: bytes) -> bytes:
    type_hash = keccak256(
        b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    )
    return keccak256(
        type_hash
        + keccak256(DOMAIN_NAME.encode())
        + keccak256(DOMAIN_VERSION.encode())
        + chain_id.to_bytes(32)
        + bytes(12)
        + contract
    )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One inference, as its node signs it (clauses 4.1 to 4.29).

    Attributes:
        receipt_id: 32 random bytes.
        kind: What the receipt is about.
        verification_mode: How it can be checked.
        settlement_mode: What of it reaches the ledger.
        node_id: keccak256 of the signing key.
        evidence_digest: Digest of the evidence that binds the key.
        channel_kind: What protected the request on its way.
        channel_binding: SHA-256 of the TLS SPKI, or the HPKE key id.
        client_nonce: 32 bytes chosen by the client; zero if it sent none.
        request_commitment: The request exactly as the client sent it.
        upstream_commitment: The request exactly as it went upstream, and what answered.
        response_commitment: The answer, part by part.
        stream_root: Merkle root over the chunks of a stream; zero otherwise.
        stream_chunks: How many chunks.
        status: HTTP status of the answer.
        model_commitment: Model asked for and model served.
        proof_kind: Kind of a proof of execution.
        proof_soundness_bits: Its soundness, in bits.
        proof_digest: Its digest.
        input_tokens: Tokens read, as the provider counted.
        output_tokens: Tokens written.
        cached_input_tokens: Tokens read from a cache.
        price: In the smallest unit of the asset that the payment section names; 0 if free.
        payment_commitment: Asset, payee and payment reference; zero if free.
        started_at: Unix milliseconds at which the node had the whole request.
        first_token_at: Unix milliseconds of the first output; 0 if there was none.
        finished_at: Unix milliseconds of the end.
        sequence: Counts this key's receipts from 1.
        previous_receipt: Signing digest of this key's previous receipt; zero for the first.
    """

    receipt_id: bytes
    kind: int
    verification_mode: int
    settlement_mode: int
    node_id: bytes
    evidence_digest: bytes
    channel_kind: int
    channel_binding: bytes
    client_nonce: bytes
    request_commitment: bytes
    upstream_commitment: bytes
    response_commitment: bytes
    stream_root: bytes
    stream_chunks: int
    status: int
    model_commitment: bytes
    proof_kind: int
    proof_soundness_bits: int
    proof_digest: bytes
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    price: int
    payment_commitment: bytes
    started_at: int
    first_token_at: int
    finished_at: int
    sequence: int
    previous_receipt: bytes

    def struct_hash(self) -> bytes:
        """The EIP-712 hash of the struct.

        Raises:
            MalformedError: A word is out of its range.
        """
        try:
            words = _PACKER.pack(
                TYPE_HASH,
                *[
                    value if type(value) is bytes else value.to_bytes(size).rjust(32, b"\0")
                    for value, size in zip(_words(self), _SIZES, strict=True)
                ],
            )
        except (AttributeError, TypeError, OverflowError, struct.error) as error:
            raise MalformedError(f"a word of the receipt is out of range: {error}") from error
        return keccak256(words)

    def signing_digest(self, domain: ReceiptDomain) -> bytes:
        """The 32 bytes that are signed: ``keccak256(0x1901 || domain || struct)``."""
        return keccak256(b"\x19\x01" + domain.separator() + self.struct_hash())

    def check(self) -> None:
        """Check each word's type and range, and that the enumerations are known.

        Raises:
            MalformedError: A word is missing, of the wrong type, or out of range.
        """
        for field, value in zip(FIELDS, _words(self), strict=True):
            if field.size is None:
                if type(value) is not bytes or len(value) != 32:
                    raise MalformedError(f"receipt.{field.name} must be 32 bytes")
            elif type(value) is not int or not 0 <= value < 1 << (8 * field.size):
                raise MalformedError(f"receipt.{field.name} must be a uint{8 * field.size}")
        for name, (kind, known) in _ENUMS.items():
            if getattr(self, name) not in known:
                raise MalformedError(
                    f"receipt.{name} is not a known {kind}", actual=getattr(self, name)
                )


@final
@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One word of the struct.

    Attributes:
        name: Python name.
        wire: Name in EIP-712 and in JSON.
        size: Bytes of an unsigned integer; None for a bytes32.
    """

    name: str
    wire: str
    size: int | None

    @property
    def solidity(self) -> str:
        """The Solidity type."""
        return "bytes32" if self.size is None else f"uint{8 * self.size}"


_UINT_BYTES: Final = {
    "kind": 1,
    "verification_mode": 1,
    "settlement_mode": 1,
    "channel_kind": 1,
    "stream_chunks": 4,
    "status": 2,
    "proof_kind": 1,
    "proof_soundness_bits": 2,
    "input_tokens": 8,
    "output_tokens": 8,
    "cached_input_tokens": 8,
    "price": 32,
    "started_at": 8,
    "first_token_at": 8,
    "finished_at": 8,
    "sequence": 8,
}

_ENUMS: Final = {
    name: (kind.__name__, frozenset(kind))
    for name, kind in {
        "kind": ReceiptKind,
        "verification_mode": VerificationMode,
        "settlement_mode": SettlementMode,
        "channel_kind": ChannelKind,
        "proof_kind": ProofKind,
    }.items()
}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


FIELDS: Final = tuple(
    FieldSpec(field.name, _camel(field.name), _UINT_BYTES.get(field.name))
    for field in dataclasses.fields(Receipt)
)
TYPE_STRING: Final = (
    "InferenceReceipt(" + ",".join(f"{field.solidity} {field.wire}" for field in FIELDS) + ")"
)
TYPE_HASH: Final = keccak256(TYPE_STRING.encode())
_words: Final = operator.attrgetter(*(field.name for field in FIELDS))
_SIZES: Final = tuple(field.size or 32 for field in FIELDS)
_PACKER: Final = struct.Struct("32s" * (len(FIELDS) + 1))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SignedReceipt:
    """A receipt, where it belongs, and the node's signature."""

    domain: ReceiptDomain
    receipt: Receipt
    signature: Signature

    @property
    def digest(self) -> bytes:
        """The signing digest: the identity under which the receipt settles."""
        return self.receipt.signing_digest(self.domain)

    def signer(self) -> PublicKey:
        """Recover the key that signed.

        Raises:
            SignatureError: No key can have made the signature.
        """
        return PublicKey(recover(self.digest, self.signature))


def sign_receipt(receipt: Receipt, domain: ReceiptDomain, signer: Signer) -> SignedReceipt:
    """Check and sign a receipt with the node's key."""
    receipt.check()
    signature = signer.sign(receipt.signing_digest(domain))
    return SignedReceipt(domain=domain, receipt=receipt, signature=signature)


NO_HASH: Final = ZERO32
