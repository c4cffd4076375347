"""Core values to and from JSON, SSE and ABI."""
