"""The clock that nodes read. Everything below them takes the time as a parameter."""

from collections.abc import Callable
from typing import TypeAlias

from reference_nodes._kit.enclave import system_clock_ms

Clock: TypeAlias = Callable[[], int]
"""Gives Unix milliseconds."""

__all__ = ["Clock", "system_clock_ms"]
