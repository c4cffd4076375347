"""Say whom you trust: which code, which served models, how old evidence may be."""

import dataclasses

import opengradient as og

release = frozenset({"0x" + "5a" * 32})  # keccak256(PCR0 || PCR1 || PCR2) of the code you built
policy = og.TrustPolicy.hardware(release)
policy = dataclasses.replace(
    policy,
    models=frozenset({"gpt-5-mini-2025-08-07"}),
    max_evidence_age_ms=60 * 60 * 1000,
)
print(policy.modes, policy.allow_debug)
