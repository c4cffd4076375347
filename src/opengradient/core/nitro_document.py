"""The payload of a Nitro attestation document: written in one place, parsed strictly in one.

Fields and bounds: AWS, "Nitro Enclaves attestation process", section "Attestation document
specification" (github.com/aws/aws-nitro-enclaves-nsm-api, docs/attestation_process.md), with two
corrections from genuine documents: the map may be of indefinite length, and PCR indices above 15
are allowed by the format.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from opengradient.core import cbor
from opengradient.core.cbor import CborValue
from opengradient.errors import AttestationError, MalformedError

DIGEST: Final = "SHA384"
PCR_BYTES: Final = 48
MAX_PCRS: Final = 32
MAX_MODULE_ID_BYTES: Final = 256
MAX_CERTIFICATE_BYTES: Final = 1024
MAX_PUBLIC_KEY_BYTES: Final = 1024
MAX_USER_DATA_BYTES: Final = 512
MAX_NONCE_BYTES: Final = 512
MAX_TIMESTAMP_MS: Final = 2**53 - 1
"""Past this a time could not be carried by JSON; it is 285,000 years away."""

_KNOWN: Final = frozenset(
    {
        "module_id",
        "digest",
        "timestamp",
        "pcrs",
        "certificate",
        "cabundle",
        "public_key",
        "user_data",
        "nonce",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NitroDocument:
    """What a document says. Parsing checks its form and nothing else.

    Attributes:
        module_id: The enclave's name as the platform gives it.
        timestamp_ms: When it was made, Unix milliseconds.
        pcrs: Index to 48-byte value; always has 0, 1 and 2.
        certificate: DER of the leaf.
        cabundle: DER of its issuers, the root first.
        public_key: None where null or absent.
        user_data: None where null or absent.
        nonce: None where null or absent.
        unknown_keys: Names of fields that this version does not know; never written.
    """

    module_id: str
    timestamp_ms: int
    pcrs: Mapping[int, bytes]
    certificate: bytes
    cabundle: tuple[bytes, ...]
    public_key: bytes | None
    user_data: bytes | None
    nonce: bytes | None
    unknown_keys: tuple[str, ...] = ()

    def encode(self, *, indefinite: bool = True) -> bytes:
        """Write the payload in the order of genuine documents.

        Args:
            indefinite: As a map of indefinite length (documents of 2026), or definite (before).
        """
        fields: dict[cbor.CborKey, CborValue] = {
            "module_id": self.module_id,
            "digest": DIGEST,
            "timestamp": self.timestamp_ms,
            "pcrs": dict[cbor.CborKey, CborValue](sorted(self.pcrs.items())),
            "certificate": self.certificate,
            "cabundle": self.cabundle,
            "public_key": self.public_key,
            "user_data": self.user_data,
            "nonce": self.nonce,
        }
        return cbor.encode_indefinite_map(fields) if indefinite else cbor.encode(fields)


def parse_document(payload: bytes) -> NitroDocument:
    """Parse a payload.

    Raises:
        MalformedError: ``cbor.malformed``, ``nitro.payload.*`` or ``nitro.pcr.*``.
        AttestationError: ``nitro.payload.digest`` for another hash than SHA-384.
    """
    raw = cbor.decode(payload)
    if not isinstance(raw, Mapping):
        raise _malformed("structure", "the payload is not a map")
    unknown = []
    for key in raw:
        if not isinstance(key, str):
            raise _malformed("structure", "a field name is not text")
        if key not in _KNOWN:
            unknown.append(key)
    if raw.get("digest") != DIGEST:
        raise AttestationError(
            "the measurements are not SHA-384",
            code="nitro.payload.digest",
            expected=DIGEST,
            actual=raw.get("digest"),
        )
    return NitroDocument(
        module_id=_module_id(raw.get("module_id")),
        timestamp_ms=_timestamp(raw.get("timestamp")),
        pcrs=_pcrs(raw.get("pcrs")),
        certificate=_certificate(raw.get("certificate")),
        cabundle=_cabundle(raw.get("cabundle")),
        public_key=_optional(raw, "public_key", MAX_PUBLIC_KEY_BYTES),
        user_data=_optional(raw, "user_data", MAX_USER_DATA_BYTES),
        nonce=_optional(raw, "nonce", MAX_NONCE_BYTES),
        unknown_keys=tuple(unknown),
    )


def _module_id(value: CborValue) -> str:
    if not isinstance(value, str) or not 1 <= len(value.encode()) <= MAX_MODULE_ID_BYTES:
        raise _malformed("module_id", "module_id is not a short text")
    return value


def _timestamp(value: CborValue) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MAX_TIMESTAMP_MS:
        raise _malformed("timestamp", "timestamp is not a time in milliseconds")
    return value


def _pcrs(value: CborValue) -> Mapping[int, bytes]:
    if not isinstance(value, Mapping) or not 1 <= len(value) <= MAX_PCRS:
        raise _pcr_error("map", f"pcrs is not a map of 1 to {MAX_PCRS} entries")
    pcrs: dict[int, bytes] = {}
    for index, content in value.items():
        if not isinstance(index, int) or not 0 <= index < MAX_PCRS:
            raise _pcr_error("index", f"{index!r} is no index of a PCR")
        if not isinstance(content, bytes) or len(content) != PCR_BYTES:
            raise _pcr_error("length", f"PCR{index} is not {PCR_BYTES} bytes, as SHA-384 has")
        pcrs[index] = content
    if not {0, 1, 2} <= pcrs.keys():
        raise _pcr_error("missing", "PCR0, PCR1 or PCR2 is missing")
    return pcrs


def _certificate(value: CborValue) -> bytes:
    if not isinstance(value, bytes) or not 1 <= len(value) <= MAX_CERTIFICATE_BYTES:
        raise _malformed("certificate", f"a certificate is not 1 to {MAX_CERTIFICATE_BYTES} bytes")
    return value


def _cabundle(value: CborValue) -> tuple[bytes, ...]:
    if not isinstance(value, tuple) or not value:
        raise _malformed("cabundle", "cabundle is not a list of certificates")
    return tuple(_certificate(item) for item in value)


def _optional(raw: Mapping[cbor.CborKey, CborValue], name: str, limit: int) -> bytes | None:
    value = raw.get(name)
    if value is not None and (not isinstance(value, bytes) or len(value) > limit):
        raise _malformed(name, f"{name} is neither null nor at most {limit} bytes")
    return value


def _malformed(field: str, why: str) -> MalformedError:
    return MalformedError(f"not a Nitro document: {why}", code=f"nitro.payload.{field}")


def _pcr_error(what: str, why: str) -> MalformedError:
    return MalformedError(f"not a Nitro document: {why}", code=f"nitro.pcr.{what}")
