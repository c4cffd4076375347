"""Trees of chunks: the same from any pieces, and no other list fits."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengradient.core import chunks
from opengradient.core.chunks import FileDigests, check_digests, chunk_count, tree_root
from opengradient.errors import VerificationError


def sha(data):
    return hashlib.sha256(data).digest()


def rfc9162(digests):
    """The recursive definition of RFC 9162 section 2.1.1."""
    if not digests:
        return sha(b"")
    if len(digests) == 1:
        return sha(b"\0" + digests[0])
    k = 1
    while k * 2 < len(digests):
        k *= 2
    return sha(b"\1" + rfc9162(digests[:k]) + rfc9162(digests[k:]))


@pytest.mark.parametrize("count", range(35))
def test_root_is_that_of_rfc_9162(count):
    digests = [sha(bytes([number])) for number in range(count)]
    assert tree_root(digests) == rfc9162(digests)


@given(st.lists(st.binary(max_size=50), max_size=20), st.integers(1, 40))
def test_pieces_do_not_matter(pieces, size):
    whole = b"".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "CHUNK_BYTES", size)
        found = FileDigests.of(pieces)
        assert found.chunks == tuple(
            sha(whole[at : at + size]) for at in range(0, len(whole), size)
        )
        assert (found.size, found.sha256) == (len(whole), sha(whole))
        check_digests(found.chunks, size=len(whole), root=tree_root(found.chunks))


def test_sizes():
    assert [chunk_count(n) for n in (0, 1, 4 << 20, (4 << 20) + 1)] == [0, 1, 1, 2]


def test_another_list_is_refused():
    digests = [sha(bytes([number])) for number in range(3)]
    size, root = 3 * chunks.CHUNK_BYTES, tree_root(digests)
    check_digests(digests, size=size, root=root)
    for code, wrong in (
        ("model.chunks", digests[:2]),
        ("model.chunks", [*digests, digests[0]]),
        ("model.chunks", [*digests[:2], digests[2][:-1]]),
        ("model.chunk_root", [digests[1], digests[0], digests[2]]),
        ("model.chunk_root", [*digests[:2], sha(b"other")]),
    ):
        with pytest.raises(VerificationError) as caught:
            check_digests(wrong, size=size, root=root)
        assert caught.value.code == code
