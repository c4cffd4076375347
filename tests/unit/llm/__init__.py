"""Tests of the llm room."""
