"""A whole network on this machine: ledger and full node, LLM proxy nodes, and a model."""

import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self, final

import anyio
from anyio.abc import TaskGroup

from opengradient.core.canonical import canonical_json, parse_json_object
from opengradient.core.digests import keccak256
from opengradient.core.keys import MemorySigner
from opengradient.core.modes import VerificationMode
from opengradient.errors import ConfigurationError
from opengradient.networks import Network, write_profile
from opengradient.verify.policy import TrustPolicy
from opengradient.wire.fields import natural, parse_hex, to_hex
from reference_nodes._kit.enclave import system_clock_ms
from reference_nodes._kit.measure import measure_node
from reference_nodes._kit.software_root import SoftwareRoot
from reference_nodes.devnet.config import CHAIN_ID, MAX_LLM_NODES, DevnetConfig
from reference_nodes.devnet.models import Served, choose_models
from reference_nodes.devnet.process import NodeProcess, NodeSpec
from reference_nodes.devnet.state import (
    DevnetState,
    RunningNode,
    choose_port,
    load_state,
    locked,
    save_state,
)
from reference_nodes.local_inference_node.adding import add_model
from reference_nodes.local_inference_node.config import MODELS_FOLDER

FULL_NODE: Final = "full-node"
MODEL_NODE: Final = "model"
RELAY: Final = "relay"
INFERENCE: Final = "inference"
PROXY_PACKAGE: Final = "reference_nodes.llm_proxy_node"
INFERENCE_PACKAGE: Final = "reference_nodes.local_inference_node"
_FACTS: Final = "network.json"
_RELAY_PROFILE: Final = "relay-network.json"

Progress = Callable[[str, str], None]
"""Told of each node: its name, and what happens to it."""


def _quiet(_name: str, _what: str) -> None:
    return


