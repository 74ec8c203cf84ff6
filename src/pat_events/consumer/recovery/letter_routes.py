"""Which dead letters go elsewhere, by their error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pat_events.core.checks import wrong_type
from pat_events.core.recovery.retry import leaves
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORD: Final = re.compile(r"[a-zA-Z0-9_-]{1,60}")


def check_routes(
    routes: Mapping[type[BaseException], str] | None,
) -> dict[type[BaseException], str]:
    """Return what was given as ``dead_letter_routes``, a copy.

    Raises:
        ConfigError: it is not errors and where to.
    """
    if routes is None:
        return {}
    try:
        given: dict[Any, Any] = dict(routes)
    except (TypeError, ValueError):
        raise wrong_type(
            "dead_letter_routes", routes, "errors and where to, as in {ValueError: 'quarantine'}"
        ) from None
    for kind, to in given.items():
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise ConfigError(f"dead_letter_routes has {kind!r}: give classes of exceptions")
        if not isinstance(to, str) or not to:
            raise ConfigError(
                f"dead_letter_routes leads {kind.__name__} to {to!r}: name where, in text"
            )
    return given


def check_words(routes: Mapping[type[BaseException], str]) -> None:
    """Refuse what cannot be part of a topic's name.

    Raises:
        ConfigError: names the route.
    """
    for to in routes.values():
        if not _WORD.fullmatch(to):
            raise ConfigError(
                f"dead_letter_routes leads to {to!r}: use a word of letters, digits, '_' and '-', "
                "which becomes part of <topic>.<group>.<word>.dlq"
            )


def route_of(error: BaseException, routes: Mapping[type[BaseException], str]) -> str | None:
    """Return where the dead letter of this error goes; None where all others do.

    The first of the routes decides that names its class, or one that it inherits from; of an
    exception group one leaf is enough.
    """
    for kind, to in routes.items():
        if isinstance(error, kind) or any(isinstance(leaf, kind) for leaf in leaves(error)):
            return to
    return None
