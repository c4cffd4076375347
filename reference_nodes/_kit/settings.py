"""Settings that every node with receipts has, from the environment."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from opengradient.core.canonical import JsonObject
from opengradient.core.receipts import ReceiptDomain
from reference_nodes._kit.answers import KEEP_MS
from reference_nodes._kit.environment import read_environment
from reference_nodes._kit.identity import Rotation
from reference_nodes._kit.tsm import FOLDER as TSM_DIR

_PREFIX: Final = "OPENGRADIENT_"
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_URL: Final = re.compile(r"https?://[^\s/?#]+(?::\d+)?(?:/[^\s?#]*)?")
_SHOWN_URL: Final = re.compile(r"https?://[^\s/?#@]+(?::\d+)?(?:/[^\s?#]*)?")


def split(value: object) -> object:
    """A list that stands in one variable, separated by commas."""
    if isinstance(value, str):
        return tuple(item.strip() for item in value.split(",") if item.strip())
    return value


def _matching(pattern: re.Pattern[str], what: str) -> BeforeValidator:
    def check(value: object) -> object:
        if isinstance(value, str) and not pattern.fullmatch(value):
            raise ValueError(f"must be {what}")
        return value

    return BeforeValidator(check)


Url = Annotated[str, _matching(_URL, "an http(s) URL")]
ShownUrl = Annotated[str, _matching(_SHOWN_URL, "an http(s) URL without user info")]
Address = Annotated[str, _matching(_ADDRESS, "0x and 40 hex digits")]


LOCAL_SETTINGS: Final = frozenset(
    {
        "host",
        "port",
        "data_dir",
        "software_root_dir",
        "tsm_dir",
        "rpc_url",
        "operator_key_file",
        "public_url",
        "drain_seconds",
        "log_level",
    }
)
"""Settings that the attested configuration leaves out: where things lie on one machine, how the
registry is reached (an RPC's address may hold a key), and what is logged of ids. Every other
setting is in it."""


class NodeSettings(BaseModel):
    """Read from ``OPENGRADIENT_<NAME>``; each node adds its own.

    Attributes:
        host: Address to listen on.
        port: Port; 0 for any free one.
        data_dir: Where the journal lies.
        tls: Whether the node ends TLS itself, under its attested key.
        enclave: nitro; tsm for a TDX or SEV-SNP guest, whose kernel says which of the two; or
            software for devnets: then `software_root_dir` has the network's root.
        software_root_dir: Folder of the software root; unset for a root in `data_dir`.
        tsm_dir: Where the kernel takes requests for reports, with tsm.
        evidence_refresh_seconds: After how long standing evidence is replaced, with tsm: quotes and
            reports say nothing of time. It stands for three times as long where that fails. A
            Nitro document is replaced after an hour.
        network_name: Names a new software root.
        chain_id: EIP-155 id of the ledger.
        settlement_contract: Address of the settlement contract.
        registry: Address of the node registry; unset for a node that registers nowhere.
        rpc_url: JSON-RPC of the ledger, for the registry.
        operator_key_file: File with the hex key of the account that registers the node.
        public_url: The address that the registry shows; unset for the one that is bound.
        full_nodes: Base URLs, separated by commas.
        max_body_bytes: Largest request body.
        max_concurrent: Requests at once.
        patience_seconds: How long a repeated request waits for the first one.
        drain_seconds: How long running answers may take at shutdown.
        ohttp: Whether to take Oblivious HTTP, under an attested HPKE key.
        key_rotation_seconds: How often TLS and HPKE keys are replaced; SIGHUP does it at once.
        key_grace_seconds: How long the previous HPKE key still opens requests.
        log_level: DEBUG, INFO, WARNING or ERROR.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8443, ge=0, le=65535)
    data_dir: Path
    tls: bool = True
    enclave: Literal["nitro", "tsm", "software"] = "nitro"
    software_root_dir: Path | None = None
    tsm_dir: Path = TSM_DIR
    evidence_refresh_seconds: float = Field(default=3600.0, ge=1800, le=24 * 3600)
    network_name: str = Field(default="devnet", min_length=1, max_length=64)
    chain_id: int = Field(ge=0)
    settlement_contract: Address
    registry: Address | None = None
    rpc_url: Url | None = None
    operator_key_file: Path | None = None
    public_url: ShownUrl | None = None
    full_nodes: Annotated[tuple[ShownUrl, ...], BeforeValidator(split)] = ()
    max_body_bytes: int = Field(default=20 * 1024 * 1024, ge=1024, le=256 * 1024 * 1024)
    max_concurrent: int = Field(default=4000, ge=1)
    patience_seconds: float = Field(default=60.0, ge=0)
    drain_seconds: int = Field(default=20, ge=0)
    ohttp: bool = True
    key_rotation_seconds: float = Field(default=12 * 3600.0, ge=0)
    key_grace_seconds: float = Field(default=1800.0, gt=0, le=24 * 3600.0)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @model_validator(mode="after")
    def _whole_registry(self) -> Self:
        parts = (self.registry, self.rpc_url, self.operator_key_file)
        if any(parts) and not all(parts):
            raise ValueError("registry, rpc_url and operator_key_file go together")
        return self

    @model_validator(mode="after")
    def _no_replay(self) -> Self:
        lifetime = self.key_rotation_seconds + self.key_grace_seconds
        unbounded = not self.key_rotation_seconds or lifetime * 1000 > KEEP_MS
        if self.ohttp and unbounded:
            raise ValueError(
                "key_rotation_seconds and key_grace_seconds are 24 hours at most together, and the "
                "first is not 0: so long are answers kept, and a relay can repeat a sealed request "
                "as long as its key lasts"
            )
        return self

    @property
    def domain(self) -> ReceiptDomain:
        """Where this node's receipts belong."""
        contract = bytes.fromhex(self.settlement_contract[2:])
        return ReceiptDomain(chain_id=self.chain_id, settlement_contract=contract)

    @property
    def rotation(self) -> Rotation:
        """When the keys of the channels change."""
        return Rotation(
            every_ms=int(self.key_rotation_seconds * 1000),
            grace_ms=int(self.key_grace_seconds * 1000),
        )

    def attested(self) -> JsonObject:
        """What of these settings the evidence binds: all that changes what a client gets."""
        return self.model_dump(mode="json", exclude=set(LOCAL_SETTINGS))

    @classmethod
    def from_env(cls, environ: Mapping[str, str], **defaults: object) -> Self:
        """Read the environment. An empty variable counts as absent.

        Args:
            environ: The environment.
            defaults: Values for what the environment does not say.

        Raises:
            ConfigurationError: Names the variables that are wrong, without their values.
        """
        return read_environment(cls, environ, _PREFIX, defaults)


DEMO_DEFAULTS: Final[Mapping[str, object]] = {
    "enclave": "software",
    "network_name": "demo",
    "chain_id": 31337,
    "settlement_contract": "0x" + "00" * 20,
    "data_dir": ".demo",
    "port": 8443,
}
"""What ``--demo`` assumes: a software enclave, and a ledger that nobody runs."""
