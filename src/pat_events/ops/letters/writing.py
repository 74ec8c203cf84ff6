"""Writes what an operator does to dead letters: the letters, and who did it."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Self

from pat_events.errors import ClosedError, ConfigError, PatEventsError, TransportTimeoutError
from pat_events.ops.letters import audit
from pat_events.ops.letters.replay_target import target_of
from pat_events.producer.back_pressure import BackPressure
from pat_events.system.clock import CLOCK
from pat_events.transports.sending import Outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pat_events.catalog.model import Catalog
    from pat_events.config import Config
    from pat_events.core.record import Record
    from pat_events.ops.cluster import Cluster

# How often the audit topic is told how far it is, in seconds.
_TOLD_S: Final = 10.0


def group_of(catalog: Catalog, topic: str) -> str:
    """Return whose letters a topic holds.

    Raises:
        ConfigError: it is no dead-letter topic of a group of the catalogue.
    """
    target = target_of(catalog, topic)
    if target.topics != (topic,):
        raise ConfigError(f"{topic} is a group: name one of {', '.join(target.topics)}")
    return target.group


class RecordWriter:
    """Writes records and waits until they are there. One thread owns it.

    Args:
        cluster: Where.
        config: How much is buffered, and when it is given up.

    Raises:
        ConfigError: the settings are impossible.
    """

    def __init__(self, cluster: Cluster, config: Config) -> None:
        from pat_events.transports.kafka.sender import KafkaSender  # noqa: PLC0415 -- the client

        self._config = config
        self._sender = KafkaSender(cluster.kafka, config)
        self._pressure = BackPressure(self._sender, config.publish_timeout_s, CLOCK.monotonic)

    def write(self, records: Iterable[Record]) -> list[Outgoing]:
        """Write records and return them settled, once every one of them is there.

        Raises:
            PatEventsError: why the first of those that are not there is not; others may be.
        """
        sent = []
        for record in records:
            outgoing = Outgoing(*record)
            self._pressure.take(outgoing)
            sent.append(outgoing)
        if self._sender.flush(self._config.delivery_timeout_s):
            raise TransportTimeoutError(
                f"not acknowledged within {self._config.delivery_timeout_s:g} s: some may be there"
            )
        for outgoing in sent:
            if outgoing.error is not None:
                raise outgoing.error
        return sent

    def close(self) -> None:
        """Let go of the connections."""
        self._sender.close(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Audited:
    """One run of a command, which the audit topic is told of.

    Attributes:
        id: Its id.
        counts: What it has done so far.
    """

    def __init__(self, run: audit.Run, write: Callable[[Sequence[Record]], object]) -> None:
        self.id = run.run
        self.counts: dict[str, Any] = {}
        self._run = run
        self._write = write
        self._told_s = time.monotonic()

    def tell(self, state: str, **told: Any) -> None:  # noqa: ANN401 -- as JSON holds
        """Write a line."""
        self._write([self._run.record(state, audit.now_ms(), **told)])

    def ended(self, result: str) -> None:
        """Tell how it ended."""
        self.tell(audit.ENDED, counts=self.counts, result=result)

    def progress(self) -> list[Record]:
        """Return a line that tells how far it is, where it is time for one.

        It is for those who might think that this run is over.
        """
        if time.monotonic() - self._told_s < _TOLD_S:
            return []
        self._told_s = time.monotonic()
        return [self._run.record(audit.PROGRESS, audit.now_ms(), counts=self.counts)]


@contextmanager
def audited(run: audit.Run, write: Callable[[Sequence[Record]], object]) -> Iterator[Audited]:
    """Tell a group's audit topic that a run begins and how it ends.

    Args:
        run: Which.
        write: Writes lines, and returns when they are there.

    Raises:
        TransportError: the audit topic cannot be written; nothing has begun.
    """
    told = Audited(run, write)
    told.tell(audit.STARTED)
    try:
        yield told
    except ClosedError:
        raise  # Another run has taken over, and tells.
    except BaseException as error:
        failed = isinstance(error, PatEventsError)
        # What ended it is raised, and may be why this cannot be told.
        with suppress(PatEventsError):
            told.ended(f"failed: {error}" if failed else "interrupted")
        raise
    told.ended("done")
