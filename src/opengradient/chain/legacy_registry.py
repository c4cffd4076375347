"""Reads the public network's TEE registry: nodes that speak the ``tee_*`` format only."""

from dataclasses import dataclass
from typing import Final, final

from opengradient.chain.abi._codec import Function, Param
from opengradient.chain.rpc import RpcClient
from opengradient.core.digests import keccak256

LLM_PROXY: Final = 0
"""Type of LLM proxies in that registry."""

_INFO: Final = tuple(
    Param(name, kind)
    for name, kind in (
        ("owner", "address"),
        ("paymentAddress", "address"),
        ("endpoint", "string"),
        ("publicKey", "bytes"),
        ("tlsCertificate", "bytes"),
        ("pcrHash", "bytes32"),
        ("teeType", "uint8"),
        ("enabled", "bool"),
        ("registeredAt", "uint256"),
        ("lastHeartbeatAt", "uint256"),
    )
)
_ACTIVE: Final = Function(
    "getActiveTEEs", (Param("teeType", "uint8"),), (Param("", "tuple[]", _INFO),)
)
"""Newer registries add a member at the end of the struct; heads are offsets, so this reads both."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyRecord:
    """A node as that registry lists it.

    Attributes:
        endpoint: Its URL.
        payee: Whom it wants to be paid, ``0x`` hex.
        public_key: Its RSA key, SubjectPublicKeyInfo in DER.
        tls_certificate: Its TLS certificate in DER.
        measurement: Id of the code that the registry admitted, ``0x`` hex.
    """

    endpoint: str
    payee: str
    public_key: bytes
    tls_certificate: bytes
    measurement: str

    @property
    def tee_id(self) -> bytes:
        """keccak256 of its RSA key."""
        return keccak256(self.public_key)


@final
class LegacyRegistryReader:
    """The registry at one address."""

    __slots__ = ("_rpc", "address")

    def __init__(self, rpc: RpcClient, address: bytes) -> None:
        """Read the registry at `address` (20 bytes)."""
        self._rpc = rpc
        self.address = address

    async def list_active(self, kind: int = LLM_PROXY) -> list[LegacyRecord]:
        """The nodes that the registry calls active: enabled, admitted code, fresh heartbeat."""
        answer = await self._rpc.call(self.address, _ACTIVE.encode(kind))
        return [
            LegacyRecord(
                endpoint=info["endpoint"],
                payee=info["paymentAddress"],
                public_key=info["publicKey"],
                tls_certificate=info["tlsCertificate"],
                measurement="0x" + info["pcrHash"].hex(),
            )
            for info in _ACTIVE.decode(answer)
            if info["enabled"]
        ]
