"""Content-addressed storage: Walrus blob ids computed here, so that no server is believed."""

from opengradient.storage._answers import StoredBlob
from opengradient.storage.blob_id import DEFAULT_SHARDS, BlobId, compute_blob_id
from opengradient.storage.walrus import Walrus

__all__ = ["DEFAULT_SHARDS", "BlobId", "StoredBlob", "Walrus", "compute_blob_id"]
