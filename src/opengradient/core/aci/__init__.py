"""Receipts of the open format ACI (Attested Confidential Inference), version ``aci/1``.

Source: spec/aci.md of github.com/Dstack-TEE/private-ai-gateway (Apache License 2.0). "ACI 7.3" and
the like below are its section numbers. Here are values and strict readers; nothing is believed
before `opengradient.verify.aci` has checked it.

The JCS form (RFC 8785) of a keyset, receipt or session is what is hashed and signed, so every
JSON encoding of the same content is the same document (ACI appendix A).
"""

from opengradient.core.aci.bundle import AciBundle
from opengradient.core.aci.keyset import AciKey, AciKeyset, AciTlsKey
from opengradient.core.aci.receipt import AciReceipt, BodyEvent, OtherEvent, UpstreamEvent
from opengradient.core.aci.report import AciReport
from opengradient.core.aci.session import AciSession, SessionClaim
from opengradient.core.aci.statement import report_data, report_data_slot, statement

__all__ = [
    "AciBundle",
    "AciKey",
    "AciKeyset",
    "AciReceipt",
    "AciReport",
    "AciSession",
    "AciTlsKey",
    "BodyEvent",
    "OtherEvent",
    "SessionClaim",
    "UpstreamEvent",
    "report_data",
    "report_data_slot",
    "statement",
]
