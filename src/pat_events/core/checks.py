"""Is a setting of the type it has to be? Type checkers see code, but not what code is given."""

from __future__ import annotations

import math
import sys
from typing import Final

from pat_events.errors import ConfigError

# In seconds.
MAX_WAIT_S: Final = 31_536_000


def require_int(name: str, value: object) -> None:
    """Refuse what is no whole number.

    Raises:
        ConfigError: names the setting, the value and the wanted type.
    """
    # True is an int to Python, and a slip here.
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_type(name, value, "a whole number (int)")


def require_at_least_1(name: str, value: int) -> None:
    """Refuse what is no whole number from 1 on.

    Raises:
        ConfigError: names the setting, the value and what to use instead.
    """
    require_int(name, value)
    if value < 1:
        raise ConfigError(f"{name} is {value}: use 1 or more")


def require_positive(name: str, value: float) -> None:
    """Refuse what is not more than 0, or without end.

    Raises:
        ConfigError: names the setting, the value and what to use instead.
    """
    if not 0 < value < math.inf:
        raise ConfigError(f"{name} is {value}: it must be more than 0, and finite")


def require_seconds(name: str, seconds: float) -> None:
    """Refuse what is no time of 0 seconds to a year.

    Raises:
        ConfigError: names the setting, the value and what to use instead.
    """
    if not 0 <= seconds < math.inf:
        raise ConfigError(f"{name} is {seconds}: it must be 0 or more seconds, and finite")
    require_bounded(name, seconds)


def require_bounded(name: str, seconds: float) -> None:
    """Refuse a number of seconds beyond a year: no bound, and more than a lock can wait.

    Raises:
        ConfigError: names the setting, the value and what to use instead.
    """
    if seconds > MAX_WAIT_S:
        shown = min(seconds, sys.float_info.max)  # A whole number may be more than a float holds.
        raise ConfigError(f"{name} is {shown:g}: use at most {MAX_WAIT_S} seconds, a year")


def require_number(name: str, value: object) -> None:
    """Refuse what is no number, with or without a fraction.

    Raises:
        ConfigError: names the setting, the value and the wanted type.
    """
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise wrong_type(name, value, "a number (int or float)")


def require_text(name: str, value: object) -> None:
    """Refuse what is no text.

    Raises:
        ConfigError: names the setting, the value and the wanted type.
    """
    if not isinstance(value, str):
        raise wrong_type(name, value, "text (str)")


def require_word(name: str, value: str | None) -> None:
    """Refuse a text with nothing in it that shows; None is no text.

    Raises:
        ConfigError: names the setting, the value and what to use instead.
    """
    if value is not None and not (value.strip() and value.isprintable()):
        raise ConfigError(f"{name} is {value!r}: give a text that can be printed, or leave it out")


def require_timeout(name: str, seconds: float) -> None:
    """Refuse what is no time to wait: a number from 0 on, of seconds.

    Raises:
        ConfigError: names it, the value and what to use instead.
    """
    require_number(name, seconds)
    if not seconds >= 0:
        raise ConfigError(f"{name} is {seconds}: it must be 0 or more seconds")


def wrong_type(name: str, value: object, wanted: str) -> ConfigError:
    """Return the error for a setting that is not what is ``wanted``."""
    return ConfigError(f"{name} is {value!r}, of type {type(value).__name__}: give {wanted}")
