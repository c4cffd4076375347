"""Settings for AMD SEV-SNP: which keys, firmware, hosts and guests are accepted."""

import dataclasses
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

from opengradient.core.canonical import JsonObject
from opengradient.core.evidence import SNP
from opengradient.core.snp_bits import GUEST_BITS, PLATFORM_BITS
from opengradient.core.snp_report import VCEK, VLEK
from opengradient.core.snp_tcb import PRODUCTS, TcbVersion
from opengradient.errors import ConfigurationError
from opengradient.verify._fields import Fields, malformed, require_form

_CHIP: Final = re.compile(r"(?:[0-9a-f]{16}|[0-9a-f]{128})")
_LEVELS: Final = ("bootloader", "tee", "snp", "microcode", "fmc")
_DEMANDS: Final = frozenset(
    {"mem_aes_256_xts", "rapl_disabled", "ciphertext_hiding", "page_swap_disabled"}
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SnpTcbMinimum:
    """The least firmware of one product line; each level counts by itself.

    Attributes:
        product: ``"Milan"``, ``"Genoa"`` or ``"Turin"``.
        reported: Least level that the key was derived for.
        committed: Least level that the host can go back to.
        launch: Least level at the guest's launch.
    """

    product: str
    reported: TcbVersion
    committed: TcbVersion
    launch: TcbVersion

    def __post_init__(self) -> None:
        """Refuse an unknown product line, and levels that no report can have."""
        if self.product not in PRODUCTS:
            raise _wrong(f"no product line {self.product!r} is known")
        for tcb in (self.reported, self.committed, self.launch):
            if not all(0 <= getattr(tcb, level) <= 0xFF for level in _LEVELS):
                raise _wrong("a level of firmware is 0 to 255")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SnpPolicy:
    """What a caller accepts of SEV-SNP reports. Immutable; the defaults are the strict ones.

    Registers such as ``HOST_DATA``, ``ID_KEY_DIGEST`` and ``AUTHOR_KEY_DIGEST`` are required by
    `TrustPolicy.registers`, product lines are excluded by `TrustPolicy.revoked_products` or by
    not naming their ARK.

    Attributes:
        signers: Accepted keys. A VLEK's seed is in a cloud provider's hands and serves any of its
            chips, so only the VCEK, which is one chip's, is accepted by default.
        minimums: Least firmware, at most one entry per product line; a line without entry has no
            minimum, and the result says so.
        vmpls: Accepted privilege levels; 0 is the guest's highest.
        allow_smt: Accept guests that may run on hosts with simultaneous multithreading.
        allow_migrate_ma: Accept guests that a migration agent may move.
        allow_cxl: Accept guests whose memory may lie on CXL devices.
        require_single_socket: Require that the guest may run on one socket only.
        required_guest: Names of further demands that the guest's policy must make of its host:
            ``mem_aes_256_xts``, ``rapl_disabled``, ``ciphertext_hiding``, ``page_swap_disabled``.
        required_platform: Names of PLATFORM_INFO bits that must be set, for example ``ecc`` or
            ``alias_check_complete``.
        forbidden_platform: Names of PLATFORM_INFO bits that must not be set.
        allow_unknown_platform: Accept PLATFORM_INFO bits that have no published meaning.
        min_abi: Least firmware ABI that the guest's policy must demand: major, minor.
        min_guest_svn: Least version number of the guest's owner.
        required_mitigations: Bits that both mitigation vectors must have; 0 requires none.
        require_chip_id: Refuse reports that hide the chip. A VCEK names it all the same.
        chips: Accepted chips, in hex as AMD names them: 128 digits, on Turin 16; None for any.
        csp_ids: Accepted cloud providers of a VLEK, as AMD names them; None for any.
        require_crl: Require AMD's revocation list beside the report.
        max_crl_age_ms: Greatest age of that list, milliseconds; None for as long as AMD says.
    """

    kind: ClassVar[str] = SNP

    signers: frozenset[str] = frozenset({VCEK})
    minimums: tuple[SnpTcbMinimum, ...] = ()
    vmpls: frozenset[int] = frozenset({0})
    allow_smt: bool = True
    allow_migrate_ma: bool = False
    allow_cxl: bool = False
    require_single_socket: bool = False
    required_guest: frozenset[str] = frozenset()
    required_platform: frozenset[str] = frozenset()
    forbidden_platform: frozenset[str] = frozenset()
    allow_unknown_platform: bool = False
    min_abi: tuple[int, int] = (0, 0)
    min_guest_svn: int = 0
    required_mitigations: int = 0
    require_chip_id: bool = False
    chips: frozenset[str] | None = None
    csp_ids: frozenset[str] | None = None
    require_crl: bool = True
    max_crl_age_ms: int | None = None

    def __post_init__(self) -> None:
        """Refuse entries that could never match.

        Raises:
            ConfigurationError: An entry is not in its one form, or a bound is negative.
        """
        _known(self.signers, frozenset({VCEK, VLEK}), "key")
        _known(self.vmpls, frozenset(range(4)), "privilege level")
        _known(self.required_guest, _DEMANDS & GUEST_BITS.keys(), "demand of a guest")
        platform = frozenset(PLATFORM_BITS)
        _known(self.required_platform, platform, "bit of PLATFORM_INFO")
        _known(self.forbidden_platform, platform, "bit of PLATFORM_INFO")
        require_form(_CHIP, self.chips or (), "chip")
        products = [minimum.product for minimum in self.minimums]
        if len(products) != len(set(products)):
            raise _wrong("a product line has two minimums")
        bounds = (*self.min_abi, self.min_guest_svn, self.required_mitigations)
        if min(*bounds, self.max_crl_age_ms or 0) < 0:
            raise _wrong("bounds are not negative")

    def minimum(self, product: str) -> SnpTcbMinimum | None:
        """The least firmware of a product line, if there is one."""
        return next((m for m in self.minimums if m.product == product), None)

    def to_json(self) -> JsonObject:
        """The settings as a JSON object, without the kind."""
        return {
            "signers": sorted(self.signers),
            "minimums": [_write_minimum(minimum) for minimum in self.minimums],
            "vmpls": sorted(self.vmpls),
            "allow_smt": self.allow_smt,
            "allow_migrate_ma": self.allow_migrate_ma,
            "allow_cxl": self.allow_cxl,
            "require_single_socket": self.require_single_socket,
            "required_guest": sorted(self.required_guest),
            "required_platform": sorted(self.required_platform),
            "forbidden_platform": sorted(self.forbidden_platform),
            "allow_unknown_platform": self.allow_unknown_platform,
            "min_abi": list(self.min_abi),
            "min_guest_svn": self.min_guest_svn,
            "required_mitigations": self.required_mitigations,
            "require_chip_id": self.require_chip_id,
            "chips": None if self.chips is None else sorted(self.chips),
            "csp_ids": None if self.csp_ids is None else sorted(self.csp_ids),
            "require_crl": self.require_crl,
            "max_crl_age_ms": self.max_crl_age_ms,
        }

    @classmethod
    def from_json(cls, raw: JsonObject) -> "SnpPolicy":
        """Read what `to_json` writes; every field must be there and no other may be.

        Raises:
            MalformedError: Code ``policy.malformed``.
            ConfigurationError: A value that no policy may have.
        """
        fields = Fields(raw, _FIELDS)
        abi = fields.each("min_abi", _read_number)
        if len(abi) != 2:
            raise malformed("min_abi must be major and minor")
        aged = not fields.has("max_crl_age_ms", None)
        return cls(
            signers=fields.texts("signers"),
            minimums=tuple(fields.each("minimums", _read_minimum)),
            vmpls=frozenset(fields.each("vmpls", _read_number)),
            allow_smt=fields.get("allow_smt", bool),
            allow_migrate_ma=fields.get("allow_migrate_ma", bool),
            allow_cxl=fields.get("allow_cxl", bool),
            require_single_socket=fields.get("require_single_socket", bool),
            required_guest=fields.texts("required_guest"),
            required_platform=fields.texts("required_platform"),
            forbidden_platform=fields.texts("forbidden_platform"),
            allow_unknown_platform=fields.get("allow_unknown_platform", bool),
            min_abi=(abi[0], abi[1]),
            min_guest_svn=fields.get("min_guest_svn", int),
            required_mitigations=fields.get("required_mitigations", int),
            require_chip_id=fields.get("require_chip_id", bool),
            chips=None if fields.has("chips", None) else fields.texts("chips"),
            csp_ids=None if fields.has("csp_ids", None) else fields.texts("csp_ids"),
            require_crl=fields.get("require_crl", bool),
            max_crl_age_ms=fields.get("max_crl_age_ms", int) if aged else None,
        )


_FIELDS: Final = frozenset(field.name for field in dataclasses.fields(SnpPolicy))


def _write_minimum(minimum: SnpTcbMinimum) -> JsonObject:
    def levels(tcb: TcbVersion) -> JsonObject:
        return {level: getattr(tcb, level) for level in _LEVELS}

    return {
        "product": minimum.product,
        "reported": levels(minimum.reported),
        "committed": levels(minimum.committed),
        "launch": levels(minimum.launch),
    }


def _read_minimum(raw: Any) -> SnpTcbMinimum:
    fields = Fields(raw, frozenset({"product", "reported", "committed", "launch"}))
    return SnpTcbMinimum(
        product=fields.get("product", str),
        reported=_read_levels(fields.get("reported", dict)),
        committed=_read_levels(fields.get("committed", dict)),
        launch=_read_levels(fields.get("launch", dict)),
    )


def _read_levels(raw: Any) -> TcbVersion:
    fields = Fields(raw, frozenset(_LEVELS))
    return TcbVersion(**{level: fields.get(level, int) for level in _LEVELS})


def _read_number(raw: Any) -> int:
    if type(raw) is not int:  # not isinstance: true is no integer
        raise malformed("a number must be an integer")
    return raw


def _known(given: frozenset[Any], known: frozenset[Any], what: str) -> None:
    unknown = given - known
    if unknown:
        raise _wrong(f"no {what} is called {sorted(unknown)}; known are {sorted(known)}")


def _wrong(why: str) -> ConfigurationError:
    return ConfigurationError(f"settings for SEV-SNP: {why}", code="policy.malformed")
