"""One conformance case from a file, or all vectors of a vector file.

python -m tests.conformance FILE

FILE is either one case (`tests/conformance/cases.py` names its members) or a vector file of
`tests/vectors`. Writes ``{"outcome": ..., "expect": ...}`` for a case, or the number of vectors and
those that came out otherwise. Exit codes: 0 accepted, or all vectors as expected; 10 refused, or
some vector otherwise; 20 a format that this release does not know; 30 not a case.
"""

import json
import logging
import sys
from pathlib import Path

from tests.conformance.cases import ACCEPT, outcome, resolve

ACCEPTED, REFUSED, UNSUPPORTED, NO_CASE = 0, 10, 20, 30


def main(arguments: list[str]) -> int:
    """Run it."""
    try:
        content = dict(json.loads(Path(arguments[0]).read_text()))
        if "vectors" in content:
            return _vectors(content)
        found = outcome(content)
    except (IndexError, OSError, ValueError, KeyError, TypeError) as error:
        print(json.dumps({"error": f"not a case: {error!r}"}))
        return NO_CASE
    print(json.dumps({"outcome": found, "expect": content.get("expect")}))
    if found == ACCEPT:
        return ACCEPTED
    return UNSUPPORTED if found == "format.unsupported" else REFUSED


def _vectors(file: dict) -> int:
    wrong = {}
    for vector in file["vectors"]:
        found = outcome(resolve(file, vector))
        if found != vector["expect"]:
            wrong[vector["name"]] = found
    print(json.dumps({"vectors": len(file["vectors"]), "otherwise": wrong}))
    return REFUSED if wrong else ACCEPTED


if __name__ == "__main__":
    logging.disable()  # in a process of its own: it holds for all loggers
    sys.exit(main(sys.argv[1:]))
