"""A reference publisher and aggregator: Walrus' HTTP API over a folder on this machine."""
