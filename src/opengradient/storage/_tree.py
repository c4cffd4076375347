"""Merkle trees over Blake2b-256 as Walrus has them.

A leaf is the hash of 0x00 and its bytes, a node that of 0x01 and its two children; a missing right
child is 32 zero bytes.
"""

from collections.abc import Sequence
from functools import partial
from hashlib import blake2b
from typing import Final

EMPTY: Final = bytes(32)

_hash = partial(blake2b, digest_size=32)


def leaf_hashes(leaves: Sequence[bytes]) -> list[bytes]:
    """The hash of every leaf."""
    return [_hash(b"\x00" + leaf).digest() for leaf in leaves]


def level_above(nodes: Sequence[bytes]) -> list[bytes]:
    """The parents of one level."""
    above = [
        _hash(b"\x01" + left + right).digest()
        for left, right in zip(nodes[::2], nodes[1::2], strict=False)
    ]
    if len(nodes) % 2:
        above.append(_hash(b"\x01" + nodes[-1] + EMPTY).digest())
    return above


def root(nodes: Sequence[bytes]) -> bytes:
    """The root above one level; zeros above none."""
    level = list(nodes)
    while len(level) > 1:
        level = level_above(level)
    return level[0] if level else EMPTY


def ancestors(nodes: Sequence[bytes], levels: int) -> list[bytes]:
    """What stands `levels` above a level."""
    level = list(nodes)
    for _ in range(levels):
        level = level_above(level)
    return level
