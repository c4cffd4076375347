"""The node's settings: everything that an operator can choose, from the environment."""

import os
from pathlib import Path

from pydantic import Field

from opengradient.core.canonical import JsonObject
from reference_nodes._kit.settings import NodeSettings
from reference_nodes.local_inference_node.pool import PoolLimits

MODELS_FOLDER = "models"


class Settings(NodeSettings):
    """Read from ``OPENGRADIENT_<NAME>``.

    Attributes:
        models_dir: Folder of the models; unset for ``models`` in `data_dir`.
        workers: Processes that run models; 0 for half of the machine's cores.
        threads: Threads of one run; it stands in receipts, float results may depend on it.
        max_loaded: Models that one worker keeps loaded.
        max_waiting: Calls that wait for a worker; more are refused.
        run_seconds: Longest time of one run.
        load_seconds: Longest time to load a model.
        worker_memory_bytes: Memory of one worker.
        max_answer_bytes: Largest answer.
    """

    models_dir: Path | None = None
    workers: int = Field(default=0, ge=0, le=256)
    threads: int = Field(default=1, ge=1, le=256)
    max_loaded: int = Field(default=8, ge=1)
    max_waiting: int = Field(default=256, ge=0)
    run_seconds: float = Field(default=60.0, gt=0, le=600.0)
    load_seconds: float = Field(default=120.0, gt=0)
    worker_memory_bytes: int = Field(default=8 << 30, ge=256 << 20)
    max_answer_bytes: int = Field(default=60 * 1024 * 1024, ge=1024, le=60 * 1024 * 1024)

    @property
    def library(self) -> Path:
        """Where the models lie."""
        return self.models_dir or self.data_dir / MODELS_FOLDER

    @property
    def pool(self) -> PoolLimits:
        """Bounds of the workers."""
        return PoolLimits(
            workers=self.workers or max(1, (os.cpu_count() or 2) // 2),
            threads=self.threads,
            max_models=self.max_loaded,
            max_waiting=self.max_waiting,
            seconds=self.run_seconds,
            load_seconds=self.load_seconds,
            memory_bytes=self.worker_memory_bytes,
        )

    def attested(self) -> JsonObject:
        """What of these settings the evidence binds; where models lie is the machine's affair."""
        chosen = NodeSettings.attested(self)
        del chosen["models_dir"]
        return chosen
