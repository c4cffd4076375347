"""One command: a whole network on this machine, with a chain that it remembers.

`config.DevnetConfig` says what; `network.Devnet` runs it inside a block; `detached.up`, `status`
and `down` run it in the background. Nothing is imported here, because every node's process passes
through this package (`child`).
"""
