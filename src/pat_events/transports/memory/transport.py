"""One cluster in memory."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pat_events.errors import TopicMissingError
from pat_events.transports.memory.receiver import MemoryReceiver
from pat_events.transports.memory.sender import MemorySender
from pat_events.transports.sending import place_of_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pat_events.catalog.model import Catalog
    from pat_events.config import Config
    from pat_events.core.record import TopicPartition
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.telemetry.spans import SenderSpans
    from pat_events.transports.log import Start
    from pat_events.transports.memory.broker import MemoryBroker


class MemoryTransport:
    """Makes senders and receivers for a ``MemoryBroker``."""

    system = "memory"
    keeps_order = True

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    @property
    def address(self) -> str:
        """Where records go; see ``Transport.address``."""
        return "memory"

    def sender(
        self,
        config: Config,
        observers: Iterable[GivenObserver] = (),
        spans: SenderSpans | None = None,
    ) -> MemorySender:
        """Return a new sender."""
        del spans  # Nobody else makes any here.
        return MemorySender(self._broker, config, observers)

    def receiver(self, group: str, start: Start) -> MemoryReceiver:
        """Return a new member of ``group``."""
        return MemoryReceiver(self._broker, group, start)

    def ping(self, timeout_s: float) -> None:
        """Return at once: it is there as long as the process is."""

    def cluster_id(self, timeout_s: float) -> str:
        """Return a name for the broker, which is another one's once it is gone."""
        del timeout_s
        return f"memory-{id(self._broker):x}"

    def routed(self, catalog: Catalog) -> Sequence[str]:
        """Return nothing: the catalogue names no cluster; see ``BridgeTarget.routed``."""
        del catalog
        return ()

    def check_events(self, names: Iterable[str]) -> None:
        """Return: each event has its topic; see ``BridgeTarget.check_events``."""

    def places(self, timeout_s: float) -> Callable[[str], str]:
        """Return what names its topics; see ``BridgeTarget.places``."""
        return partial(place_of_log, self.cluster_id(timeout_s))

    def check_dead_letters(self, destination: str, timeout_s: float) -> None:
        """Ask whether this topic is there; see ``DeadLetterTransport.check_dead_letters``."""
        self.partitions([destination], timeout_s)

    def log_ends(
        self, partitions: Sequence[TopicPartition], timeout_s: float
    ) -> Mapping[TopicPartition, int]:
        """Return where these end; see ``Transport.log_ends``."""
        del timeout_s
        with self._broker.lock:
            return {pair: self._broker.end(pair) for pair in partitions}

    def partitions(self, topics: Sequence[str], timeout_s: float) -> dict[str, int]:
        """Return the partition count of each topic; see ``Transport.partitions``."""
        del timeout_s
        counts = self._broker.partition_counts()
        missing = [topic for topic in topics if topic not in counts]
        if missing:
            raise TopicMissingError(f"there is no topic {', '.join(missing)}: create it first")
        return {topic: counts[topic] for topic in topics}
