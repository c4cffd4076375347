"""The workload keyset: the identity of an ACI service (ACI 3.1)."""

from dataclasses import dataclass
from typing import Any, Final, final

from opengradient.core.aci.fields import (
    bare_hex,
    members,
    optional_text,
    seconds,
    sha256_of_jcs,
    text,
)
from opengradient.errors import MalformedError

ED25519: Final = "ed25519"
_CODE: Final = "aci.keyset.malformed"
_MAX_KEYS: Final = 64


@final
@dataclass(frozen=True, slots=True)
class AciKey:
    """One listed key; what `public_key` spells depends on `algorithm`.

    Attributes:
        key_id: Its name within its role.
        algorithm: ``ed25519``, or whatever an extension defines.
        public_key: As listed.
    """

    key_id: str
    algorithm: str
    public_key: str


@final
@dataclass(frozen=True, slots=True)
class AciTlsKey:
    """A TLS key: SHA-256 of its SubjectPublicKeyInfo, for one hostname or for all."""

    spki_sha256: bytes
    domain: str | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AciKeyset:
    """Every key of one ACI service.

    Attributes:
        subject: A name; means something under a policy only.
        not_after: When it ends, Unix seconds.
        receipt_keys: The keys that sign receipts.
        e2ee_keys: The keys that requests are encrypted to.
        tls_keys: The keys that end TLS.
        digest: SHA-256 over its JCS form.
    """

    subject: str | None
    not_after: int
    receipt_keys: tuple[AciKey, ...]
    e2ee_keys: tuple[AciKey, ...]
    tls_keys: tuple[AciTlsKey, ...]
    digest: bytes

    @classmethod
    def parse(cls, value: Any) -> "AciKeyset":
        """Read a parsed keyset object. Its shape is fixed: unknown members are refused.

        Raises:
            MalformedError: Codes ``aci.keyset.malformed``, ``aci.keyset.key_id`` (a name twice),
                ``aci.keyset.role`` (one key in two roles), ``aci.keyset.key`` (an Ed25519 key
                that is none), ``aci.json``, ``aci.unknown_field``.
        """
        fields = members(
            value,
            "workload_keyset",
            _CODE,
            ("subject", "not_after", "receipt_signing_keys", "e2ee_public_keys", "tls_public_keys"),
        )
        receipt_keys = _keys(fields["receipt_signing_keys"], "receipt_signing_keys")
        e2ee_keys = _keys(fields["e2ee_public_keys"], "e2ee_public_keys")
        tls_keys = tuple(map(_tls_key, _list(fields["tls_public_keys"], "tls_public_keys")))
        for key in receipt_keys:
            if key.algorithm == ED25519:
                bare_hex(key.public_key, f"receipt key {key.key_id}", "aci.keyset.key", 32)
        _check_roles(receipt_keys, e2ee_keys, tls_keys)
        return cls(
            subject=optional_text(fields["subject"], "subject", _CODE),
            not_after=seconds(fields["not_after"], "not_after", _CODE),
            receipt_keys=receipt_keys,
            e2ee_keys=e2ee_keys,
            tls_keys=tls_keys,
            digest=sha256_of_jcs(value, "workload_keyset"),
        )

    def receipt_key(self, key_id: str) -> AciKey | None:
        """The receipt key of that name."""
        return next((key for key in self.receipt_keys if key.key_id == key_id), None)


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > _MAX_KEYS:
        raise MalformedError(f"{what} must be a list of at most {_MAX_KEYS}", code=_CODE)
    return value


def _keys(value: Any, what: str) -> tuple[AciKey, ...]:
    keys = tuple(_key(item, f"{what}[{i}]") for i, item in enumerate(_list(value, what)))
    if len({key.key_id for key in keys}) != len(keys):
        raise MalformedError(f"{what} lists a key_id twice", code="aci.keyset.key_id")
    return keys


def _key(value: Any, what: str) -> AciKey:
    names = ("key_id", "algo", "public_key")
    fields = members(value, what, _CODE, names)
    return AciKey(*(text(fields[name], f"{what}.{name}", _CODE) for name in names))


def _tls_key(value: Any) -> AciTlsKey:
    fields = members(value, "tls_public_keys[]", _CODE, ("spki_sha256",), ("domain",))
    return AciTlsKey(
        bare_hex(fields["spki_sha256"], "spki_sha256", _CODE, 32),
        optional_text(fields.get("domain"), "domain", _CODE),
    )


def _check_roles(
    receipt_keys: tuple[AciKey, ...], e2ee_keys: tuple[AciKey, ...], tls_keys: tuple[AciTlsKey, ...]
) -> None:
    """A receipt key does not double as another role's (ACI 3.1)."""
    signing = {key.public_key for key in receipt_keys}
    others = {key.public_key for key in e2ee_keys} | {key.spki_sha256.hex() for key in tls_keys}
    if signing & others:
        raise MalformedError("a receipt key has a second role", code="aci.keyset.role")
