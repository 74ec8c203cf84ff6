"""What settings of any kind have in common: their types, their checks and their variables."""

from __future__ import annotations

import os
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from pat_events.core.checks import require_int, require_number, require_text, wrong_type
from pat_events.core.spelling import nearest
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

_PREFIX: Final = "PAT_EVENTS_"
# Variables that share more, since their settings do; the class of those may not be loaded.
_ENV_PREFIXES: Final = ("AWS_",)
# How alike a variable must be to one of ours to be a slip; others may share the prefix.
_NEARLY: Final = 0.9
_BOOLEANS: Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
_CHECKS: Final = {int: require_int, float: require_number, str: require_text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Fields that are checked once and can be read from ``PAT_EVENTS_<NAME>``, by their types.

    A field is a ``bool``, ``int``, ``float``, ``str``, ``Path`` (given as text, too) or
    ``Literal``, or None where its type says so. What is of another type is the class's own to
    check, in ``_check``; its metadata may say how it is read (``parse``). Metadata also tells what
    to say where a field without a default is not given (``missing``).
    """

    # What comes before the name of a field in that of its variable.
    env_prefix = ""

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            given = getattr(self, name)
            value = _checked(name, hint, given)
            if value is not given:
                object.__setattr__(self, name, value)
        self._check()

    def _check(self) -> None:
        """Refuse what is impossible though of the right type; messages begin with the field.

        Raises:
            ConfigError: names the field, the value and what to use instead.
        """

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **overrides: object) -> Self:
        """Read ``PAT_EVENTS_*``; keyword arguments that are not None win over the environment.

        A variable that is empty, or nothing but spaces, counts as not set. Variables of other
        settings are let be.

        Raises:
            ConfigError: a value cannot be used, a variable looks like a misspelt one, or what has
                no default is not given.
        """
        environ = os.environ if environ is None else environ
        given = {name: value for name, value in environ.items() if value.strip()}
        _refuse_misspelt(given)
        hints = get_type_hints(cls)
        read: dict[str, object] = {}
        for spec in fields(cls):
            variable = env_variable(spec.name, cls.env_prefix)
            if variable in given and overrides.get(spec.name) is None:
                parse = spec.metadata.get("parse") or _parser(hints[spec.name])
                read[spec.name] = parse(variable, given[variable])
        values = {**read, **{name: it for name, it in overrides.items() if it is not None}}
        for spec in fields(cls):
            if spec.name not in values and spec.default is spec.default_factory is MISSING:
                raise ConfigError(spec.metadata["missing"])
        try:
            return cls(**values)
        except ConfigError as error:
            name, _, rest = str(error).partition(" ")
            if name not in read:
                raise
            raise ConfigError(f"{env_variable(name, cls.env_prefix)} {rest}") from None


def env_variable(field_name: str, prefix: str = "") -> str:
    """Return the name of the environment variable of a field."""
    return _PREFIX + prefix + field_name.upper()


def from_environment(field_name: str) -> str | None:
    """Return what the process's environment says of a field; None where that is empty, too."""
    value = os.environ.get(env_variable(field_name), "")
    return value if value.strip() else None


def _refuse_misspelt(given: Iterable[str]) -> None:
    known = [
        env_variable(spec.name, each.env_prefix)
        for each in Settings.__subclasses__()
        for spec in fields(each)
    ]
    for variable in given:
        if variable.startswith(_PREFIX) and variable not in known:
            prefix = _prefix_of(variable)
            alike = [name for name in known if _prefix_of(name) == prefix]
            near = nearest(variable, alike, cutoff=_NEARLY)
            if near:
                raise ConfigError(f"unknown setting {variable}: did you mean {near}?")


def _prefix_of(variable: str) -> str:
    return next((it for it in _ENV_PREFIXES if variable.startswith(_PREFIX + it)), "")


def _held(hint: Any) -> Any:  # noqa: ANN401 - a type, of any kind
    """Return the type of a field's values besides None; that of a path given as text is Path."""
    if get_origin(hint) not in (Union, UnionType):
        return hint
    held = [option for option in get_args(hint) if option is not NoneType]
    return Path if Path in held else held[0]


def _checked(name: str, hint: Any, value: Any) -> Any:  # noqa: ANN401 - of any field
    held = _held(hint)
    if value is None and NoneType in get_args(hint):
        return None
    if held is Path:
        return _path(name, value)
    if held is bool and not isinstance(value, bool):
        raise wrong_type(name, value, "True or False (bool)")
    if get_origin(held) is Literal and value not in get_args(held):
        raise ConfigError(f"{name} is {value!r}: use one of {_listed(held)}")
    if held in _CHECKS:
        _CHECKS[held](name, value)
    return value


def _path(name: str, value: object) -> Path:
    if not value:
        raise ConfigError(f"{name} is empty: give the path of a file, or None")
    try:
        return Path(value)  # type: ignore[arg-type]
    except TypeError:
        raise wrong_type(name, value, "a path (str or Path)") from None


def _parser(hint: Any) -> Any:  # noqa: ANN401 - of any field
    held = _held(hint)
    return {bool: _as_bool, int: _as_int, float: _as_float}.get(held, lambda _, raw: raw)


def _as_bool(variable: str, raw: str) -> bool:
    value = _BOOLEANS.get(raw.strip().lower())
    if value is None:
        raise ConfigError(
            f"{variable} is {raw!r}: use true or false (1 or 0, yes or no, on or off)"
        )
    return value


def _as_int(variable: str, raw: str) -> int:
    try:
        return int(raw)
    except ValueError:
        raise ConfigError(f"{variable} is {raw!r}: a whole number is expected") from None


def _as_float(variable: str, raw: str) -> float:
    try:
        return float(raw)
    except ValueError:
        raise ConfigError(f"{variable} is {raw!r}: a number is expected") from None


def _listed(literal: Any) -> str:  # noqa: ANN401 - a type
    return ", ".join(map(str, get_args(literal)))
