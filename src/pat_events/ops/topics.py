"""Topics as the catalogue wants them: what is different, and how to get there.

Every number of the catalogue is a floor. Partitions, retention and sizes are raised to it and
never lowered: fewer partitions cannot be had, and shorter retention deletes events.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential

from pat_events.core.wording import counted
from pat_events.errors import ConfigError, TopicMissingError, TransportError, TransportTimeoutError
from pat_events.transports.kafka.admin import TopicSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pat_events.catalog.model import Catalog
    from pat_events.ops.cluster import Cluster
    from pat_events.transports.kafka.admin import KafkaAdmin, TopicLayout

_DAY_MS: Final = 86_400_000
_MAX_REPLICATION: Final = 3
_MAX_IN_SYNC: Final = 2
# The controller decides at once, the brokers hear of it a little later; durations in seconds.
_KNOWN_S: Final = 15.0
_LOOK_S: Final = 0.05
# A dead letter is the record plus some 6 kB of headers about its failure. Twice Kafka's
# default limit of 1,048,588 leaves room for any record of a topic that keeps the default.
DEAD_LETTER_MAX_BYTES: Final = 2_097_152
# A topic is deleted by segments: what is older than its retention may be there for as long as one
# is written to, a week by default. What tells that a letter was replayed has to outlive the letter.
_SEGMENT_DAYS: Final = 7
_RETENTION: Final = "retention.ms"
_FOR_EVER: Final = "-1"
_IN_SYNC: Final = "min.insync.replicas"
_SIZE: Final = "max.message.bytes"


@dataclass(frozen=True, slots=True)
class Growth:
    """A topic with fewer partitions than the catalogue wants."""

    topic: str
    partitions: int
    wanted: int


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A setting below what the catalogue wants."""

    topic: str
    setting: str
    value: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What is larger than the catalogue wants, or cannot be changed from here; a sentence says."""

    topic: str
    reason: str


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """What stands between a cluster and its catalogue; ``kept`` is left as it is."""

    creations: tuple[TopicSpec, ...]
    growths: tuple[Growth, ...]
    changes: tuple[SettingChange, ...]
    kept: tuple[Kept, ...]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.creations or self.growths or self.changes)


def wanted_topics(catalog: Catalog, replication: int) -> dict[str, TopicSpec]:
    """Return the topics of a catalogue and of its groups: dead letters, retries, and audit.

    Args:
        catalog: The catalogue.
        replication: Replicas of each partition; all but one of up to three must be in sync.
    """
    in_sync = {_IN_SYNC: str(min(_MAX_IN_SYNC, replication))}
    wanted = {}
    for topic in catalog.topics.values():
        settings = {_RETENTION: str(topic.retention_days * _DAY_MS), **in_sync}
        wanted[topic.name] = TopicSpec(topic.name, topic.partitions, replication, settings)
    dead_letters = catalog.dead_letters
    settings = {
        _RETENTION: str(dead_letters.retention_days * _DAY_MS),
        _SIZE: str(DEAD_LETTER_MAX_BYTES),
        **in_sync,
    }
    longer = settings | {_RETENTION: str((dead_letters.retention_days + _SEGMENT_DAYS) * _DAY_MS)}
    for group in catalog.groups:
        for name in catalog.dead_letter_topics(group):
            wanted[name] = TopicSpec(name, dead_letters.partitions, replication, settings)
        for name in catalog.retry_topics(group):
            wanted[name] = TopicSpec(name, dead_letters.partitions, replication, longer)
    return wanted | {spec.name: spec for spec in audit_topics(catalog, replication)}


def audit_topics(catalog: Catalog, replication: int) -> list[TopicSpec]:
    """Return the topics that tell what was replayed, one of each group: nothing leaves them."""
    settings = {
        _RETENTION: _FOR_EVER,
        "cleanup.policy": "delete",
        _IN_SYNC: str(min(_MAX_IN_SYNC, replication)),
    }
    names = map(catalog.audit_topic, catalog.groups)
    return [TopicSpec(name, 1, replication, settings) for name in names]


def diff(cluster: Cluster, catalog: Catalog, replication: int | None = None) -> TopicPlan:
    """Compare a cluster with a catalogue; changes nothing.

    Args:
        cluster: Where.
        catalog: What it should have.
        replication: Replicas of new topics; 3, or as many as there are brokers, when None.

    Raises:
        ConfigError: ``replication`` is more than there are brokers.
        TransportError: the cluster did not answer, or does not permit it.
    """
    return compare(cluster.admin(), catalog, replication)


def compare(admin: KafkaAdmin, catalog: Catalog, replication: int | None = None) -> TopicPlan:
    """Like ``diff``, with a cluster that is connected already."""
    brokers = admin.brokers()
    if replication is not None and not 1 <= replication <= brokers:
        raise ConfigError(
            f"replication factor {replication}: the cluster has {counted(brokers, 'broker')}"
        )
    wanted = wanted_topics(catalog, replication or min(_MAX_REPLICATION, brokers))
    layouts = admin.layouts()
    settings = admin.settings([name for name in wanted if name in layouts])
    growths, changes, kept = [], [], []
    for name in settings:
        spec, layout = wanted[name], layouts[name]
        if layout.partitions < spec.partitions:
            growths.append(Growth(name, layout.partitions, spec.partitions))
        changes += [it for it in _changes(spec, settings[name], layout.replication) if _raises(it)]
        kept += [Kept(name, reason) for reason in _kept(spec, layout, settings[name])]
    creations = tuple(spec for name, spec in wanted.items() if name not in layouts)
    return TopicPlan(creations, tuple(growths), tuple(changes), tuple(kept))


def _kept(spec: TopicSpec, layout: TopicLayout, settings: dict[str, str]) -> Iterator[str]:
    name = spec.name
    if layout.partitions > spec.partitions:
        yield (
            f"{name} has {counted(layout.partitions, 'partition')}, the catalogue says "
            f"{spec.partitions}: partitions cannot be taken away"
        )
    if layout.replication < spec.replication:
        yield (
            f"{name} has {layout.replication} of {counted(spec.replication, 'replica')}: move "
            "it with kafka-reassign-partitions"
        )
    for change in _changes(spec, settings, layout.replication):
        if change.setting == _RETENTION and not _raises(change):
            yield (
                f"{name} has {_RETENTION}={change.value}, the catalogue says {change.wanted}: "
                "shortening it would delete events"
            )


def apply(cluster: Cluster, plan: TopicPlan, *, grow: bool = False) -> None:
    """Carry out a plan, and wait until the brokers know of it.

    Safe to repeat, and when somebody else does the same.

    Args:
        cluster: Where.
        plan: What to do.
        grow: Add partitions as well. Keys then move to other partitions, so that events of
            one key published before and after are in no order.

    Raises:
        TransportError: the cluster refused; what was done before stays done.
    """
    _carry_out(cluster.admin(), plan, grow=grow)


# Control plane: a cluster that elects a controller answers a moment later.
@retry(
    retry=retry_if_exception_type(TransportError),
    stop=stop_after_attempt(3),
    wait=wait_exponential(multiplier=0.5, max=2),
    reraise=True,
)
def _carry_out(admin: KafkaAdmin, plan: TopicPlan, *, grow: bool) -> None:
    admin.create(plan.creations)
    if grow:
        layouts = admin.layouts()
        for growth in plan.growths:
            layout = layouts.get(growth.topic)
            if layout is None:
                raise TopicMissingError(f"topic {growth.topic} was deleted meanwhile")
            if layout.partitions < growth.wanted:
                admin.grow(growth.topic, growth.wanted)
    by_topic: dict[str, dict[str, str]] = {}
    for change in plan.changes:
        by_topic.setdefault(change.topic, {})[change.setting] = change.wanted
    for topic, settings in by_topic.items():
        admin.set(topic, settings)
    partitions = {spec.name: spec.partitions for spec in plan.creations}
    if grow:
        partitions |= {growth.topic: growth.wanted for growth in plan.growths}
    _wait_until_known(admin, partitions, plan.changes)


def _wait_until_known(
    admin: KafkaAdmin, partitions: Mapping[str, int], changes: Sequence[SettingChange]
) -> None:
    """Wait until the brokers know what the controller has decided, and partitions have leaders."""
    deadline = time.monotonic() + _KNOWN_S
    while True:
        layouts = admin.layouts()
        missing = [
            name
            for name, count in partitions.items()
            if name not in layouts or layouts[name].partitions < count
        ]
        settings = admin.settings({change.topic for change in changes})
        missing += [
            f"{change.topic} {change.setting}={change.wanted}"
            for change in changes
            if _raises(replace(change, value=settings[change.topic].get(change.setting, "")))
        ]
        try:
            if not missing:
                admin.ends([(name, n) for name, count in partitions.items() for n in range(count)])
                return
        except TransportError as error:
            missing.append(str(error))
        if time.monotonic() > deadline:
            raise TransportTimeoutError(f"still not there on every broker: {', '.join(missing)}")
        time.sleep(_LOOK_S)


def _changes(
    spec: TopicSpec, settings: dict[str, str], replication: int
) -> Iterator[SettingChange]:
    for name, wanted in spec.settings.items():
        if name == _IN_SYNC:
            # More replicas in sync than there are would refuse every write.
            wanted = str(min(int(wanted), replication))  # noqa: PLW2901
        value = settings.get(name, "")
        if value != wanted:
            yield SettingChange(spec.name, name, value, wanted)


def _raises(change: SettingChange) -> bool:
    if change.setting == _RETENTION and _FOR_EVER in (change.value, change.wanted):
        return change.value != _FOR_EVER
    try:
        return int(change.value) < int(change.wanted)
    except ValueError:
        return True
