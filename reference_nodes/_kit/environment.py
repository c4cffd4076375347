"""Settings from environment variables: one reader for every node."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from opengradient.errors import ConfigurationError

_M = TypeVar("_M", bound=BaseModel)


def read_environment(
    model: type[_M], environ: Mapping[str, str], prefix: str, defaults: Mapping[str, object]
) -> _M:
    """Read ``<PREFIX><NAME>`` for every field of a model. An empty variable counts as absent.

    Args:
        model: The settings.
        environ: The environment.
        prefix: What the names of its variables begin with.
        defaults: Values for what the environment does not say.

    Raises:
        ConfigurationError: Names the variables that are wrong, without their values.
    """
    given = {
        name: environ[prefix + name.upper()]
        for name in model.model_fields
        if environ.get(prefix + name.upper())
    }
    try:
        return model.model_validate({**defaults, **given})
    except ValidationError as error:
        problems = "; ".join(
            f"{prefix}{str(item['loc'][0]).upper() if item['loc'] else '*'}: {item['msg']}"
            for item in error.errors()
        )
        raise ConfigurationError(problems) from None
