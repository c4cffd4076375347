"""Starts the node: ``python -m reference_nodes.tiny_llm_node --port 8080``."""

import os
import socket
import sys

# Read when numpy is loaded: matrices this small only lose time when they are split over threads,
# and one thread adds in one order, which keeps greedy answers the same from run to run.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import uvicorn
from typing_extensions import override

from opengradient.errors import OpenGradientError
from reference_nodes.tiny_llm_node.app import create_app, load_service
from reference_nodes.tiny_llm_node.config import parse_config


class _Server(uvicorn.Server):
    """Says where it listens once it does."""

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in self.servers:
            for bound in listening.sockets:
                host, port = bound.getsockname()[:2]
                sys.stdout.write(f"READY http://{host}:{port}\n")
        sys.stdout.flush()


def main() -> int:
    """Serve until told to stop; return the exit status."""
    try:
        config = parse_config(sys.argv[1:])
        app = create_app(load_service(config), config)
    except OpenGradientError as error:
        sys.stderr.write(f"{error.diagnostics()}\n")
        return 2
    server = _Server(
        uvicorn.Config(app, host=config.host, port=config.port, log_level="warning", lifespan="off")
    )
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
