"""`scripts/pcr.py` prints what the library computes."""

import json
from pathlib import Path

from click.testing import CliRunner

from opengradient.core.digests import keccak256
from opengradient.core.eif import parse_eif
from scripts.pcr import main
from tests.third_party.dstack import vectors as published
from tests.third_party.dstack.test_vectors import whole_log
from tests.unit.core.test_eif import image


def run(*arguments: object) -> dict[str, str]:
    done = CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, str] = json.loads(done.output)
    return found


def test_eif(tmp_path: Path) -> None:
    path = tmp_path / "x.eif"
    path.write_bytes(image())
    found = run("eif", path)
    assert found.pop("measurement") == parse_eif(image()).measurement()
    assert found == {name: v.hex() for name, v in parse_eif(image()).registers().items()}


def test_rtmr(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_bytes(whole_log())
    found = run("rtmr", "--event-log", path, "--mrtd", "ab" * 48)
    whole = bytes.fromhex("ab" * 48 + "".join(published.REGISTERS))
    assert found.pop("measurement") == "0x" + keccak256(whole).hex()
    assert tuple(found.values()) == published.REGISTERS
    digests = [digest for imr, _, digest in published.FIRMWARE if imr == 2]
    assert run("extend", *digests) == {"register": published.REGISTERS[2]}
