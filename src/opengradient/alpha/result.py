"""A verified answer of a model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from opengradient.core.models import ModelManifest
from opengradient.nodes.receipt import HeldReceipt
from opengradient.nodes.sending import NodeFacts
from opengradient.nodes.settlement import Settlement
from opengradient.verify.verdict import Verdict

if TYPE_CHECKING:
    import numpy as np


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceResult:
    """What a model gave.

    Attributes:
        outputs: Arrays by name.
        model: The manifest of the model that ran; ``model.root`` is its root.
        receipt: The verified receipt.
        node: The node that ran it.
        settlement: The receipt's way to the ledger.
    """

    outputs: "Mapping[str, np.ndarray[Any, Any]]"
    model: ModelManifest
    receipt: HeldReceipt
    node: NodeFacts
    settlement: Settlement

    @property
    def verdict(self) -> Verdict:
        """Claim by claim: proven, asserted or absent."""
        return self.receipt.verdict

    @property
    def model_output(self) -> "Mapping[str, np.ndarray[Any, Any]]":
        """The outputs, by the published client's name."""
        return self.outputs
