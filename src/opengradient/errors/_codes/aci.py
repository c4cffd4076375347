"""Codes of ACI receipts (core/aci, verify/aci)."""

from opengradient.errors._codes._code import Code

_BROKEN = "Fetch the document again from the service; what breaks the format cannot be checked."
_DISTRUST = "Do not rely on the answer. Keep the file, and ask another service."
_SHOW = "Put it into the file: docs/spec/aci.md says where it goes."

TABLE: dict[str, Code] = {
    "aci.version": Code(
        "The ACI document or bundle is of another version.", "Use a release that knows it."
    ),
    "aci.unknown_field": Code(
        "An ACI document has a field that its version does not define.", _BROKEN
    ),
    "aci.json": Code(
        "An ACI document breaks the constraints on its JSON: ASCII names, whole numbers.", _BROKEN
    ),
    "aci.digest": Code("A digest is not spelled sha256: and 64 hex digits.", _BROKEN),
    "aci.nonce": Code(
        "An ACI nonce has 32 bytes.", "Use 32 random bytes, written as 64 lower-case hex digits."
    ),
    "aci.receipt.malformed": Code("The ACI receipt lacks a field or has a wrong value.", _BROKEN),
    "aci.receipt.signature_form": Code("The signature is not 64 bytes of hex.", _BROKEN),
    "aci.receipt.keyset": Code(
        "The receipt names another keyset than the one that was established.",
        "Show the report of the keyset that was current when the receipt was signed.",
    ),
    "aci.receipt.key": Code("The receipt's key is not in the attested keyset.", _DISTRUST),
    "aci.receipt.algorithm": Code(
        "The attested key has an algorithm that this release does not know.",
        "No other algorithm is tried instead: use a release that knows it.",
    ),
    "aci.receipt.signature": Code("The signature of the ACI receipt does not verify.", _DISTRUST),
    "aci.receipt.future": Code(
        "The receipt says that it was made later than now.", "Check this machine's clock."
    ),
    "aci.receipt.after_keyset": Code(
        "The receipt says that it was made after its keyset ended.", _DISTRUST
    ),
    "aci.event.count": Code("The event log is empty or too long.", _BROKEN),
    "aci.event.malformed": Code("An event lacks a field or has a wrong value.", _BROKEN),
    "aci.event.nested": Code("An event is not flat.", _BROKEN),
    "aci.event.first": Code("The event log does not begin with request.received.", _BROKEN),
    "aci.event.twice": Code("An event that stands once stands twice.", _BROKEN),
    "aci.event.missing": Code("The event log lacks response.returned.", _BROKEN),
    "aci.event.not_forwarded": Code(
        "The request was not forwarded, and nothing says that it was refused.", _DISTRUST
    ),
    "aci.event.forwarded_refusal": Code(
        "The request was forwarded although a required verification failed.", _DISTRUST
    ),
    "aci.keyset.malformed": Code("The keyset lacks a field or has a wrong value.", _BROKEN),
    "aci.keyset.key_id": Code("The keyset lists a key_id twice.", _BROKEN),
    "aci.keyset.key": Code("An Ed25519 key of the keyset is not 32 bytes of hex.", _BROKEN),
    "aci.keyset.role": Code("A receipt key of the keyset has a second role.", _DISTRUST),
    "aci.keyset.expired": Code(
        "The keyset has ended.", "Fetch a new report; for an archived receipt state a time (--at)."
    ),
    "aci.keyset.distant": Code(
        "The keyset ends implausibly late.", "Raise max_keyset_lifetime_ms if you accept that."
    ),
    "aci.keyset.revoked": Code("The policy revokes this keyset.", _DISTRUST),
    "aci.keyset.subject": Code(
        "The keyset's subject is not one that the policy accepts.",
        "Check the address that you called, or add the subject to the policy.",
    ),
    "aci.keyset.missing": Code(
        "Nothing establishes the keyset of the receipt.",
        "Show the service's attestation report with it, best one that answers your nonce.",
    ),
    "aci.report.malformed": Code("The report lacks a field or has a wrong value.", _BROKEN),
    "aci.report.keyset_digest": Code(
        "The report names another digest than that of its keyset.", _DISTRUST
    ),
    "aci.report.statement": Code(
        "The report's report_data is not that of its keyset and nonce.",
        "Check that the nonce is the one that the report was asked for with.",
    ),
    "aci.report.nonce": Code("The report was asked for with another nonce than yours.", _DISTRUST),
    "aci.report.tee": Code(
        "The report's tee_type is not one that this release can check.",
        "ACI defines the layout of the evidence for tdx only.",
    ),
    "aci.report.quote": Code("The evidence has no quote in hex.", _BROKEN),
    "aci.report.slot": Code(
        "The quote does not bind the report_data, or a copy beside it differs.", _DISTRUST
    ),
    "aci.report.provenance": Code(
        "The report names neither a commit nor an image.",
        "ACI 4.1 demands one of them; ask the operator.",
    ),
    "aci.event_log.missing": Code(
        "The policy names applications, and the evidence has no boot event log.", _DISTRUST
    ),
    "aci.event_log.compose": Code(
        "The boot event log does not measure exactly one application.", _DISTRUST
    ),
    "aci.application.preimage": Code(
        "app_compose is not what the measured compose-hash names.", _DISTRUST
    ),
    "aci.application.refused": Code(
        "The measured application is not one that the policy accepts.",
        "Review the compose file and add its SHA-256, or do not use the service.",
    ),
    "aci.channel": Code("The keyset does not list the TLS key that was used.", _DISTRUST),
    "aci.request": Code("The receipt is about another request body.", _DISTRUST),
    "aci.request.rewritten": Code(
        "The service rewrote the request before inference.",
        "The policy forbids it; set allow_rewrite to accept and show it.",
    ),
    "aci.response": Code("The receipt is about another response body.", _DISTRUST),
    "aci.model": Code("The receipt names another model than was asked for.", _DISTRUST),
    "aci.upstream.unexpected": Code("A direct service's receipt names an upstream.", _DISTRUST),
    "aci.upstream.missing": Code("An aggregator's receipt names no upstream.", _DISTRUST),
    "aci.upstream.failed": Code(
        "The verification of the upstream failed, and the answer came all the same.", _DISTRUST
    ),
    "aci.upstream.optional": Code(
        "The upstream did not have to be verified for this request.",
        "Ask with provider.aci_verified, or set require_verified_upstream to false.",
    ),
    "aci.session.malformed": Code("A session record has a wrong field.", _BROKEN),
    "aci.session.evidence": Code("The session's evidence is not what its digest names.", _DISTRUST),
    "aci.session.missing": Code("The cited session is not in the file.", _SHOW),
    "aci.session.not_accepted": Code(
        "The receipt cites another session than those that you pinned.", _DISTRUST
    ),
    "aci.session.window": Code("The receipt was made outside the session's time.", _DISTRUST),
    "aci.session.tee": Code(
        "The session does not say that hardware attests the upstream.", _DISTRUST
    ),
    "aci.session.refuted": Code("The session refutes one of its own claims.", _DISTRUST),
}
