"""The roots that a release embeds, and what they do not vouch for."""

import pytest

from opengradient.core.evidence import NITRO, NVIDIA, SGX, SNP, TDX
from opengradient.errors import ConfigurationError
from opengradient.verify.trust import (
    amd_ark,
    aws_nitro_root,
    hardware_roots,
    intel_sgx_root,
    nvidia_device_root,
)

INTEL = "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"
GENOA = "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1"


def test_each_root_has_its_kind_name_and_fingerprint():
    for kind in (TDX, SGX):
        root = intel_sgx_root(kind)
        assert (root.kind, root.name, root.fingerprint) == (kind, "Intel SGX Root CA", INTEL)
    root = amd_ark("Genoa")
    assert (root.kind, root.name, root.fingerprint) == (SNP, "AMD ARK Genoa", GENOA)
    assert (aws_nitro_root().kind, nvidia_device_root().kind) == (NITRO, NVIDIA)


@pytest.mark.parametrize("kind", [NITRO, SNP, NVIDIA, ""])
def test_intel_vouches_for_intel(kind):
    with pytest.raises(ConfigurationError):
        intel_sgx_root(kind)


@pytest.mark.parametrize("product", ["Naples", "milan", ""])
def test_product_lines_that_are_not_embedded(product):
    with pytest.raises(ConfigurationError):
        amd_ark(product)


def test_roots_of_several_kinds():
    assert hardware_roots((NITRO,)) == (aws_nitro_root(),)
    assert hardware_roots((SNP, TDX)) == (amd_ark("Genoa"), amd_ark("Turin"), intel_sgx_root(TDX))
    for kinds in ((NVIDIA,), (NITRO, "x")):
        with pytest.raises(ConfigurationError):
            hardware_roots(kinds)
