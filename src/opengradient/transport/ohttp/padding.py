"""To which sizes messages are padded, so that a length says little."""

from typing import Final

LEAST_BYTES: Final = 1024
"""Smallest whole message."""
LEAST_PIECE_BYTES: Final = 512
"""Smallest piece of a stream: one event of one token takes 150 to 400 bytes."""
LARGEST_DOUBLING: Final = 1024 * 1024

_SMALL_BITS: Final = 5


def padded_size(size: int, *, least: int = LEAST_BYTES) -> int:
    """The size that a message of `size` bytes is padded to.

    Up to 1 MiB that is the next power of two, from `least` on: eleven sizes in all. Beyond it is
    the next number that has at most its five highest bits set, so that padding adds no more than
    a sixteenth (the idea of Padmé: Nikitin et al., "Reducing Metadata Leakage from Encrypted
    Files and Communication with PURBs", PoPETs 2019, section 4).

    Args:
        size: Bytes without padding.
        least: Smallest size, a power of two.
    """
    if size <= least:
        return least
    bits = (size - 1).bit_length()
    if size <= LARGEST_DOUBLING:
        return 1 << bits
    step = 1 << (bits - _SMALL_BITS)
    return -(-size // step) * step
