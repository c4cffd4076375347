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
    "storage.not_found": Code(
        "No server has the blob.", "Check the id, and whether its storage time has ended."
    ),
    "storage.answer": Code(
        "A publisher answered in a form that Walrus' API does not have.",
        "Check that the URL is a publisher's; use another one.",
    ),
    "storage.publisher_id": Code(
        "A publisher says that it stored another blob than it was given.",
        "Do not use this publisher; nothing is known about where your bytes went.",
    ),
    "storage.content": Code(
        "A server gave other bytes than those of the blob.",
        "Use another aggregator; what it gave was not returned.",
    ),
    "storage.quota": Code(
        "The storage node is full.", "Store elsewhere, or give the node a larger quota."
    ),
    "storage.disk": Code(
        "The storage node cannot write its folder.", "Free disk space and look at its permissions."
    ),
}
