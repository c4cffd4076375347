"""EIP-1559 transactions, signed by whatever holds the key: memory, an enclave, an HSM."""

from dataclasses import dataclass
from typing import Final, TypeAlias, final

from opengradient.core.digests import keccak256
from opengradient.core.keys import Signature, Signer

TYPE_DYNAMIC_FEE: Final = b"\x02"
"""EIP-1559, "Specification": ``0x02 || rlp([...])``."""

Rlp: TypeAlias = "bytes | int | list[Rlp]"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """An EIP-1559 transaction before it is signed.

    Attributes:
        chain_id: EIP-155 id.
        nonce: Count of the sender's transactions before it.
        max_priority_fee: Tip, wei per gas.
        max_fee: Tip and base fee together, wei per gas.
        gas: Gas limit.
        to: 20-byte address; None deploys `data`.
        value: Wei.
        data: Calldata or creation code.
    """

    chain_id: int
    nonce: int
    max_priority_fee: int
    max_fee: int
    gas: int
    to: bytes | None
    value: int = 0
    data: bytes = b""

    def _fields(self) -> list[Rlp]:
        fees: list[Rlp] = [self.chain_id, self.nonce, self.max_priority_fee, self.max_fee, self.gas]
        return [*fees, self.to or b"", self.value, self.data, []]

    def signing_hash(self) -> bytes:
        """The 32 bytes that the sender signs."""
        return keccak256(TYPE_DYNAMIC_FEE + rlp_encode(self._fields()))

    def sign(self, signer: Signer) -> "SignedTransaction":
        """Sign with the sender's key."""
        signature = signer.sign(self.signing_hash())
        return SignedTransaction(
            transaction=self, sender=signer.public_key.address, signature=signature
        )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTransaction:
    """A transaction that can be handed in, any number of times: it is mined once at most."""

    transaction: Transaction
    sender: bytes
    signature: Signature

    @property
    def raw(self) -> bytes:
        """The bytes for eth_sendRawTransaction."""
        parity = self.signature.v - 27
        r, s = int.from_bytes(self.signature.r), int.from_bytes(self.signature.s)
        return TYPE_DYNAMIC_FEE + rlp_encode([*self.transaction._fields(), parity, r, s])

    @property
    def hash(self) -> bytes:
        """Its hash."""
        return keccak256(self.raw)


def rlp_encode(item: Rlp) -> bytes:
    """Encode to RLP (yellow paper, appendix B); whole numbers big-endian without leading zeros."""
    if isinstance(item, list):
        return _prefixed(b"".join(rlp_encode(part) for part in item), 0xC0)
    data = item.to_bytes((item.bit_length() + 7) // 8) if isinstance(item, int) else item
    if len(data) == 1 and data[0] < 0x80:
        return data
    return _prefixed(data, 0x80)


def _prefixed(payload: bytes, offset: int) -> bytes:
    if len(payload) < 56:
        return bytes([offset + len(payload)]) + payload
    length = len(payload).to_bytes((len(payload).bit_length() + 7) // 8)
    return bytes([offset + 55 + len(length)]) + length + payload


def contract_address(sender: bytes, nonce: int) -> bytes:
    """Address of the contract that a deploying transaction creates (yellow paper, section 7)."""
    return keccak256(rlp_encode([sender, nonce]))[12:]
