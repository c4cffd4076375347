import json
import logging
import sys

from reference_nodes._kit.logs import JsonFormatter


def test_one_json_object_per_line_with_its_fields() -> None:
    record = logging.LogRecord("a", logging.INFO, "f", 1, "two\nlines %s", ("x",), None)
    record.status = 200
    line = JsonFormatter().format(record)
    assert "\n" not in line
    value = json.loads(line)
    assert (value["event"], value["level"], value["status"]) == ("two\nlines x", "INFO", 200)


def test_tracebacks_stay_on_the_line() -> None:
    try:
        int("x")
    except ValueError:
        record = logging.LogRecord("a", logging.ERROR, "f", 1, "m", (), sys.exc_info())
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert "ValueError" in json.loads(line)["traceback"]
