"""What tokens of every attestation service have in common: header, key, signature and times."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from opengradient.core.jwt import MAX_TOKEN_BYTES, CompactToken, parse_token
from opengradient.errors import AttestationError, FreshnessError, MalformedError, PolicyError
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.token_keys import TokenKey

MAX_SECONDS: Final = 2**43
"""Times beyond it have no milliseconds that JSON could carry (RFC 8785)."""

_HEADER: Final = frozenset({"alg", "kid", "typ", "jku"})
_EMBEDDED: Final = frozenset({"jwk", "x5c", "x5u", "x5t", "x5t#S256"})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When a token holds, in Unix milliseconds, both ends included."""

    issued_ms: int
    from_ms: int
    until_ms: int


@final
class Claims:
    """Members of a JSON object that somebody else wrote, each read with its type."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        """Take the object."""
        self._raw = raw

    def __contains__(self, name: str) -> bool:
        """Whether there is a member of this name with a value other than null."""
        return self._raw.get(name) is not None

    def names(self) -> frozenset[str]:
        """Names of all members."""
        return frozenset(self._raw)

    def raw(self, name: str) -> Any:
        """The member as it is; None where there is none."""
        return self._raw.get(name)

    def text(self, name: str, code: str) -> str:
        """A text that is not empty.

        Raises:
            MalformedError: The code.
        """
        value = self._raw.get(name)
        if not isinstance(value, str) or not value:
            raise MalformedError(f"{name} is missing or no text", code=code, actual=value)
        return value

    def texts(self, name: str, code: str) -> tuple[str, ...]:
        """A list of texts; empty where there is none.

        Raises:
            MalformedError: The code.
        """
        value = self._raw.get(name)
        value = [] if value is None else value
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise MalformedError(f"{name} is no list of texts", code=code, actual=value)
        return tuple(value)

    def hexadecimal(self, name: str, size: int, code: str) -> bytes:
        """Bytes in hex, of this size.

        Raises:
            MalformedError: The code.
        """
        value = self._raw.get(name)
        if not isinstance(value, str) or len(value) != 2 * size or not _is_hex(value):
            raise MalformedError(f"{name} is not {size} bytes in hex", code=code, actual=value)
        return bytes.fromhex(value)

    def child(self, name: str, code: str) -> "Claims":
        """An object within this one.

        Raises:
            MalformedError: The code.
        """
        value = self._raw.get(name)
        if not isinstance(value, dict):
            raise MalformedError(f"{name} is missing or no object", code=code)
        return Claims(value)

    def require(self, name: str, wanted: str | bool | int, code: str) -> None:  # noqa: FBT001
        """Require that a member is this very value, of the same type.

        Raises:
            AttestationError: The code.
        """
        value = self._raw.get(name)
        if type(value) is not type(wanted) or value != wanted:
            raise AttestationError(
                f"{name} is not {wanted!r}", code=code, expected=wanted, actual=value
            )

    def require_one(self, name: str, accepted: Collection[str], code: str) -> str:
        """Require that a member is one of these texts.

        Raises:
            AttestationError: The code.
        """
        value = self._raw.get(name)
        if not isinstance(value, str) or value not in accepted:
            raise AttestationError(
                f"{name} is none that is accepted",
                code=code,
                expected=sorted(accepted),
                actual=value,
            )
        return value


def open_token(
    document: bytes,
    *,
    kind: str,
    keys: tuple[TokenKey, ...],
    key_url: str | None = None,
    max_bytes: int = MAX_TOKEN_BYTES,
) -> CompactToken:
    """Read a token and check that a key of the policy signed it.

    1. The policy pins a key for the kind (``policy.no_trust``).
    2. The token has its one form (`opengradient.core.jwt.parse_token`).
    3. The header demands no extension (``jwt.critical``), brings no key (``jwt.embedded_key``)
       and nothing unknown (``jwt.header``); its type is JWT where it says one (``jwt.type``); its
       ``jku`` is exactly the pinned address, or absent (``jwt.key_url``). Nothing is fetched.
    4. ``kid`` selects among the policy's keys (``jwt.key_id``); ``alg`` is the one that the policy
       fixes for that key (``jwt.algorithm``).
    5. The signature has its form (``jwt.signature_form``) and verifies (``jwt.signature``).

    Args:
        document: The token as received.
        kind: Kind of evidence, for messages.
        keys: The policy's keys for the kind.
        key_url: The ``jku`` that the header must have; None where it must have none.
        max_bytes: Greatest size of the token.

    Returns:
        The token, whose claims may now be read.
    """
    if not keys:
        raise PolicyError(
            f"the policy pins no key for evidence of kind {kind}", code="policy.no_trust"
        )
    token = parse_token(document, max_bytes=max_bytes)
    _check_header(token.header, key_url)
    kid, algorithm = token.header.get("kid"), token.header.get("alg")
    key = next((key for key in keys if key.kid == kid), None)
    if key is None:
        raise AttestationError(
            "the token is signed with a key that the policy does not pin",
            code="jwt.key_id",
            expected=[key.kid for key in keys],
            actual=kid,
        )
    if algorithm != key.algorithm:
        raise AttestationError(
            "the token names another algorithm than the policy fixes for its key",
            code="jwt.algorithm",
            expected=key.algorithm,
            actual=algorithm,
        )
    key.verify(token.signing_input, token.signature)
    return token


def check_times(claims: Claims, policy: TrustPolicy, now_ms: int) -> Times:
    """Check ``iat``, ``nbf`` and ``exp`` (RFC 7519 section 4.1), all three of which must be there.

    A token holds from ``nbf`` on and until before ``exp``; the policy's skew is granted on both
    sides, and its greatest age counts from ``iat``.

    Raises:
        MalformedError: Code ``jwt.time.claim`` or ``jwt.time.order``.
        FreshnessError: Code ``jwt.time.not_yet_valid``, ``jwt.time.expired``,
            ``jwt.time.future`` or ``jwt.time.stale``.
    """
    issued, start, end = (_seconds(claims, name) * 1000 for name in ("iat", "nbf", "exp"))
    if not max(issued, start) < end:
        raise MalformedError(
            "the token ends before it begins",
            code="jwt.time.order",
            expected=f"> {max(issued, start)} ms",
            actual=f"{end} ms",
        )
    skew = policy.clock_skew_ms
    _require_time(start <= now_ms + skew, "not_yet_valid", f">= {start} ms", now_ms)
    _require_time(now_ms - skew < end, "expired", f"< {end} ms", now_ms)
    _require_time(issued <= now_ms + skew, "future", f">= {issued} ms", now_ms)
    oldest = issued + policy.max_evidence_age_ms
    _require_time(now_ms <= oldest, "stale", f"<= {oldest} ms", now_ms)
    return Times(issued_ms=issued, from_ms=start, until_ms=end - 1)


def _check_header(header: Mapping[str, Any], key_url: str | None) -> None:
    if "crit" in header:
        raise AttestationError("the header demands extensions", code="jwt.critical")
    if embedded := sorted(_EMBEDDED & header.keys()):
        raise AttestationError(
            "the header brings keys of its own", code="jwt.embedded_key", actual=embedded
        )
    if unknown := sorted(header.keys() - _HEADER):
        raise AttestationError(
            "the header has unknown parameters", code="jwt.header", actual=unknown
        )
    if header.get("typ", "JWT") != "JWT":
        raise AttestationError("the token is no JWT", code="jwt.type", actual=header["typ"])
    if header.get("jku") != key_url or ("jku" in header) != (key_url is not None):
        raise AttestationError(
            "the header names another address for keys than the policy's",
            code="jwt.key_url",
            expected=key_url,
            actual=header.get("jku"),
        )


def _seconds(claims: Claims, name: str) -> int:
    value = claims.raw(name)
    if type(value) is not int or not 0 <= value <= MAX_SECONDS:
        raise MalformedError(
            f"{name} is missing or no whole second", code="jwt.time.claim", actual=value
        )
    return value


def _require_time(holds: bool, what: str, expected: str, now_ms: int) -> None:  # noqa: FBT001
    if not holds:
        raise FreshnessError(
            f"the token's time does not fit now: {what.replace('_', ' ')}",
            code=f"jwt.time.{what}",
            expected=expected,
            actual=f"{now_ms} ms",
        )


def _is_hex(text: str) -> bool:
    return all(digit in "0123456789abcdefABCDEF" for digit in text)
