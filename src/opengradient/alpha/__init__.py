"""Models of the Hub on attested nodes: numpy in, numpy out, every answer verified."""

from opengradient.alpha.client import Alpha
from opengradient.alpha.result import InferenceResult

__all__ = ["Alpha", "InferenceResult"]
