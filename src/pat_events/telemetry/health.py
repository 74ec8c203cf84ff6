"""Whether a consumer works, as a value that a probe can ask for."""

from __future__ import annotations

from typing import NamedTuple


class Health(NamedTuple):
    """Whether a consumer works.

    Attributes:
        live: Its thread goes on, or has not begun. Where it is not, only a new start helps.
        ready: It has its place in the group, or reaches its queue, and nothing it has is
            held. A member that has no partition, as there are more members, is ready.
        why: What keeps it from being live and ready, in words; empty where nothing does.
    """

    live: bool
    ready: bool
    why: tuple[str, ...] = ()


def told_of_held(count: int) -> str:
    """Return what is said of so many events, or keys of them, that are held."""
    what = "event, or a key of some, is" if count == 1 else "events, or keys of them, are"
    return f"{count} {what} held; the log says which"
