"""The release manifest: which measurement is which build of which source commit.

A measurement alone is a number that nobody can read. The manifest says what it stands for, so
that a verdict can name a release and a commit that anybody can build again; and it revokes what
turned out to be bad. Nothing of it is trusted before its signatures are checked
(`opengradient.verify.releases`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Final, final

from opengradient.core._strict_fields import Fields, malformed
from opengradient.core.canonical import JsonObject, canonical_json, parse_json_object
from opengradient.core.measurements import MEASURED, measurement_id
from opengradient.core.revocations import (
    Revoked,
    check_window,
    require_canonical,
    require_version,
)
from opengradient.errors import MalformedError

RELEASES_VERSION: Final = "opengradient.releases/1"
MAX_MANIFEST_BYTES: Final = 4 * 1024 * 1024

_ID = re.compile(r"0x[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REPOSITORY = re.compile(r"https://[\x21-\x7e]+")
_IMAGE = re.compile(r"sha256:[0-9a-f]{64}")
_DATE = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_REGISTER = re.compile(r"[A-Z][A-Z0-9_]{0,31}")
_VALUE = re.compile(r"([0-9a-f]{2}){1,64}")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A release as one kind of enclave measures it.

    Attributes:
        kind: Kind of evidence, for example ``"aws-nitro"``.
        measurement: The id that evidence shows; it must follow from the registers.
        registers: Name of a register to its value in hex: those that make the id, and any others
            that the build fixes.
    """

    kind: str
    measurement: str
    registers: Mapping[str, str] = field(hash=False)

    def __post_init__(self) -> None:
        """Refuse an id that is not that of its registers.

        Raises:
            MalformedError: Code ``releases.measurement_id``.
        """
        if self.kind not in MEASURED:
            raise malformed(f"no kind of evidence that measures code: {self.kind!r}")
        for name, value in self.registers.items():
            if not _REGISTER.fullmatch(name) or not _VALUE.fullmatch(value):
                raise malformed(f"register {name!r} has no value in lower-case hex")
        expected = measurement_id(self.kind, self.registers)
        if expected != self.measurement:
            raise MalformedError(
                "a measurement id does not follow from its registers",
                code="releases.measurement_id",
                expected=expected or f"the registers of {MEASURED[self.kind]}",
                actual=self.measurement,
            )
        object.__setattr__(self, "registers", MappingProxyType(dict(self.registers)))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release of one program.

    Attributes:
        name: For example ``"llm-proxy 1.4.0"``; no two releases have the same.
        date: Day of the release, ``YYYY-MM-DD``.
        repository: URL of the source.
        commit: Full hash of the commit that it was built from.
        image_digest: The image that the enclave was made of, ``sha256:`` and hex.
        builder: What built it: name and version, or the digest of the builder's own image.
        toolchain: Versions that the build depends on.
        measurements: What enclaves measure; one or more.
    """

    name: str
    date: str
    repository: str
    commit: str
    image_digest: str
    builder: str
    toolchain: str
    measurements: tuple[Measured, ...]

    @property
    def source(self) -> str:
        """Where to read what runs: repository and commit."""
        return f"{self.repository} at {self.commit}"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseManifest:
    """All releases of a publisher.

    Attributes:
        number: Grows with every manifest that its publisher issues.
        issued_at_ms: When it was made, Unix milliseconds.
        expires_at_ms: Until when it may be used, Unix milliseconds.
        releases: In the publisher's order; a measurement stands in one of them only.
        revoked: What must not be accepted, also where a release lists it.
    """

    PAYLOAD_TYPE: ClassVar[str] = "application/vnd.opengradient.releases+json"

    number: int
    issued_at_ms: int
    expires_at_ms: int
    releases: tuple[Release, ...]
    revoked: Revoked

    def __post_init__(self) -> None:
        """Refuse what could be read in two ways."""
        check_window(self.issued_at_ms, self.expires_at_ms)
        names = [release.name for release in self.releases]
        if len(set(names)) != len(names):
            raise malformed("two releases have the same name")
        every = [(m.kind, m.measurement) for r in self.releases for m in r.measurements]
        if len(set(every)) != len(every):
            raise malformed("a measurement stands in two places")

    def find(self, kind: str, measurement: str) -> tuple[Release, Measured] | None:
        """The release that an enclave of this kind measures so; None where there is none."""
        for release in self.releases:
            for measured in release.measurements:
                if (measured.kind, measured.measurement) == (kind, measurement):
                    return release, measured
        return None

    def encode(self) -> bytes:
        """RFC 8785 JSON: the bytes that are signed."""
        return canonical_json(
            {
                "version": RELEASES_VERSION,
                "number": self.number,
                "issued_at": self.issued_at_ms,
                "expires_at": self.expires_at_ms,
                "releases": [_release_to_json(release) for release in self.releases],
                "revoked": self.revoked.to_json(),
            }
        )

    @classmethod
    def parse(cls, data: bytes, *, canonical: bool = True) -> "ReleaseManifest":
        """Read a manifest.

        Args:
            data: The file.
            canonical: Refuse any spelling but the one that is signed. False for drafts.

        Raises:
            MalformedError: Code ``releases.malformed``, ``releases.measurement_id``,
                ``releases.not_canonical``, or ``format.*`` for what is no JSON.
            UnsupportedError: Another version.
        """
        raw = parse_json_object(data, what="the release manifest", max_bytes=MAX_MANIFEST_BYTES)
        require_version(raw, RELEASES_VERSION)
        names = ("version", "number", "issued_at", "expires_at", "releases", "revoked")
        fields = Fields(raw, "the manifest", *names)
        found = cls(
            number=fields.natural("number"),
            issued_at_ms=fields.natural("issued_at"),
            expires_at_ms=fields.natural("expires_at"),
            releases=fields.each("releases", _read_release),
            revoked=Revoked.from_json(fields["revoked"]),
        )
        require_canonical(found.encode(), data, canonical=canonical)
        return found


def _release_to_json(release: Release) -> JsonObject:
    return {
        "name": release.name,
        "date": release.date,
        "source": {"repository": release.repository, "commit": release.commit},
        "build": {
            "image_digest": release.image_digest,
            "builder": release.builder,
            "toolchain": release.toolchain,
        },
        "measurements": [
            {"kind": m.kind, "measurement": m.measurement, "registers": dict(m.registers)}
            for m in release.measurements
        ],
    }


def _read_release(raw: Any) -> Release:
    fields = Fields(raw, "a release", "name", "date", "source", "build", "measurements")
    source = Fields(fields["source"], "source", "repository", "commit")
    build = Fields(fields["build"], "build", "image_digest", "builder", "toolchain")
    measurements = fields.each("measurements", _read_measured)
    if not measurements:
        raise malformed("a release has one measurement or more")
    return Release(
        name=fields.text("name"),
        date=fields.text("date", _DATE),
        repository=source.text("repository", _REPOSITORY),
        commit=source.text("commit", _COMMIT),
        image_digest=build.text("image_digest", _IMAGE),
        builder=build.text("builder"),
        toolchain=build.text("toolchain"),
        measurements=measurements,
    )


def _read_measured(raw: Any) -> Measured:
    fields = Fields(raw, "a measurement", "kind", "measurement", "registers")
    registers = fields["registers"]
    if not isinstance(registers, dict) or not all(isinstance(v, str) for v in registers.values()):
        raise malformed("registers is an object of text")
    return Measured(
        kind=fields.text("kind"),
        measurement=fields.text("measurement", _ID),
        registers=registers,
    )