@final
class Devnet:
    """A network of child processes. Use it as an async context manager.

    ```python
    async with Devnet(DevnetConfig()) as net:
        async with og.LLM(network=net.network) as llm:
            ...
    ```

    Everything ends with the block, and with this process if that is killed.
    """

    def __init__(self, config: DevnetConfig, *, progress: Progress = _quiet) -> None:
        """Take the settings; nothing happens before the block is entered."""
        self.config = config
        self._progress = progress
        self._stack = AsyncExitStack()
        self._nodes: list[NodeProcess] = []
        self._state = DevnetState()
        self._network: Network | None = None
        self._served: Served | None = None

    @property
    def network(self) -> Network:
        """The profile of the running network.

        Raises:
            ConfigurationError: It does not run.
        """
        if self._network is None:
            raise ConfigurationError("the devnet does not run: use it as `async with`")
        return self._network

    @property
    def served(self) -> Served:
        """The models that it serves.

        Raises:
            ConfigurationError: It does not run.
        """
        if self._served is None:
            raise ConfigurationError("the devnet does not run: use it as `async with`")
        return self._served

    @property
    def nodes(self) -> tuple[NodeProcess, ...]:
        """Every process, in the order of their start."""
        return tuple(self._nodes)

    async def __aenter__(self) -> Self:
        """Start every node.

        Raises:
            OpenGradientError: Code ``devnet.running``, or ``devnet.start`` with the log's end.
            ConfigurationError: A setting or a port cannot be used.
        """
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._running())
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop every node, the last one first."""
        await self._stack.__aexit__(kind, error, trace)

    async def watch(self) -> None:
        """Wait for a node to end by itself.

        Raises:
            OpenGradientError: Code ``devnet.start``, as soon as one does.
        """
        async with anyio.create_task_group() as tasks:
            for node in self._nodes:
                tasks.start_soon(_fail_when_ended, node)

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        config = self.config
        with locked(config.folder):
            self._served = await choose_models(config)
            prepare_folder(config)
            self._state = load_state(config.folder)
            async with anyio.create_task_group() as tasks:
                try:
                    await self._start_all(tasks, self._served)
                    yield
                finally:
                    for node in reversed(self._nodes):
                        self._progress(node.spec.name, "stopping")
                        await node.stop()
                    self._nodes.clear()
                    tasks.cancel_scope.cancel()

    async def _start_all(self, tasks: TaskGroup, served: Served) -> None:
        config = self.config
        root = SoftwareRoot.load_or_create(config.folder, config.name, now_ms=system_clock_ms())
        if config.model_files:
            self._state = self._state.running(code_of(INFERENCE_PACKAGE))
        self._state = self._state.running(code_of(PROXY_PACKAGE))
        policy = TrustPolicy(
            roots=(root.unsafe_trust(),), measurements=frozenset(self._state.measurements)
        )
        # What callers asked for settles in whichever mode; they themselves admit VANILLA call by
        # call.
        settles = replace(policy, modes=frozenset(VerificationMode))
        (config.folder / "policy.json").write_bytes(canonical_json(settles.to_json()) + b"\n")
        environment = config.proxy_environment()
        if served.tiny:
            upstream = await self._start(tasks, self._model_spec())
            environment["OPENGRADIENT_UPSTREAM_URL"] = f"{upstream.url}/v1"
        full = await self._start(tasks, self._full_node_spec())
        network = self._profile(policy, full.url)
        for number in range(config.llm_nodes):
            await self._start(tasks, self._proxy_spec(number, network, environment, served))
        if config.model_files:
            await self._add_models()
            await self._start(tasks, self._inference_spec(network))
        urls = tuple(n.url for n in self._nodes if n.spec.module == PROXY_PACKAGE)
        network = replace(network, node_urls=urls)
        write_profile(network, config.folder / _RELAY_PROFILE)
        relay = await self._start(tasks, self._relay_spec())
        self._network = replace(network, relay_url=relay.url)
        self._remember(served)
        write_profile(self._network, config.profile)

    async def _start(self, tasks: TaskGroup, spec: NodeSpec) -> NodeProcess:
        self._progress(spec.name, "starting")
        node = await NodeProcess.start(spec, tasks)
        self._nodes.append(node)
        self._progress(spec.name, node.url)
        return node

    def _remember(self, served: Served) -> None:
        self._state = replace(
            self._state,
            nodes=tuple(RunningNode(n.spec.name, n.pid, n.url) for n in self._nodes),
            model=served.models[0],
            started_at_ms=system_clock_ms(),
        )
        save_state(self.config.folder, self._state)

    def _port(self, name: str, number: int) -> str:
        port = choose_port(name, number, base=self.config.port_base, remembered=self._state.ports)
        self._state.ports[name] = port
        return str(port)

    def _spec(
        self, name: str, module: str, arguments: list[str], environment: Mapping[str, str]
    ) -> NodeSpec:
        return NodeSpec(
            name=name,
            module=module,
            arguments=arguments,
            environment=environment,
            log=self.config.logs / f"{name}.log",
            ready_seconds=self.config.ready_seconds,
        )

    def _model_spec(self) -> NodeSpec:
        arguments = ["--port", self._port(MODEL_NODE, 1)]
        plain = self.config.plain_environment()
        return self._spec(MODEL_NODE, "reference_nodes.tiny_llm_node", arguments, plain)

    def _full_node_spec(self) -> NodeSpec:
        config = self.config
        arguments = [
            *("--data-dir", str(config.folder / FULL_NODE)),
            *("--policy", str(config.folder / "policy.json")),
            *("--port", self._port(FULL_NODE, 0)),
            *("--engine", config.engine),
            *("--chain-id", str(CHAIN_ID)),
            *("--batch-age-ms", str(config.batch_age_ms)),
            *("--confirmations", str(config.confirmations)),
            *("--block-interval", str(config.block_seconds)),
            *("--poll", "0.2"),
        ]
        for measurement in self._state.measurements:
            arguments += ["--measurement", measurement]
        for number in range(MAX_LLM_NODES + 1):
            arguments += ["--fund", to_hex(operator(config.folder, number).public_key.address)]
        return self._spec(
            FULL_NODE, "reference_nodes.full_node", arguments, config.plain_environment()
        )

    def _relay_spec(self) -> NodeSpec:
        environment = {
            "OPENGRADIENT_RELAY_PORT": self._port(RELAY, 2 + MAX_LLM_NODES),
            "OPENGRADIENT_RELAY_NETWORK": str(self.config.folder / _RELAY_PROFILE),
        }
        plain = self.config.plain_environment()
        return self._spec(RELAY, "reference_nodes.relay_node", [], {**plain, **environment})

    def _profile(self, policy: TrustPolicy, full_node: str) -> Network:
        path = self.config.folder / FULL_NODE / _FACTS
        facts = parse_json_object(path.read_bytes(), what=_FACTS, max_bytes=1 << 20)
        return Network(
            name=self.config.name,
            chain_id=natural(facts["chainId"], "chainId"),
            trust=policy,
            rpc_url=f"{full_node}/rpc",
            registry=parse_hex(facts["registry"], "registry", 20),
            settlement=parse_hex(facts["settlement"], "settlement", 20),
            full_node_urls=(full_node,),
            confirmations=self.config.confirmations,
            first_block=natural(facts["firstBlock"], "firstBlock"),
            source="a devnet of this process",
        )

    def _proxy_spec(
        self, number: int, network: Network, environment: Mapping[str, str], served: Served
    ) -> NodeSpec:
        name = f"llm-{number}"
        settings = {
            **self._node_settings(name, number, network),
            "PORT": self._port(name, 2 + number),
            "MODELS": ",".join(served.models),
        }
        named = {f"OPENGRADIENT_{key}": value for key, value in settings.items()}
        return self._spec(name, PROXY_PACKAGE, [], {**environment, **named})

    async def _add_models(self) -> None:
        folder = self.config.folder / INFERENCE / MODELS_FOLDER
        for path in self.config.model_files:
            await add_model(path, folder, name=f"local/{path.stem}", version="1.0", licence="other")

    def _inference_spec(self, network: Network) -> NodeSpec:
        settings = {
            **self._node_settings(INFERENCE, MAX_LLM_NODES, network),
            "PORT": self._port(INFERENCE, 3 + MAX_LLM_NODES),
        }
        named = {f"OPENGRADIENT_{key}": value for key, value in settings.items()}
        plain = self.config.plain_environment()
        return self._spec(INFERENCE, INFERENCE_PACKAGE, [], {**plain, **named})

    def _node_settings(self, name: str, number: int, network: Network) -> dict[str, str]:
        """What every node with receipts is told; `number` is its operator's."""
        config = self.config
        return {
            "DATA_DIR": str(config.folder / name),
            "ENCLAVE": "software",
            "SOFTWARE_ROOT_DIR": str(config.folder),
            "NETWORK_NAME": config.name,
            "CHAIN_ID": str(network.chain_id),
            "SETTLEMENT_CONTRACT": to_hex(network.settlement or b""),
            "REGISTRY": to_hex(network.registry or b""),
            "RPC_URL": network.rpc_url or "",
            "OPERATOR_KEY_FILE": str(operator_file(config.folder, number)),
            "FULL_NODES": ",".join(network.full_node_urls),
        }


