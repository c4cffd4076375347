"""The text that the tiny model learns from, and its training; needs the extra [train]."""
