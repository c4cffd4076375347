"""Simulators of the providers: real servers on a real socket that speak their real protocols.

```python
async with ProviderSimulator.openai() as sim:
    settings = ProviderSettings.from_env(sim.environ())
    sim.enqueue(Scenario(text=("Hello", "!")))
    ...
    assert sim.requests[0].body == what_was_signed
```

They check a request as the provider does (path, authentication, required and unknown fields)
and answer by the next enqueued `Scenario`, or else by the model's name: ``sim-cut-after-3``,
``sim-status-429`` and so on, see `scenario_of_model`.
"""

from opengradient.testing.simulators.recorded import RecordedRequest
from opengradient.testing.simulators.scenario import Scenario, ScriptedCall, scenario_of_model
from opengradient.testing.simulators.simulator import ProviderSimulator

__all__ = [
    "ProviderSimulator",
    "RecordedRequest",
    "Scenario",
    "ScriptedCall",
    "scenario_of_model",
]
