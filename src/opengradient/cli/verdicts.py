"""A receipt's verdict, as people see it."""

from opengradient.cli.console import (
    at,
    claims_table,
    console,
    pairs,
    plain,
    short,
    simulated_banner,
    summary,
)
from opengradient.cli.evidence_claims import show_refusal
from opengradient.core.bundle import ReceiptBundle
from opengradient.errors import OpenGradientError
from opengradient.networks import Network
from opengradient.verify.aci import VerifiedAciReceipt
from opengradient.verify.receipts import VerifiedReceipt
from opengradient.verify.verdict import Verdict


def show_accepted(
    checked: VerifiedReceipt | VerifiedAciReceipt, *, at_ms: int, network: Network | None
) -> None:
    """Print an accepted receipt."""
    out = console()
    if checked.verdict.simulated:
        out.print(simulated_banner())
    out.print(plain("ACCEPTED", "bold green"))
    head = _head(checked) if isinstance(checked, VerifiedReceipt) else _aci_head(checked)
    out.print(pairs([*head, ("judged", f"at {at(at_ms)}, by {_by(network)}")]))
    out.print(claims_table(checked.verdict))
    out.print(summary(checked.verdict))


def _head(checked: VerifiedReceipt) -> list[tuple[str, object]]:
    signed = checked.bundle.signed
    return [
        ("receipt", f"0x{signed.digest.hex()}"),
        ("node", f"0x{signed.receipt.node_id.hex()}"),
        ("made", at(signed.receipt.finished_at)),
    ]


def _aci_head(checked: VerifiedAciReceipt) -> list[tuple[str, object]]:
    return [
        ("receipt", f"{checked.receipt.receipt_id} (ACI)"),
        ("keyset", f"sha256:{checked.keyset.digest.hex()}"),
        ("made", at(checked.receipt.served_at * 1000)),
    ]


def _by(network: Network | None) -> str:
    if network is None:
        return "the hardware-only policy, without a network"
    return f"network {network.name}"


def show_refused(error: OpenGradientError, result: str, dated: ReceiptBundle | None) -> None:
    """Print why a receipt was not accepted.

    Args:
        error: What was raised.
        result: One word for it.
        dated: The receipt if the refusal may only be about the time of judging.
    """
    show_refusal(error, result)
    if dated is not None:
        receipt = dated.signed.receipt
        console().print(
            plain(
                f"The receipt says that it was made at {at(receipt.finished_at)}. If something "
                f"that you trust puts it there too, judge it there: --at {receipt.finished_at}",
                "yellow",
            ),
            soft_wrap=True,
        )


def one_line(verdict: Verdict, digest: bytes | None) -> str:
    """The shortest honest account of a verdict; `digest` is the receipt's, where there is one."""
    counts = f"{len(verdict.proven)} proven, {len(verdict.asserted)} asserted"
    simulated = " · SIMULATED enclave" if verdict.simulated else ""
    named = "" if digest is None else f" · receipt {short(f'0x{digest.hex()}')}"
    return f"verified: {counts}, {len(verdict.absent)} absent{named}{simulated}"
