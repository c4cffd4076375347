"""Where a node's evidence comes from: a software enclave, or the Nitro module (`nsm`)."""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384

from opengradient.core import cose
from opengradient.core.evidence import SOFTWARE, Evidence
from opengradient.core.keyset import Keyset
from opengradient.core.nitro_document import (
    MAX_NONCE_BYTES,
    MAX_USER_DATA_BYTES,
    NitroDocument,
)
from opengradient.errors import ConfigurationError
from reference_nodes._kit.software_root import Chain, SoftwareRoot

ROTATE_AFTER_MS: Final = 90 * 60 * 1000
"""Half the life of a leaf: every document made can serve for at least as long again."""


class Enclave(Protocol):
    """Makes evidence that binds a node's keys."""

    @property
    def kind(self) -> str:
        """Kind of the evidence."""
        ...

    async def attest(
        self, *, keyset: Keyset | None, user_data: bytes | None, nonce: bytes | None
    ) -> Evidence:
        """Make a document that carries all three.

        Args:
            keyset: Goes into ``public_key``.
            user_data: At most 512 bytes.
            nonce: At most 512 bytes.

        Raises:
            ConfigurationError: Something is too large, or the module refused.
        """
        ...


def system_clock_ms() -> int:
    """This machine's time, Unix milliseconds."""
    return time.time_ns() // 1_000_000


class SoftwareEnclave:
    """Makes documents in Nitro's format **in an ordinary process**: for devnets and tests.

    Nothing is isolated and nothing is proven. The documents are of their own kind, hang below a
    root that says SIMULATED, and are accepted only by a policy that names that root.
    """

    def __init__(
        self,
        root: SoftwareRoot,
        measurements: Mapping[int, bytes],
        *,
        clock_ms: Callable[[], int] = system_clock_ms,
        indefinite: bool = True,
    ) -> None:
        """Set the enclave up; the first leaf certificate is issued with the first document.

        Args:
            root: The network's root.
            measurements: PCR index to 48 bytes, see `reference_nodes._kit.measure`.
            clock_ms: The time, Unix milliseconds.
            indefinite: Write maps of indefinite length, as Nitro does since 2026.
        """
        self._root = root
        self._measurements = dict(measurements)
        self._clock_ms = clock_ms
        self._indefinite = indefinite
        self._module_id = f"simulated-{secrets.token_hex(8)}-enc{secrets.token_hex(8)}"
        self._chain: Chain | None = None

    @property
    def kind(self) -> str:
        """Always ``"software-enclave"``."""
        return SOFTWARE

    async def attest(
        self,
        *,
        keyset: Keyset | None = None,
        user_data: bytes | None = None,
        nonce: bytes | None = None,
    ) -> Evidence:
        """Make a document; takes about a millisecond, some ten when the leaf is renewed."""
        check_sizes(user_data, nonce)
        now_ms = self._clock_ms()
        chain = self._current_chain(now_ms)
        payload = NitroDocument(
            module_id=self._module_id,
            timestamp_ms=now_ms,
            pcrs=self._measurements,
            certificate=chain.certificate,
            cabundle=chain.cabundle,
            public_key=keyset and keyset.encode(),
            user_data=user_data,
            nonce=nonce,
        ).encode(indefinite=self._indefinite)
        document = cose.envelope(payload, sign_es384(chain.leaf_key, payload))
        return Evidence(kind=SOFTWARE, document=document)

    def _current_chain(self, now_ms: int) -> Chain:
        chain = self._chain
        if chain is None or not 0 <= now_ms - chain.not_before_ms < ROTATE_AFTER_MS:
            chain = self._chain = self._root.issue_chain(self._module_id, now_ms=now_ms)
        return chain


def sign_es384(key: ec.EllipticCurvePrivateKey, payload: bytes) -> bytes:
    """Sign a COSE_Sign1 payload: r and s, 48 bytes each."""
    r, s = decode_dss_signature(key.sign(cose.signing_bytes(payload), ec.ECDSA(SHA384())))
    half = cose.SIGNATURE_SIZE // 2
    return r.to_bytes(half) + s.to_bytes(half)


def check_sizes(user_data: bytes | None, nonce: bytes | None) -> None:
    """Refuse what no document could carry.

    Raises:
        ConfigurationError: A field is too large.
    """
    if len(user_data or b"") > MAX_USER_DATA_BYTES or len(nonce or b"") > MAX_NONCE_BYTES:
        raise ConfigurationError("user_data or nonce is larger than a document can carry")
