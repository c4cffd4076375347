"""A receipt with everything needed to check it: what a receipt file holds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, final

from opengradient.core.commitments import FieldValue, Section, redact, seal_section
from opengradient.core.evidence import Evidence
from opengradient.core.merkle import stream_salt_seed
from opengradient.core.receipts import SignedReceipt
from opengradient.core.settlement import InclusionProof
from opengradient.errors import MalformedError

REQUEST: Final = "request"
UPSTREAM: Final = "upstream"
RESPONSE: Final = "response"
MODEL: Final = "model"
PAYMENT: Final = "payment"
SECTIONS: Final = (REQUEST, UPSTREAM, RESPONSE, MODEL, PAYMENT)
"""The sections of a receipt, each with a commitment word of the same name."""

WEIGHTS: Final = frozenset({"root", "engine", "file_sha256"})
"""What a node that runs a model itself says of it in MODEL, beside what was asked for."""

FIELD_NAMES: Final[Mapping[str, frozenset[str]]] = {
    REQUEST: frozenset({"path", "body", "idempotency_key"}),
    UPSTREAM: frozenset(
        {"provider", "url", "headers", "body", "status", "response_sha256", "request_id"}
    ),
    MODEL: frozenset({"requested", "served", *WEIGHTS}),
    PAYMENT: frozenset({"asset", "network", "payee", "reference"}),
}
"""The fields that a section may have (clauses 3.6 to 3.10); RESPONSE is open-ended by part."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDisclosure:
    """What shows which chunks a stream had: the salts' seed and each chunk's SHA-256."""

    salt_seed: bytes
    chunk_digests: tuple[bytes, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptBundle:
    """A signed receipt and what its holder shows with it.

    Attributes:
        signed: The receipt, its domain and signature.
        sections: Section name to fields, shown or withheld. A section that is not there is
            withheld as a whole.
        stream: Chunks of a stream, if shown.
        evidence: The document that binds the signing key, if it is there.
        inclusion: Proof of settlement, if there is one yet.
    """

    signed: SignedReceipt
    sections: Mapping[str, Section]
    stream: StreamDisclosure | None = None
    evidence: Evidence | None = None
    inclusion: InclusionProof | None = None

    def redacted(self, section: str, *fields: str) -> "ReceiptBundle":
        """A copy that withholds the named fields, or the whole section if none are named.

        Raises:
            MalformedError: There is no such section or field.
        """
        if section not in self.sections:
            raise MalformedError(f"the bundle shows no section {section!r}", actual=section)
        sections = dict(self.sections)
        stream = self.stream
        if fields:
            sections[section] = redact(section, sections[section], *fields)
        else:
            del sections[section]
            stream = None if section == RESPONSE else stream
        return replace(self, sections=sections, stream=stream)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedReceipt:
    """A receipt as a node attaches it to its answer.

    The client already holds the request and the answer, so only the seed of the salts and what
    the client cannot know travel with it.

    Attributes:
        signed: The receipt, its domain and signature.
        seed: 32 bytes from which every salt is derived. Only the client gets it.
        upstream: What went to the provider.
        model: Model asked for and served.
        payment: Payment fields; empty if free.
    """

    signed: SignedReceipt
    seed: bytes
    upstream: Mapping[str, FieldValue]
    model: Mapping[str, FieldValue]
    payment: Mapping[str, FieldValue]

    def bundle(
        self,
        *,
        request: Mapping[str, FieldValue],
        response: Mapping[str, FieldValue],
        chunk_digests: tuple[bytes, ...] | None,
        evidence: Evidence,
    ) -> ReceiptBundle:
        """Put the client's own view of the exchange beside the receipt."""
        values = {
            REQUEST: request,
            UPSTREAM: self.upstream,
            RESPONSE: response,
            MODEL: self.model,
            PAYMENT: self.payment,
        }
        stream = None
        if chunk_digests is not None:
            stream = StreamDisclosure(
                salt_seed=stream_salt_seed(self.seed), chunk_digests=chunk_digests
            )
        return ReceiptBundle(
            signed=self.signed,
            sections={
                name: seal_section(self.seed, name, fields) for name, fields in values.items()
            },
            stream=stream,
            evidence=evidence,
        )
