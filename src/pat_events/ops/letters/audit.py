"""Who did what with the dead letters of a group: lines of JSON in its audit topic.

What a command tells of one run has its id. A run that goes on for a while tells that it began, how
far it is, and how it ended; one that was killed has no end.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import uuid_utils

from pat_events.catalog.model import Catalog
from pat_events.core.record import Record
from pat_events.errors import ConfigError
from pat_events.ops.tail import read_stored
from pat_events.ops.topics import wanted_topics

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pat_events.ops.cluster import Cluster
    from pat_events.transports.kafka.admin import KafkaAdmin

EXPORT: Final = "dlq export"
IMPORT: Final = "dlq import"
EDIT: Final = "dlq edit"
PURGE: Final = "dlq purge"
REPLAY: Final = "dlq replay"
# One of these goes on at a time: each changes what another one counts on.
_CHANGING: Final = frozenset({IMPORT, EDIT, PURGE, REPLAY})

STARTED: Final = "started"
PROGRESS: Final = "progress"
ENDED: Final = "ended"
#: A run that has told nothing for so long is over, in seconds.
SILENT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command.

    Attributes:
        group: Whose letters.
        command: Such as ``dlq replay``.
        run: Its id.
        who: User and machine, as they call themselves.
        pid: Its process on that machine.
        about: What is known from the beginning, such as why, which topics and which letters.
    """

    group: str
    command: str
    run: str
    about: Mapping[str, Any]
    who: str = field(default_factory=lambda: f"{_user()}@{socket.gethostname()}")
    pid: int = field(default_factory=os.getpid)

    def record(self, state: str, now_ms: int, **told: Any) -> Record:  # noqa: ANN401 -- as JSON holds
        """Return the line that tells of a state of it; only the first repeats all that is known."""
        line = {
            "run": self.run,
            "state": state,
            "at": datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds"),
            "command": self.command,
            "who": self.who,
            "pid": self.pid,
            **(self.about if state == STARTED else {}),
            **told,
        }
        topic = Catalog.audit_topic(self.group)
        value = json.dumps(line, ensure_ascii=False).encode(errors="replace")
        return Record(topic, self.run.encode(), value, [], now_ms)


def require_why(why: str) -> None:
    """Refuse to do what nobody gives a reason for.

    Raises:
        ConfigError: it is blank.
    """
    if not why.strip():
        raise ConfigError("say why: that is for the audit topic")


def now_ms() -> int:
    """Return the time, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def begin(
    cluster: Cluster, catalog: Catalog, group: str, command: str, about: Mapping[str, Any]
) -> Run:
    """Return a new run of a command, of which nothing is told yet.

    Raises:
        ConfigError: it changes letters, and so does another run that goes on, as far as the audit
            topic of the group tells.
        TransportError: that topic cannot be made or read.
    """
    ensure_topic(cluster.admin(), catalog, group)
    if command in _CHANGING:
        refuse_beside(lines(cluster, group), datetime.now(UTC))
    return Run(group, command, str(uuid_utils.uuid7()), about)


def ensure_topic(admin: KafkaAdmin, catalog: Catalog, group: str) -> None:
    """Create the audit topic of a group where it is missing.

    Raises:
        TransportError: that is not permitted; names the right.
        ConfigError: this is an embedded broker, which cannot.
    """
    topic = catalog.audit_topic(group)
    if topic in admin.layouts() or admin.hidden([topic]):
        return
    replication = min(3, admin.brokers())
    admin.create([wanted_topics(catalog, replication)[topic]])


def lines(cluster: Cluster, group: str) -> Iterator[dict[str, Any]]:
    """Yield what the audit topic of a group tells, oldest first; what is no such line is left out.

    Raises:
        TopicMissingError: there is none.
        TransportError: it cannot be read.
    """
    topic = Catalog.audit_topic(group)
    admin = cluster.admin([topic])
    pairs = [(topic, number) for number in range(admin.partitions[topic])]
    for delivery in read_stored(cluster, admin.ends(pairs)):
        try:
            line = json.loads(delivery.value or b"")
        except (ValueError, RecursionError):
            continue
        if isinstance(line, dict):
            yield line


def refuse_beside(told: Iterable[Mapping[str, Any]], now: datetime) -> None:
    """Return if no run that changes something goes on, as far as was told.

    Two that begin at the same moment do not see each other.

    Raises:
        ConfigError: one does; says whose it is.
    """
    # Whoever begins counts all before of the same command as over.
    last: dict[str, Mapping[str, Any]] = {}
    for line in told:
        if isinstance(command := line.get("command"), str) and command in _CHANGING:
            last[command] = line
    for line in last.values():
        _refuse_beside_one(line, now)


def _refuse_beside_one(last: Mapping[str, Any], now: datetime) -> None:
    age_s = _age_s(last, now)
    if last.get("state") == ENDED or age_s is None or _is_gone(last):
        return
    if abs(age_s) < SILENT_S:
        raise ConfigError(
            f"a '{last.get('command')}' of this group goes on: run {last.get('run')} of "
            f"{last.get('who')}, which told how far it is {abs(age_s):.0f} s ago. Wait for its "
            f"end, or until it has told nothing for {SILENT_S:.0f} s"
        )


def _age_s(line: Mapping[str, Any], now: datetime) -> float | None:
    try:
        return (now - datetime.fromisoformat(line["at"])).total_seconds()
    except (KeyError, TypeError, ValueError):
        return None


def _is_gone(line: Mapping[str, Any]) -> bool:
    """Tell whether it ran on this machine, and no longer does, or was of this process."""
    pid = line.get("pid")
    here = str(line.get("who")).rpartition("@")[2] == socket.gethostname()
    if not here or type(pid) is not int or not 0 < pid < 2**31:
        return False
    if pid == os.getpid():
        return True  # It failed so that it could not tell.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # As in a container whose user has no name.
        return f"user {os.getuid()}"
