"""Two Merkle trees: OpenZeppelin's StandardMerkleTree for batches, RFC 9162's for stream chunks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from opengradient.core.digests import ZERO32, Domain, hmac_sha256, keccak256, sha256
from opengradient.errors import InclusionError, MalformedError

MAX_PROOF_LENGTH: Final = 64


def settlement_leaf(digest: bytes, r: bytes, vs: bytes) -> bytes:
    """The batch leaf of one receipt: OpenZeppelin's double keccak of three words.

    The compact signature (EIP-2098) is part of the leaf, so that a leaf which no registered
    node signed can be shown to the contract (docs/adr/0001).
    """
    if not len(digest) == len(r) == len(vs) == 32:
        raise MalformedError("a leaf is made of three 32-byte words", step="leaf")
    return keccak256(keccak256(digest + r + vs))


def hash_pair(left: bytes, right: bytes) -> bytes:
    """Hash two nodes in sorted order, as OpenZeppelin's MerkleProof does."""
    return keccak256(left + right if left < right else right + left)


@final
class BatchTree:
    """OpenZeppelin's StandardMerkleTree over given leaf hashes, with sorted leaves."""

    __slots__ = ("_position", "_tree", "size")

    def __init__(self, leaves: Sequence[bytes]) -> None:
        """Build the tree.

        Args:
            leaves: Leaf hashes of 32 bytes, all different, at least one.

        Raises:
            MalformedError: No leaves, or one stands twice.
        """
        if not leaves or len(set(leaves)) != len(leaves):
            raise MalformedError("a batch has at least one leaf and none twice", step="merkle")
        size = len(leaves)
        tree = [b""] * (2 * size - 1)
        self._position: dict[bytes, int] = {}
        for index, leaf in enumerate(sorted(leaves)):
            position = len(tree) - 1 - index
            tree[position] = leaf
            self._position[leaf] = position
        for index in range(size - 2, -1, -1):
            tree[index] = hash_pair(tree[2 * index + 1], tree[2 * index + 2])
        self._tree = tree
        self.size = size

    @property
    def root(self) -> bytes:
        """The 32-byte root."""
        return self._tree[0]

    def proof(self, leaf: bytes) -> tuple[bytes, ...]:
        """The siblings from a leaf to the root.

        Raises:
            InclusionError: The leaf is not in this tree.
        """
        index = self._position.get(leaf)
        if index is None:
            raise InclusionError("the leaf is not in this tree")
        siblings = []
        while index > 0:
            siblings.append(self._tree[index + 1 if index % 2 else index - 1])
            index = (index - 1) // 2
        return tuple(siblings)


def root_from_proof(leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """Walk a batch proof from the leaf to its root.

    Raises:
        MalformedError: A sibling is not 32 bytes, or there are more than 64.
    """
    if len(proof) > MAX_PROOF_LENGTH or any(len(node) != 32 for node in proof):
        raise MalformedError("a proof has at most 64 siblings of 32 bytes", step="inclusion")
    node = leaf
    for sibling in proof:
        node = hash_pair(node, sibling)
    return node


@final
@dataclass(slots=True)
class ChunkTree:
    """An RFC 9162 tree that grows with a stream: `append` each chunk, read `root` at any time.

    Leaf i is ``SHA-256(0x00 || salt_i || SHA-256(chunk_i))``: salted, because tokens are easy
    to guess, and salted each alone, because one chunk can then be shown without the others.
    """

    salt_seed: bytes
    count: int = 0
    _peaks: list[tuple[int, bytes]] | None = None

    def append(self, chunk_digest: bytes) -> None:
        """Add the SHA-256 of the next chunk's data bytes."""
        peaks = self._peaks if self._peaks is not None else []
        node, height = sha256(b"\x00" + chunk_salt(self.salt_seed, self.count) + chunk_digest), 0
        while peaks and peaks[-1][0] == height:
            node, height = sha256(b"\x01" + peaks.pop()[1] + node), height + 1
        peaks.append((height, node))
        self._peaks = peaks
        self.count += 1

    @property
    def root(self) -> bytes:
        """The root over all chunks so far; 32 zero bytes before the first."""
        if not self._peaks:
            return ZERO32
        node = self._peaks[-1][1]
        for _, left in reversed(self._peaks[:-1]):
            node = sha256(b"\x01" + left + node)
        return node


def stream_salt_seed(seed: bytes) -> bytes:
    """The seed of a stream's chunk salts, from the receipt's seed."""
    return hmac_sha256(seed, Domain.STREAM_SALT.value.encode())


def chunk_salt(salt_seed: bytes, index: int) -> bytes:
    """The salt of chunk `index` (from 0)."""
    return hmac_sha256(salt_seed, index.to_bytes(8))


def chunk_root(salt_seed: bytes, chunk_digests: Sequence[bytes]) -> bytes:
    """The root over a whole list of chunk digests."""
    tree = ChunkTree(salt_seed)
    for digest in chunk_digests:
        tree.append(digest)
    return tree.root
