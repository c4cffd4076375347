"""Evidence kinds: one file per format, one line in the registry."""
