"""Bytes, trust, policy and a time in; a verified value or VerificationError out."""
