"""Mutation testing: change one thing in a checked file, and see whether any test notices."""
