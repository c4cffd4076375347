"""Codes of storage: blobs and their ids."""

from opengradient.errors._codes._code import Code

TABLE: dict[str, Code] = {
    "storage.failed": Code(
        "No server stored or gave the blob.", "Try again, or name other servers; nothing was lost."
    ),
    "storage.shards": Code(
        "No network has so many shards.", "Pass the network's own number; Walrus has 1,000."
    ),
    "storage.too_large": Code(
        "The blob does not fit the encoding of so many shards.",
        "Cut it into several blobs; a model's manifest names many.",
    ),
    "storage.blob_id": Code(
        "Not a blob id in its one form.", "An id has 43 characters of URL-safe base64."
    ),
}
