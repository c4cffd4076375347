"""ACI receipts: the other kind of receipt that this release verifies (`opengradient.core.aci`)."""

from opengradient.verify.aci.expectation import AciExpectation
from opengradient.verify.aci.receipt import VerifiedAciReceipt, verify_aci_receipt
from opengradient.verify.platforms.aci import AciPolicy

__all__ = ["AciExpectation", "AciPolicy", "VerifiedAciReceipt", "verify_aci_receipt"]
