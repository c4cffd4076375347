"""Where the providers of language models are, by the names that nodes and operators use."""

from collections.abc import Mapping
from typing import Final

PROVIDER_ADDRESSES: Final[Mapping[str, str]] = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "google": "https://generativelanguage.googleapis.com",
    "xai": "https://api.x.ai/v1",
}
"""The providers' documented addresses, each as its own SDK writes the base URL."""
