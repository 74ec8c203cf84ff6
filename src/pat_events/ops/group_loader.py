"""Find the consumer group that ``module:attribute`` names."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from pat_events.consumer import ConsumerGroup
from pat_events.errors import ConfigError, PatEventsError


def load_group(spec: str) -> ConsumerGroup:
    """Import a module, from the current directory as well, and return its consumer group.

    Args:
        spec: ``package.module:attribute``.

    Raises:
        ConfigError: no such module or attribute, it is something else, or importing it failed.
        PatEventsError: what the module raised while it made the group.
    """
    module_name, _, attribute = spec.partition(":")
    if not module_name or not attribute.isidentifier():
        raise ConfigError(f"{spec!r} names no group: write module:name, such as app.main:group")
    here = str(Path.cwd())
    if here not in sys.path:
        # A console script, unlike 'python -m', does not look where it is started.
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except PatEventsError:
        raise
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module_name == missing or module_name.startswith(f"{missing}."):
            raise ConfigError(f"there is no module {missing!r} in {here} or installed") from error
        raise ConfigError(f"{module_name} needs {missing!r}, which is not installed") from error
    except Exception as error:
        raise ConfigError(
            f"importing {module_name} failed: {type(error).__name__}: {error}"
        ) from error
    groups = [name for name, value in vars(module).items() if isinstance(value, ConsumerGroup)]
    if not hasattr(module, attribute):
        groups_there = ", ".join(groups) or "none"
        raise ConfigError(f"{module_name} has no {attribute!r}; its groups: {groups_there}")
    group = getattr(module, attribute)
    if not isinstance(group, ConsumerGroup):
        raise ConfigError(f"{spec} is a {type(group).__name__}, not a ConsumerGroup")
    return group
