"""Dead letters into a file of lines of JSON, and back into a dead-letter topic."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from pat_events.catalog.load import load_catalog
from pat_events.config import Config
from pat_events.core.dead_letter import read_cause
from pat_events.errors import ConfigError, PatEventsError, SchemaError
from pat_events.ops.letters import audit
from pat_events.ops.letters.letter_lines import digest_of, line_of, record_of
from pat_events.ops.letters.reading import TELL_EVERY, LetterReading
from pat_events.ops.letters.replay_target import is_of_another
from pat_events.ops.letters.selection import EVERYTHING
from pat_events.ops.letters.writing import RecordWriter, audited, group_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pat_events.core.record import Record
    from pat_events.ops.cluster import Cluster
    from pat_events.ops.letters.selection import Selection
    from pat_events.ops.letters.writing import Audited

_BATCH: Final = 500
# A letter of 2 MiB in base64 is far below it, and a file without ends of lines must not fill the
# memory.
_LINE_MAX: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Imported:
    """What was done with the letters of a file.

    Attributes:
        read: How many it has.
        written: How many are in the topic now that were not before.
        there: How many were left out: they are in the topic, or twice in the file.
        of_others: How many of those read say that another group gave them up: a replay leaves them
            unless its ``group`` says whose they are.
    """

    read: int
    written: int
    there: int
    of_others: int = 0


def export(
    cluster: Cluster,
    topic: str,
    selection: Selection = EVERYTHING,
    *,
    why: str = "",
    config: Config | None = None,
    tell: Callable[[int, int], None] = lambda _passed, _total: None,
    unaudited: Callable[[PatEventsError], None] = lambda _why: None,
) -> Iterator[dict[str, Any]]:
    """Yield letters as values JSON can hold, whole; ``import_letters`` takes them back.

    Who, when, why and how many is told to the audit topic of the group, if it is a group's.

    Args:
        cluster: Where.
        topic: The dead-letter topic; of any name where its records tell causes, such as Spring's.
        selection: Which of its letters.
        why: For the audit topic.
        config: Which catalogue; as the environment says when None.
        tell: Is given how many letters were looked at, and of how many, as it goes on.
        unaudited: Is given why nothing can be told to the audit topic; the export goes on.

    Raises:
        ConfigError: this is no dead-letter topic, there is no such partition, or nothing at these
            offsets.
        TopicMissingError: the topic does not exist.
        TransportError: reading failed.
    """
    config = Config.given(config)
    letters = LetterReading(cluster, topic, selection, any_name=True)
    with ExitStack() as ends:
        told: Audited | None = None
        about = {"topics": [topic], "why": why, "selection": selection.as_json()}
        try:
            told = _audited_if_of_a_group(ends, cluster, config, topic, about)
        except PatEventsError as error:
            unaudited(error)
        for count, letter in enumerate(letters, start=1):
            yield line_of(letter)
            if told is not None:
                told.counts["exported"] = count
            if count % TELL_EVERY == 0:
                tell(letters.passed, letters.total)


def import_letters(
    cluster: Cluster,
    topic: str,
    file: BinaryIO,
    *,
    why: str,
    again: bool = False,
    config: Config | None = None,
    tell: Callable[[int, int], None] = lambda _passed, _total: None,
) -> Imported:
    """Write the letters of a file into a group's dead-letter topic, from where they are replayed.

    Key, value and headers are as they were, the event's id and the cause among them. Nothing is
    written before the whole file was read and found sound. A letter that the topic holds already is
    left out, so whoever was interrupted begins anew. The time of the records is now: retention
    counts from it.

    Args:
        cluster: Where.
        topic: The dead-letter topic of a group of the catalogue.
        file: Lines that ``export`` wrote; it is read twice.
        why: For the audit topic.
        again: Write also what the topic holds already.
        config: Which catalogue; as the environment says when None.
        tell: Is given how many were written, and of how many, as it goes on.

    Raises:
        SchemaError: a line holds no letter; says which and why. Nothing was written.
        ConfigError: this is no dead-letter topic of a group of the catalogue, the file is empty, or
            another run that changes the group's letters goes on.
        TopicMissingError: the topic does not exist.
        TransportError: the cluster did not answer, or does not permit it; letters may be written.
    """
    audit.require_why(why)
    config = Config.given(config)
    catalog = load_catalog(config.catalog)
    group = group_of(catalog, topic)
    digests: list[bytes] = []
    of_others = 0
    for record in _records(file, topic):
        digests.append(_digest(record))
        of_others += is_of_another(read_cause(dict(record.headers)), group)
    if not digests:
        raise ConfigError("the file holds no letters")
    there = set[bytes]() if again else _held(cluster, topic, set(digests))
    about = {"topics": [topic], "why": why, "letters": len(digests), "again": again}
    wanted = len(digests) if again else len(set(digests) - there)
    run = audit.begin(cluster, catalog, group, audit.IMPORT, about)
    with RecordWriter(cluster, config) as writer, audited(run, writer.write) as told:
        new = _new(file, topic, there, again=again)
        written = _write_all(writer, told, new, wanted, tell)
    return Imported(len(digests), written, len(digests) - written, of_others)


def _write_all(
    writer: RecordWriter,
    told: Audited,
    records: Iterator[Record],
    wanted: int,
    tell: Callable[[int, int], None],
) -> int:
    written = 0
    batch: list[Record] = []
    for record in records:
        batch.append(record)
        if len(batch) == _BATCH or written + len(batch) == wanted:
            writer.write(batch)
            written += len(batch)
            told.counts["written"] = written
            tell(written, wanted)
            batch = []
            writer.write(told.progress())
    return written


def _new(file: BinaryIO, topic: str, there: set[bytes], *, again: bool) -> Iterator[Record]:
    for record in _records(file, topic):
        digest = _digest(record)
        if again or digest not in there:
            there.add(digest)
            yield record


def _held(cluster: Cluster, topic: str, digests: set[bytes]) -> set[bytes]:
    """Return which of these letters the topic holds."""
    held = set()
    for letter in LetterReading(cluster, topic):
        delivery = letter.delivery
        digest = digest_of(delivery.key, delivery.value, delivery.headers)
        if digest in digests:
            held.add(digest)
    return held


def _records(file: BinaryIO, topic: str) -> Iterator[Record]:
    file.seek(0)
    number = 0
    while line := file.readline(_LINE_MAX + 1):
        number += 1
        if len(line) > _LINE_MAX:
            raise SchemaError(f"line {number} is longer than {_LINE_MAX} bytes")
        if line.strip():
            try:
                yield record_of(line, topic, audit.now_ms())
            except SchemaError as error:
                raise SchemaError(f"line {number}: {error}") from None


def _digest(record: Record) -> bytes:
    return digest_of(record.key, record.value, record.headers)


def _audited_if_of_a_group(
    ends: ExitStack, cluster: Cluster, config: Config, topic: str, about: Mapping[str, Any]
) -> Audited | None:
    try:
        catalog = load_catalog(config.catalog)
        group = group_of(catalog, topic)
    except ConfigError:
        return None
    run = audit.begin(cluster, catalog, group, audit.EXPORT, about)
    writer = ends.enter_context(RecordWriter(cluster, config))
    return ends.enter_context(audited(run, writer.write))
