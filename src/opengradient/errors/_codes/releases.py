"""Codes of release manifests and revocation lists."""

from opengradient.errors._codes._code import Code

_FETCH = "Fetch the file and its signatures again, from its publisher."
_NOT_SIGNED = "Do not rely on this file. Compare the keys with those that its publisher names."
_REVOKED = "Use a node with another one; the publisher says why it was revoked."

TABLE: dict[str, Code] = {
    "releases.malformed": Code(
        "The file is not a release manifest or revocation list in its form.", _FETCH
    ),
    "releases.not_canonical": Code(
        "The file is not in the one spelling that is signed (RFC 8785).",
        "Fetch the file as its publisher signed it; `opengradient release sign` writes this form.",
    ),
    "releases.measurement_id": Code(
        "A measurement id in the manifest does not follow from the registers beside it.",
        "The publisher made a mistake: do not use this manifest, and tell them.",
    ),
    "releases.signatures": Code("The file of signatures is not in its form.", _FETCH),
    "releases.type": Code(
        "The signatures were made for another type of file.",
        "Give the signatures that belong to this file.",
    ),
    "releases.signature": Code("A signature is not genuine, or not of this file.", _NOT_SIGNED),
    "releases.threshold": Code("Fewer keys signed the file than you demand.", _NOT_SIGNED),
    "releases.future": Code(
        "The file was made later than now.", "Check this machine's clock, or the stated time."
    ),
    "releases.expired": Code(
        "The file has expired.",
        "Fetch the publisher's newest file; an old one may hide what was revoked since.",
    ),
    "releases.rollback": Code(
        "The file is older than one that was seen before.",
        "Somebody may be hiding a newer one: fetch the file from another place.",
    ),
    "releases.unlisted": Code(
        "The enclave runs code that is in no release of the signed manifest.",
        "Fetch the newest manifest; if the code is not in it either, do not use this node.",
    ),
    "releases.register": Code(
        "A register has another value than the release fixes, though the id is the release's.",
        "The image is configured or signed in another way than the release: do not use this node.",
    ),
    "releases.revoked_measurement": Code(
        "The enclave runs code that the signed manifest revokes.", _REVOKED
    ),
    "releases.revoked_key": Code(
        "The signing key is one that the signed manifest revokes.", _REVOKED
    ),
    "releases.revoked_product": Code(
        "The hardware is of a product line that the signed manifest revokes.", _REVOKED
    ),
}
