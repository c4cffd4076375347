"""Values and the bytes they stand for: no I/O, no clock, no randomness."""
