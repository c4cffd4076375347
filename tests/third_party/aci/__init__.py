"""The published vectors of ACI."""
