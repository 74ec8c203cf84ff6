"""Find the consumer group that ``module:attribute`` names."""

from __future__ import annotations

import importlib
import traceback

from pat_events.consumer.log.group import ConsumerGroup
from pat_events.core.shown import one_line
from pat_events.errors import ConfigError, NotDrainedError, PatEventsError
from pat_events.ops.event_classes import import_from_here


def load_group(spec: str) -> ConsumerGroup:
    """Import a module, from the current directory as well, and return its consumer group.

    Args:
        spec: ``package.module:attribute``.

    Raises:
        ConfigError: no such module or attribute, it is something else, or importing it failed.
        NotDrainedError: the module ran a group of its own, which stopped with handlers at work.
    """
    module_name, _, attribute = spec.partition(":")
    if not module_name or not attribute.isidentifier():
        raise ConfigError(f"{spec!r} names no group: write module:name, such as app.main:group")
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
    groups = [name for name, value in vars(module).items() if isinstance(value, ConsumerGroup)]
    if not hasattr(module, attribute):
        groups_there = ", ".join(groups) or "none"
        raise ConfigError(f"{module_name} has no {attribute!r}; its groups: {groups_there}")
    group = getattr(module, attribute)
    if not isinstance(group, ConsumerGroup):
        raise ConfigError(f"{spec} is a {type(group).__name__}, not a ConsumerGroup")
    return group


def _failed(module_name: str, error: Exception) -> str:
    """Say that importing failed, and in which line of the module's package."""
    package = module_name.partition(".")[0]
    places = [
        f" at {frame.f_code.co_filename}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__")).partition(".")[0] == package
    ]
    return f"importing {module_name} failed{places[-1] if places else ''}"
