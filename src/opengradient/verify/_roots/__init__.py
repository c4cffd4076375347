"""Certificates of hardware vendors' roots, as their vendors publish them: one file per vendor."""
