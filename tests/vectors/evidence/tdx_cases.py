"""What can be wrong with an Intel quote or its collateral, one thing at a time."""

from collections.abc import Iterator

from tests.vectors.evidence.intel_accepted import accepted
from tests.vectors.evidence.intel_chains import chains, revocation
from tests.vectors.evidence.intel_data import data, platform, standing
from tests.vectors.evidence.intel_guests import bindings, collateral_items, domain, enclave
from tests.vectors.evidence.intel_kit import Vector
from tests.vectors.evidence.intel_quotes import forms, signatures


def every_vector() -> Iterator[Vector]:
    """All of them."""
    for part in (
        accepted,
        forms,
        signatures,
        chains,
        revocation,
        platform,
        data,
        standing,
        domain,
        enclave,
        bindings,
        collateral_items,
    ):
        yield from part()
