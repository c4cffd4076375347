"""Content-addressed storage: Walrus blob ids computed here, so that no server is believed."""

from opengradient.storage.blob_id import BlobId, compute_blob_id

__all__ = ["BlobId", "compute_blob_id"]
