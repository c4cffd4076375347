"""Each test's node verifies evidence anew."""

import pytest

from reference_nodes.full_node import checking


@pytest.fixture(autouse=True)
def no_evidence_from_other_tests() -> None:
    """A process keeps what it verified; two nodes share one process in tests only."""
    checking._CACHE._items.clear()
