"""Runs a node's module, and ends it when the process that started it is gone.

``python -m reference_nodes.devnet.child MODULE ARGUMENTS...`` is what the devnet starts. The
parent holds the other end of this process's stdin and never writes to it: when that end closes,
the parent is gone, however it went (kill -9 too), and so must this node be. The children of the
node share its process group and go with it.
"""

import os
import runpy
import signal
import sys
import threading
from typing import Final

GRACE_SECONDS: Final = 25.0
"""How long a node may drain before it is killed: its own drain time and a little."""


def end_with_parent() -> None:
    """Block until stdin is closed, then end this process group: asked first, killed then."""
    while os.read(0, 4096):
        pass
    os.killpg(os.getpgrp(), signal.SIGTERM)
    threading.Event().wait(GRACE_SECONDS)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    """Become the module that the command line names."""
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    threading.Thread(target=end_with_parent, name="end-with-parent", daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
