"""Keys that are replaced in mid-traffic, with both kinds of clients. The long run is a benchmark."""

from pathlib import Path

import pytest

from benchmarks.rotation_soak import soak
from opengradient.core.modes import ChannelKind


@pytest.mark.slow
async def test_no_call_fails_while_keys_are_replaced(tmp_path: Path) -> None:
    seen = await soak(300, rotate_every=20, folder=tmp_path)
    assert not seen.failures
    assert (seen.calls, seen.rotations) == (300, 15)
    assert len(seen.keys[ChannelKind.TLS]) >= 5
    assert seen.keys[ChannelKind.HPKE]
