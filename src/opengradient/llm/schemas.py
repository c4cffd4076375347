"""Structured output: pydantic classes as JSON schemas, and back. pydantic is imported lazily."""

import re
import sys
from collections.abc import Mapping
from typing import Any, Final

from opengradient.core.canonical import JsonObject

_NAME: Final = re.compile(r"[^a-zA-Z0-9_-]+")


def is_model_class(value: Any) -> bool:
    """Whether `value` is a pydantic model class; does not import pydantic to find out."""
    pydantic = sys.modules.get("pydantic")
    return (
        pydantic is not None and isinstance(value, type) and issubclass(value, pydantic.BaseModel)
    )


def schema_of(model: Any) -> JsonObject:
    """The response_format that asks for a pydantic class.

    Providers' strict mode wants every property named as required and no other allowed.
    """
    return {
        "type": "json_schema",
        "json_schema": {
            "name": _NAME.sub("_", model.__name__)[:64],
            "schema": _strict(model.model_json_schema()),
            "strict": True,
        },
    }


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    result = {name: _strict(value) for name, value in schema.items() if name != "default"}
    for group in ("properties", "$defs"):  # these map free names, "default" among them
        if isinstance(schema.get(group), Mapping):
            result[group] = {name: _strict(value) for name, value in schema[group].items()}
    if result.get("type") == "object" and "properties" in result:
        result["required"] = list(result["properties"])
        result["additionalProperties"] = False
    return result


def validate(model: Any, text: str) -> Any:
    """Make an object of the class from JSON text.

    Raises:
        ValueError: The text does not match (pydantic's ValidationError is one).
    """
    return model.model_validate_json(text)
