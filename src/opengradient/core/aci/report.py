"""The attestation report: a service's evidence for its keyset (ACI 4). Not signed as a whole."""

import re
from dataclasses import dataclass
from typing import Any, Final, final

from opengradient.core.aci.fields import bare_hex, digest, optional_text, text, version
from opengradient.core.aci.keyset import AciKeyset
from opengradient.core.aci.statement import SLOT_BYTES
from opengradient.core.canonical import JsonObject
from opengradient.errors import MalformedError

TDX: Final = "tdx"
DIRECT: Final = "direct"
_CODE: Final = "aci.report.malformed"
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_MAX_QUOTE_BYTES: Final = 64 * 1024


@final
@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the service says that its code comes from; bound by nothing in the quote."""

    repo_url: str | None
    repo_commit: str | None
    image_digest: bytes | None

    @property
    def names_code(self) -> bool:
        """Whether it names code or an image, as ACI 4.1 demands at least."""
        return bool(self.repo_url and self.repo_commit) or self.image_digest is not None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AciReport:
    """A report whose form was checked, and nothing else.

    Attributes:
        keyset: The keyset in it.
        keyset_digest: The digest beside it, which the verifier recomputes.
        tee_type: ``tdx``, ``sev_snp`` or an extension's.
        report_data: The 32 bytes beside the quote, which the verifier recomputes.
        provenance: Of the code.
        direct: Whether inference runs in this very workload; any other word counts as an
            aggregator (ACI appendix B).
        evidence: What `tee_type` defines.
    """

    keyset: AciKeyset
    keyset_digest: bytes
    tee_type: str
    report_data: bytes
    provenance: Provenance
    direct: bool
    evidence: JsonObject

    @classmethod
    def parse(cls, value: Any) -> "AciReport":
        """Read a parsed report.

        Members that ACI does not define are left aside: services may carry older fields there,
        and none of them is believed. The keyset is strict.

        Raises:
            UnsupportedError: Code ``aci.version``.
            MalformedError: Code ``aci.report.malformed``, ``aci.digest`` or one of the keyset's.
        """
        report = _object(value, "the report")
        version(report, "the report")
        attestation = _object(report.get("attestation"), "attestation")
        capabilities = _object(report.get("service_capabilities"), "service_capabilities")
        return cls(
            keyset=AciKeyset.parse(attestation.get("workload_keyset")),
            keyset_digest=digest(report.get("workload_keyset_digest"), "workload_keyset_digest"),
            tee_type=text(attestation.get("tee_type"), "tee_type", _CODE),
            report_data=bare_hex(attestation.get("report_data"), "report_data", _CODE, 32),
            provenance=_provenance(attestation.get("source_provenance")),
            direct=capabilities.get("serving") == DIRECT,
            evidence=_object(attestation.get("evidence"), "evidence"),
        )

    def quote(self) -> bytes:
        """The TDX quote of dstack's evidence.

        Raises:
            MalformedError: Code ``aci.report.quote``: there is none, or it is not hex.
        """
        quote = self.evidence.get("quote")
        try:
            data = bytes.fromhex(quote) if isinstance(quote, str) else b""
        except ValueError:
            data = b""
        if not 0 < len(data) <= _MAX_QUOTE_BYTES:
            raise MalformedError(
                "evidence.quote must be the hex of a quote", code="aci.report.quote"
            )
        return data

    def stated_slot(self) -> bytes | None:
        """The copy of the quote's report data in ``quote_report_data``; None where there is none.

        Raises:
            MalformedError: Code ``aci.report.malformed``: not 64 bytes of hex.
        """
        value = self.evidence.get("quote_report_data")
        if value is None:
            return None
        return bare_hex(value, "evidence.quote_report_data", _CODE, SLOT_BYTES)

    def event_log(self) -> bytes | None:
        """The boot event log as it stands; None where there is none."""
        text = self.evidence_text("event_log")
        return None if text is None else text.encode(errors="surrogatepass")

    def evidence_text(self, name: str) -> str | None:
        """A text of the evidence; None where it has none of that name."""
        value = self.evidence.get(name)
        return value if isinstance(value, str) else None


def _provenance(value: Any) -> Provenance:
    fields = _object(value, "source_provenance")
    commit = optional_text(fields.get("repo_commit"), "repo_commit", _CODE)
    if commit is not None and not _COMMIT.fullmatch(commit):
        raise MalformedError("repo_commit must be a whole commit id", code=_CODE)
    image = fields.get("image_digest")
    return Provenance(
        repo_url=optional_text(fields.get("repo_url"), "repo_url", _CODE),
        repo_commit=commit,
        image_digest=None if image is None else digest(image, "image_digest"),
    )


def _object(value: Any, what: str) -> JsonObject:
    if not isinstance(value, dict):
        raise MalformedError(f"{what} must be an object", code=_CODE, actual=type(value).__name__)
    return value
