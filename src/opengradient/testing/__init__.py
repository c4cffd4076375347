"""The public test kit: servers that speak the real protocols, for tests without a provider."""
