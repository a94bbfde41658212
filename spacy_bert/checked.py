"""JSON from a file -> values that have the declared types and ranges."""

from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

Value = TypeVar("Value")

Count = Annotated[int, Field(ge=0, lt=1 << 63)]
# Finite, which JSON as Python writes it need not be.
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Record(BaseModel):
    """An object with more keys than those that are declared; `to_dict` has them all."""

    model_config = ConfigDict(strict=True, extra="allow", protected_namespaces=())

    def to_dict(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


def read_checked(path: Path, kind: type[Value]) -> Value:
    """Raises ValueError, with the file's name, if it is not JSON or has other types,
    and FileNotFoundError if it is not there."""
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes(), strict=True)
    except ValidationError as error:
        raise ValueError(f"{path} is damaged ({describe_error(error)})") from error


def describe_error(error: ValidationError) -> str:
    """ "cursor.position: Input should be a valid integer, got None" """
    first = error.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        return first["msg"]
    key = ".".join(map(str, first["loc"])) or "all of it"
    got = repr(first["input"])
    return f"{key}: {first['msg']}, got {got[:60]}{'...' * (len(got) > 60)}"
