"""Find the consumer that ``module:attribute`` names."""

from __future__ import annotations

import importlib
import traceback
from typing import Protocol, TypeGuard

from pat_events.core.shown import one_line
from pat_events.errors import ConfigError, NotDrainedError, PatEventsError
from pat_events.ops.event_classes import import_from_here


class Runnable(Protocol):
    """What runs until it is told to stop: a group, a queue's consumer, whatever has these."""

    def run(self) -> None:
        """Run until SIGTERM or SIGINT."""

    def stop(self) -> None:
        """End it."""


def load_consumer(spec: str) -> Runnable:
    """Import a module, from the current directory as well, and return its consumer.

    Args:
        spec: ``package.module:attribute``.

    Raises:
        ConfigError: no such module or attribute, it is something else, or importing it failed.
        NotDrainedError: the module ran a group of its own, which stopped with handlers at work.
    """
    module_name, _, attribute = spec.partition(":")
    if not module_name or not attribute.isidentifier():
        raise ConfigError(f"{spec!r} names no consumer: write module:name, such as app.main:group")
    here = import_from_here()
    try:
        module = importlib.import_module(module_name)
    except NotDrainedError:
        raise
    except PatEventsError as error:
        raise ConfigError(f"{_failed(module_name, error)}: {error}") from error
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module_name == missing or module_name.startswith(f"{missing}."):
            raise ConfigError(f"there is no module {missing!r} in {here} or installed") from error
        raise ConfigError(f"{module_name} needs {missing!r}, which is not installed") from error
    except Exception as error:
        raise ConfigError(
            one_line(f"{_failed(module_name, error)}: {type(error).__name__}: {error}")
        ) from error
    if not hasattr(module, attribute):
        there = ", ".join(name for name, value in vars(module).items() if _is_consumer(value))
        raise ConfigError(f"{module_name} has no {attribute!r}; its consumers: {there or 'none'}")
    found: object = getattr(module, attribute)
    if not _is_consumer(found):
        raise ConfigError(
            f"{spec} is a {type(found).__name__}: name a consumer, such as a ConsumerGroup or a "
            "QueueConsumer"
        )
    return found


def _is_consumer(value: object) -> TypeGuard[Runnable]:
    # Of a class the methods are there as well, and cannot be called.
    return not isinstance(value, type) and all(hasattr(value, it) for it in ("run", "stop"))


def _failed(module_name: str, error: Exception) -> str:
    """Say that importing failed, and in which line of the module's package."""
    package = module_name.partition(".")[0]
    places = [
        f" at {frame.f_code.co_filename}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__")).partition(".")[0] == package
    ]
    return f"importing {module_name} failed{places[-1] if places else ''}"