async def _fail_when_ended(node: NodeProcess) -> None:
    await node.wait()
    raise node.failure()


def code_of(package: str) -> str:
    """The measurement of a node's source, as policies and the registry name it."""
    registers = measure_node(package)
    return to_hex(keccak256(registers[0] + registers[1] + registers[2]))


def prepare_folder(config: DevnetConfig) -> None:
    """Make the devnet's folder, empty where it is to be fresh."""
    if config.fresh:
        for path in config.folder.iterdir():
            if path.name == "lock":
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    config.logs.mkdir(exist_ok=True)
    for number in range(config.llm_nodes):
        (config.folder / f"llm-{number}").mkdir(mode=0o700, exist_ok=True)
    if config.model_files:
        (config.folder / INFERENCE).mkdir(mode=0o700, exist_ok=True)


def operator_file(folder: Path, number: int) -> Path:
    """Where the key of a proxy's operator lies: it pays for the registration."""
    return folder / f"operator-{number}.key"


def operator(folder: Path, number: int) -> MemorySigner:
    """The account of a proxy's operator; made where there is none."""
    path = operator_file(folder, number)
    if not path.exists():
        partial = path.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_text(secrets.token_hex(32), encoding="ascii")
        partial.replace(path)
    return MemorySigner(bytes.fromhex(path.read_text(encoding="ascii")))
