"""Settings for Intel SGX quotes."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self, final

from opengradient.core.canonical import JsonObject
from opengradient.errors import ConfigurationError
from opengradient.verify._fields import Fields
from opengradient.verify.platforms._dcap import (
    SHARED_FIELDS,
    DcapSettings,
    optional_json,
    optional_texts,
    read_mask,
    read_shared,
    require_hex,
    write_mask,
)

INIT: Final = 1 << 0
DEBUG: Final = 1 << 1
MODE64BIT: Final = 1 << 2
KSS: Final = 1 << 7

FLAGS: Final = INIT | MODE64BIT | KSS
"""Flags of an enclave that do not weaken it (Intel SDM volume 3D, section 38.7.1). Left out: DEBUG
(see ``allow_debug`` of the policy), and the right to the provisioning and launch keys."""

XFRM: Final = 0x00000000000602E7
"""Processor features: x87, SSE, AVX, AVX-512, PKRU and AMX."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SgxPolicy(DcapSettings):
    """What a caller accepts of SGX beside its code. The defaults are the strict ones.

    Attributes:
        allowed_flags: Mask of the attributes' flags that may be set.
        allowed_xfrm: Mask of XFRM that may be set.
        allow_exception_info: Whether the enclave may be told of faulting addresses (MISCSELECT
            bit 0).
        min_isv_svn: Lowest version of the enclave.
        isv_prod_ids: Accepted product numbers; None accepts any.
        config_id: Accepted CONFIGID, 64 bytes in lower-case hex; None accepts any.
    """

    kind: ClassVar[str] = "intel-sgx"

    allowed_flags: int = FLAGS
    allowed_xfrm: int = XFRM
    allow_exception_info: bool = False
    min_isv_svn: int = 0
    isv_prod_ids: frozenset[int] | None = None
    config_id: frozenset[str] | None = None

    def __post_init__(self) -> None:
        """Refuse what could never match.

        Raises:
            ConfigurationError: Code ``policy.malformed``.
        """
        DcapSettings.__post_init__(self)
        require_hex(self.config_id, 64, "config_id")
        numbers = {self.min_isv_svn, *(self.isv_prod_ids or ())}
        masks = (self.allowed_flags, self.allowed_xfrm)
        if not all(0 <= number < 1 << 16 for number in numbers) or not all(
            0 <= mask < 1 << 64 for mask in masks
        ):
            raise ConfigurationError(
                "versions have 16 bits and masks have 64", code="policy.malformed"
            )

    def to_json(self) -> JsonObject:
        """The settings as a JSON object, without the kind."""
        return {
            **self.shared_json(),
            "allowed_flags": write_mask(self.allowed_flags),
            "allowed_xfrm": write_mask(self.allowed_xfrm),
            "allow_exception_info": self.allow_exception_info,
            "min_isv_svn": self.min_isv_svn,
            "isv_prod_ids": None if self.isv_prod_ids is None else sorted(self.isv_prod_ids),
            "config_id": optional_json(self.config_id),
        }

    @classmethod
    def from_json(cls, raw: JsonObject) -> Self:
        """Read what `to_json` writes.

        Raises:
            MalformedError: Code ``policy.malformed``.
            ConfigurationError: The same, for values that could never match.
        """
        fields = Fields(raw, _NAMES)
        return cls(
            **read_shared(fields),
            allowed_flags=read_mask(fields, "allowed_flags"),
            allowed_xfrm=read_mask(fields, "allowed_xfrm"),
            allow_exception_info=fields.get("allow_exception_info", bool),
            min_isv_svn=fields.get("min_isv_svn", int),
            isv_prod_ids=_numbers(raw, fields),
            config_id=optional_texts(raw, fields, "config_id"),
        )


_NAMES: Final = SHARED_FIELDS | {
    "allowed_flags",
    "allowed_xfrm",
    "allow_exception_info",
    "min_isv_svn",
    "isv_prod_ids",
    "config_id",
}


def _numbers(raw: JsonObject, fields: Fields) -> frozenset[int] | None:
    if raw["isv_prod_ids"] is None:
        return None
    return frozenset(fields.each("isv_prod_ids", _number))


def _number(raw: Any) -> int:
    if type(raw) is not int:
        raise ConfigurationError("isv_prod_ids are numbers", code="policy.malformed")
    return raw
