"""The root command: help without loading anything, errors as messages and statuses."""

import json
import subprocess
import sys

import click
import pytest

from opengradient.cli import exits
from opengradient.cli._group import Entry, LazyGroup
from opengradient.cli.app import _ENTRIES, app
from opengradient.errors import ConfigurationError, ConnectError
from tests.unit.cli.commands import run

HEAVY = (
    "httpx",
    "rich",
    "anyio",
    "cryptography",
    "coincurve",
    "pydantic",
    "web3",
    "opengradient.llm",
)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from opengradient.cli import main\n"
        "sys.argv = ['opengradient', '--help']\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout


@pytest.mark.parametrize("name", list(_ENTRIES))
def test_every_command_loads_and_explains_itself(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")


def test_wrong_usage_is_2() -> None:
    assert run("nonsense").exit_code == 2
    assert run("verify").exit_code == 2


def _raising(error: BaseException) -> click.Command:
    @click.command()
    @exits.json_option
    def fail(json_: bool) -> None:
        raise error

    return fail


def _app(command: click.Command, monkeypatch: pytest.MonkeyPatch) -> None:
    class Module:
        pass

    module = Module()
    module.command = command
    monkeypatch.setitem(sys.modules, "tests.fake_command", module)
    entries = {"fail": Entry("tests.fake_command:command", "fails")}
    monkeypatch.setattr(app, "_entries", entries)


def test_an_error_of_ours_is_a_message_and_1(monkeypatch: pytest.MonkeyPatch) -> None:
    _app(_raising(ConnectError("nobody there")), monkeypatch)
    result = run("fail")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "nobody there" in result.stderr
    assert "transport.connect" in result.stderr
    assert "next: " in result.stderr
    assert "Traceback" not in result.stderr


def test_with_json_the_error_is_on_stdout_too(monkeypatch: pytest.MonkeyPatch) -> None:
    _app(_raising(ConnectError("nobody there")), monkeypatch)
    result = run("fail", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "transport.connect"


def test_errors_in_a_task_group_are_messages_too(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = ExceptionGroup("inner", [ConnectError("one"), ConfigurationError("two")])
    _app(_raising(ExceptionGroup("outer", [inner])), monkeypatch)
    result = run("fail")
    assert result.exit_code == 1
    assert "one" in result.stderr
    assert "two" in result.stderr


def test_a_defect_in_a_task_group_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    _app(_raising(ExceptionGroup("group", [ConnectError("one"), ZeroDivisionError()])), monkeypatch)
    with pytest.raises(ExceptionGroup):
        run("fail")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), EOFError()])
def test_ctrl_c_is_130(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    _app(_raising(error), monkeypatch)
    assert run("fail").exit_code == 130


def test_a_table_entry_must_be_a_command() -> None:
    group = LazyGroup(entries={"x": Entry("opengradient.cli.exits:FAILED", "no command")})
    with pytest.raises(TypeError):
        group.get_command(click.Context(group), "x")


def test_warnings_reach_stderr_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import logging

    @click.command()
    def warn() -> None:
        for _ in range(3):
            logging.getLogger("opengradient.verify").warning("UNSAFE: weak %s", "thing")

    monkeypatch.setattr(logging.getLogger("opengradient"), "handlers", [])
    _app(warn, monkeypatch)
    assert run("fail").stderr.count("UNSAFE: weak thing") == 1
