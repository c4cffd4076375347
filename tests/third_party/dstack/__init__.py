"""A published boot event log of dstack."""
