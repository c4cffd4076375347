"""What ``import opengradient`` gives, and how little it loads."""

import importlib
import subprocess
import sys
from types import ModuleType

import pytest

import opengradient as og

HEAVY = "httpx web3 eth_account torch pydantic coincurve cryptography anyio asyncio ssl click rich eth_abi"


def test_every_public_name_is_there_and_no_other():
    assert len(set(og.__all__)) == len(og.__all__)
    for name in og.__all__:
        assert getattr(og, name) is not None, name
    assert set(og.__all__) <= set(dir(og))
    with pytest.raises(AttributeError):
        _ = og.nothing


def test_the_lazy_names_are_those_that_type_checkers_see():
    homes = {**og._HOMES, **{name: home for name, (home, _) in og._RENAMED.items()}}
    assert set(homes) | {"__version__", "verify"} == set(og.__all__)
    for name, home in homes.items():
        original = og._RENAMED.get(name, ("", name))[1]
        assert getattr(og, name) is getattr(importlib.import_module(home), original)


def test_verify_is_the_function_and_the_room():
    from opengradient import offline
    from opengradient.verify.policy import TrustPolicy

    assert isinstance(og.verify, ModuleType)
    assert og.verify.policy.TrustPolicy is TrustPolicy
    with pytest.raises(og.VerificationError) as caught:
        og.verify(b"{}")
    assert caught.value.code == "format.malformed"
    assert callable(offline.verify)


def test_import_is_light():
    code = f"import sys, opengradient; print(*[m for m in {HEAVY.split()!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_offline_verifier_loads_no_network():
    code = (
        "import sys, opengradient.offline;"
        "print(*[m for m in ('httpx', 'web3', 'torch', 'pydantic', 'anyio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
