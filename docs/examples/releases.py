from pathlib import Path

import opengradient as og
from opengradient.verify.releases import verify_releases, verify_revocations

PUBLISHERS = [bytes.fromhex(line) for line in Path("publishers.txt").read_text().split()]


def trust(now_ms: int, last_seen: int) -> og.TrustPolicy:
    """AWS Nitro, running a release that two of our publishers signed."""
    releases = verify_releases(
        Path("manifest.json").read_bytes(),
        Path("manifest.json.sig").read_bytes(),
        keys=PUBLISHERS,
        threshold=2,
        now_ms=now_ms,
        last_seen=last_seen,
    )
    return og.TrustPolicy.hardware(releases)


def revoke(llm: og.LLM, now_ms: int) -> None:
    """Take trust away, also from the calls that are under way."""
    revocations = verify_revocations(
        Path("revoked.json").read_bytes(),
        Path("revoked.json.sig").read_bytes(),
        keys=PUBLISHERS,
        threshold=1,
        now_ms=now_ms,
    )
    llm.use_policy(llm.policy.with_revocations(revocations))
