"""Check a receipt file offline, and read what it proves."""

import opengradient as og

try:
    verdict = og.verify("receipt.json", network="devnet")
except og.VerificationError as error:
    print(error.diagnostics())
else:
    print("simulated enclave" if verdict.simulated else "hardware enclave")
    print([claim.name for claim in verdict.proven])
