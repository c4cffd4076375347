"""A whole network for one test: real processes, real sockets, simulated providers."""

import os
import shutil
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, final

from opengradient.errors import ConfigurationError
from opengradient.networks import Network
from opengradient.testing.simulators import ProviderSimulator

if TYPE_CHECKING:
    from reference_nodes.devnet.network import Devnet

_PROVIDERS: Final = {
    "openai": (ProviderSimulator.openai, "openai/sim"),
    "anthropic": (ProviderSimulator.anthropic, "anthropic/sim"),
    "google": (ProviderSimulator.google, "google/sim"),
    "xai": (ProviderSimulator.xai, "xai/sim"),
    "compatible": (ProviderSimulator.compatible, "local/sim"),
}
_SECRETS: Final = shutil.ignore_patterns("*.key", "*root.pem", "lock")


@final
class LocalNetwork:
    """A network in a temporary folder: full node with its ledger, LLM proxies, simulators.

    ```python
    async with LocalNetwork() as net, og.LLM(network=net.network) as llm:
        reply = await llm.chat(net.model, [{"role": "user", "content": "Hello"}])
        assert net.simulators["compatible"].requests
    ```

    Needs the extra ``[nodes]``. A start takes two or three seconds: share one among the tests of
    a module.
    """

    def __init__(
        self,
        *,
        providers: Sequence[str] = ("compatible",),
        llm_nodes: int = 1,
        tiny_model: bool = False,
        models: Sequence[Path] = (),
        dump_dir: Path | None = None,
    ) -> None:
        """Say what to start; nothing happens before the block is entered.

        Args:
            providers: Simulators to stand behind the proxies: openai, anthropic, google, xai,
                compatible.
            llm_nodes: How many LLM proxy nodes.
            tiny_model: Serve the real tiny model instead of simulators.
            models: ONNX files that a local inference node runs for `og.Alpha`, each under the name
                ``local/<stem>``; none starts no such node.
            dump_dir: Folder to which logs, journals and the chain are copied at the end, without
                keys; for looking at a test that failed.

        Raises:
            ConfigurationError: There is no such provider.
        """
        unknown = [name for name in providers if name not in _PROVIDERS]
        if unknown:
            raise ConfigurationError(f"no simulator of {unknown[0]!r}")
        self._providers = () if tiny_model else tuple(providers)
        self._llm_nodes = llm_nodes
        self._models = tuple(models)
        self._dump_dir = dump_dir
        self._stack = AsyncExitStack()
        self._devnet: Devnet | None = None
        self.simulators: dict[str, ProviderSimulator] = {}

    @property
    def devnet(self) -> "Devnet":
        """The running devnet, with its processes.

        Raises:
            ConfigurationError: It does not run.
        """
        if self._devnet is None:
            raise ConfigurationError("the network does not run: use it as `async with`")
        return self._devnet

    @property
    def network(self) -> Network:
        """The profile to pass to `og.LLM`."""
        return self.devnet.network

    @property
    def relay_url(self) -> str:
        """The relay to its nodes, for `og.ConfidentialLLM`."""
        url = self.network.relay_url
        if url is None:
            raise AssertionError("a devnet that runs has a relay")
        return url

    @property
    def model(self) -> str:
        """A model that it serves."""
        return self.devnet.served.models[0]

    async def __aenter__(self) -> Self:
        """Start the simulators and the network.

        Raises:
            OpenGradientError: A node did not start; the end of its log is in the message.
        """
        from reference_nodes.devnet.config import PROVIDER_VARIABLES, DevnetConfig  # noqa: PLC0415
        from reference_nodes.devnet.network import Devnet  # noqa: PLC0415

        async with AsyncExitStack() as stack:
            home = Path(stack.enter_context(TemporaryDirectory(prefix="opengradient-")))
            environment = dict(os.environ)
            for variable in PROVIDER_VARIABLES:
                environment.pop(variable, None)
            for name in self._providers:
                simulator = await stack.enter_async_context(_PROVIDERS[name][0]())
                self.simulators[name] = simulator
                environment |= simulator.environ()
            config = DevnetConfig(
                name="local",
                home=home,
                llm_nodes=self._llm_nodes,
                models=tuple(_PROVIDERS[name][1] for name in self._providers),
                model_files=self._models,
                batch_age_ms=50,
                environment=environment,
            )
            if self._dump_dir is not None:
                stack.callback(_dump, config.folder, self._dump_dir)
            self._devnet = await stack.enter_async_context(Devnet(config))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything and remove the folder."""
        self._devnet = None
        await self._stack.__aexit__(kind, error, trace)


def _dump(folder: Path, target: Path) -> None:
    shutil.copytree(folder, target, ignore=_SECRETS, dirs_exist_ok=True)
