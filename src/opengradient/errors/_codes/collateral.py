"""Codes of collateral: what a vendor signs beside evidence."""

from opengradient.errors._codes._code import Code

TABLE: dict[str, Code] = {
    "collateral.missing": Code(
        "The evidence cannot be checked without data that its vendor signs, and it is not there.",
        "Let the client fetch it, or pass it: `opengradient evidence verify --collateral FILE`.",
    ),
    "collateral.unknown": Code(
        "The evidence comes with data that its kind does not have.",
        "Pass only the items that the kind names, see docs/trust.md.",
    ),
}
