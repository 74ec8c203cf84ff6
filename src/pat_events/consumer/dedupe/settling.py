"""What an engine takes jobs from, where its store of claims does not wait."""

from __future__ import annotations

from typing import Any

from pat_events.consumer.dedupe.workers import ClaimingWorkers
from pat_events.consumer.workers.inbox import Inbox


class SettlingInbox(Inbox):
    """An inbox of an engine whose store does not wait: it is told of all that is there at once."""

    def __init__(self, inner: Inbox, workers: ClaimingWorkers) -> None:
        self._inner = inner
        self._workers = workers
        self.put = inner.put

    def take(self, timeout_s: float) -> list[Any]:
        """Return everything there is that the store knows of; see ``Inbox``."""
        return self._workers.settled(self._inner.take(timeout_s))


def settling(inbox: Inbox, workers: object) -> Inbox:
    """Return what an engine takes jobs from: where it claims nothing, the inbox itself."""
    if isinstance(workers, ClaimingWorkers) and not workers.waits:
        return SettlingInbox(inbox, workers)
    return inbox
