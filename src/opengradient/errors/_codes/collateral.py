"""Codes of collateral: what a vendor signs beside evidence."""

from opengradient.errors._codes._code import Code

TABLE: dict[str, Code] = {
    "collateral.missing": Code(
        "The evidence cannot be checked without data that its vendor signs, and it is not there.",
        "Let the client fetch it, or pass it: `opengradient evidence verify --collateral FILE`.",
    ),
    "collateral.unavailable": Code(
        "The vendor's service did not answer, and nothing valid is kept.",
        "Check the way to the service, or name a mirror in CollateralServices.",
    ),
    "collateral.unknown_platform": Code(
        "The vendor's service does not know the platform that the evidence names.",
        "Do not use this node: genuine platforms are known to their vendor.",
    ),
    "collateral.malformed": Code(
        "The vendor's service, or the file that was kept, holds something else.",
        "Check the addresses in CollateralServices; a proxy may answer in the service's place.",
    ),
    "collateral.too_large": Code(
        "The vendor's service answered with more than any collateral has.",
        "Check the addresses in CollateralServices; a proxy may answer in the service's place.",
    ),
    "collateral.expired": Code(
        "The vendor's service gives data that is out of date by this machine's clock.",
        "Check this machine's clock; if it is right, name another mirror.",
    ),
    "collateral.unknown": Code(
        "The evidence comes with data that its kind does not have.",
        "Pass only the items that the kind names, see docs/trust.md.",
    ),
}
