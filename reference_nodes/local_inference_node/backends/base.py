"""What an engine gives once it has loaded a model."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from opengradient.core.models import TensorSpec
from opengradient.core.tensors import Tensor


class LoadedModel(Protocol):
    """A model that is ready to run."""

    @property
    def inputs(self) -> Sequence[TensorSpec]:
        """What it takes."""
        ...

    @property
    def outputs(self) -> Sequence[TensorSpec]:
        """What it gives."""
        ...

    @property
    def engine(self) -> str:
        """Engine, version and settings that its results depend on; it stands in receipts."""
        ...

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Run it once, on inputs that fit `inputs`.

        Raises:
            ConfigurationError: Code ``inference.failed``.
        """
        ...
