"""What is wrong between this machine, its configuration and the cluster, and what to do."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pat_events.catalog.load import load_catalog
from pat_events.codecs.table import codec_by_name
from pat_events.config import Config
from pat_events.core.wording import counted
from pat_events.errors import ConfigError, PatEventsError, TransportUnavailableError
from pat_events.ops.cluster import Cluster
from pat_events.ops.event_classes import event_types
from pat_events.ops.permissions import lacking, needs
from pat_events.ops.topics import compare, wanted_topics
from pat_events.settings import from_environment
from pat_events.transports.kafka.config import KafkaConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pat_events.catalog.model import Catalog
    from pat_events.ops.permissions import Needs
    from pat_events.transports.kafka.admin import KafkaAdmin, TopicLayout, TopicSpec

_DEFAULT_MAX_BYTES: Final = 1_048_588


class Outcome(enum.Enum):
    """How a check ended. What could not be found out is neither right nor wrong."""

    FINE = "fine"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; ``advice`` says what to do where something is wrong."""

    name: str
    outcome: Outcome
    finding: str
    advice: str = ""


def examine(
    bootstrap_servers: str | None = None,
    catalog_file: Path | None = None,
    group: str | None = None,
    publishes: Sequence[str] = (),
    *,
    asks_kafka: bool = True,
) -> Iterator[Check]:
    """Yield one check after the other, each as soon as it is done.

    Later ones are left out where they would only repeat that an earlier one failed.

    Args:
        bootstrap_servers: The cluster; that of ``PAT_EVENTS_*`` when None.
        catalog_file: The catalogue; that of ``PAT_EVENTS_*``, or the packaged one, when None.
        group: A group of the catalogue: judge what its members need, and no more.
        publishes: Names of events: judge what their publisher needs, and no more.
        asks_kafka: Whether there is to be a cluster.
    """
    config = cluster = None
    try:
        config = Config.from_env(catalog=catalog_file)
        where = ""
        if asks_kafka:
            kafka = KafkaConfig.from_env(bootstrap_servers=bootstrap_servers)
            cluster = Cluster(kafka, config.answer_timeout_s)
            where = f"{kafka.bootstrap_servers}, "
    except ConfigError as error:
        yield Check("configuration", Outcome.WRONG, str(error), "see 'pat-events doctor --help'")
    else:
        yield Check("configuration", Outcome.FINE, f"{where}{config.codec}")
    # Also where another setting is wrong.
    try:
        catalog = load_catalog(catalog_file or from_environment("catalog"))
    except ConfigError as error:
        yield Check("catalogue", Outcome.WRONG, str(error), "correct the file")
        return
    try:
        wanted = needs(catalog, group, publishes) if group or publishes else None
    except PatEventsError as error:
        advice = "name what the catalogue has"
        if group is not None and group not in catalog.groups:
            advice += ", or add the group under 'groups' and run 'pat-events topics apply'"
        yield Check("catalogue", Outcome.WRONG, str(error), advice)
        return
    counts = [
        counted(len(catalog.events), "event"),
        counted(len(catalog.topics), "topic"),
        counted(len(catalog.groups), "group"),
    ]
    yield Check("catalogue", Outcome.FINE, ", ".join(counts))
    yield from _schemas(catalog, writes_avro=config is not None and config.codec == "avro")
    if config is not None and cluster is not None:
        yield from _cluster(cluster, config, catalog, wanted)


def _schemas(catalog: Catalog, *, writes_avro: bool) -> Iterator[Check]:
    try:
        types = event_types(catalog)
    except ConfigError as error:
        yield Check(
            "protobuf",
            Outcome.WRONG,
            str(error),
            f"correct the catalogue, or generate {catalog.python_module} again; it is looked for "
            "in the current directory, and among what is installed",
        )
        return
    classes = counted(len(types.by_full_name), "class", "classes")
    yield Check("protobuf", Outcome.FINE, f"the catalogue and {classes} agree")
    try:
        codec = codec_by_name("avro")
        for binding in types.by_full_name.values():
            codec.decoder(binding.message_class)
    except ConfigError as error:
        # Where another codec writes, neither the extra nor types that Avro can carry are needed.
        yield Check("avro", Outcome.WRONG if writes_avro else Outcome.UNKNOWN, str(error))
    else:
        yield Check("avro", Outcome.FINE, "every event can be carried")


def _cluster(
    cluster: Cluster, config: Config, catalog: Catalog, service: Needs | None
) -> Iterator[Check]:
    try:
        admin = cluster.admin()
        layouts = admin.layouts()
    except ConfigError as error:
        yield Check(
            "client properties",
            Outcome.WRONG,
            str(error),
            "correct PAT_EVENTS_CLIENT_PROPERTIES",
        )
        return
    except PatEventsError as error:
        advice = "check the address, the network path, security.protocol and the credentials"
        if not isinstance(error, TransportUnavailableError):
            advice = "check what this client is permitted"
        yield Check("connection", Outcome.WRONG, str(error), advice)
        return
    yield Check("connection", Outcome.FINE, f"brokers: {admin.brokers()}, topics: {len(layouts)}")
    specs = wanted_topics(catalog, 1)
    names = list(specs if service is None else service.topics)
    yield _topics(admin, specs, names, layouts)
    present = [name for name in names if name in layouts]
    yield _settings(admin, config, catalog, present)
    yield _permissions(admin, service, present)


def _topics(
    admin: KafkaAdmin,
    specs: Mapping[str, TopicSpec],
    names: list[str],
    layouts: Mapping[str, TopicLayout],
) -> Check:
    absent = [name for name in names if name not in layouts]
    unseen = admin.hidden(absent)
    missing = [name for name in absent if name not in unseen]
    fewer = [n for n in names if n in layouts and layouts[n].partitions < specs[n].partitions]
    found = [f"missing: {', '.join(missing)}"] if missing else []
    found += [f"missing, or not permitted: {', '.join(unseen)}"] if unseen else []
    found += [f"fewer partitions than the catalogue says: {', '.join(fewer)}"] if fewer else []
    if not found:
        return Check("topics", Outcome.FINE, f"all {len(names)} exist")
    advice = ["run 'pat-events topics diff', then apply"] if missing or fewer else []
    advice += ["grant Describe (MSK: kafka-cluster:DescribeTopic)"] if unseen else []
    return Check("topics", Outcome.WRONG, "; ".join(found), "; ".join(advice))


def _settings(admin: KafkaAdmin, config: Config, catalog: Catalog, present: list[str]) -> Check:
    if not present:
        return Check("topic settings", Outcome.UNKNOWN, "no topic to ask about")
    try:
        settings = admin.settings(present)
        plan = compare(admin, catalog)
    except PatEventsError as error:
        return Check("topic settings", Outcome.UNKNOWN, f"not told: {error}")
    without_events = set(map(catalog.audit_topic, catalog.groups))
    small = [
        name
        for name, values in settings.items()
        if name not in without_events
        and int(values.get("max.message.bytes") or _DEFAULT_MAX_BYTES) < config.max_event_bytes
    ]
    if small:
        return Check(
            "topic settings",
            Outcome.WRONG,
            f"max.message.bytes is below max_event_bytes ({config.max_event_bytes}) "
            f"on {', '.join(small)}",
            "lower PAT_EVENTS_MAX_EVENT_BYTES or raise the topic's limit",
        )
    if plan.changes:
        named = ", ".join(f"{c.topic} {c.setting}={c.value}" for c in plan.changes)
        return Check(
            "topic settings",
            Outcome.WRONG,
            f"below the catalogue: {named}",
            "run 'pat-events topics diff', then apply",
        )
    return Check("topic settings", Outcome.FINE, "retention, sizes and replicas in sync suffice")


def _permissions(admin: KafkaAdmin, service: Needs | None, present: list[str]) -> Check:
    try:
        if service is None:
            return _permitted(admin, present)
        missing = lacking(admin, service)
    except PatEventsError as error:
        return Check("permissions", Outcome.UNKNOWN, f"not told: {error}")
    if missing is None:
        return Check("permissions", Outcome.UNKNOWN, "the cluster does not say what is permitted")
    if missing:
        return Check(
            "permissions", Outcome.WRONG, f"not permitted: {', '.join(missing)}", "grant these"
        )
    return Check("permissions", Outcome.FINE, "all that this service needs")


def _permitted(admin: KafkaAdmin, present: list[str]) -> Check:
    """Say what is permitted: without a service named nobody knows what is too little."""
    if not present:
        return Check("permissions", Outcome.UNKNOWN, "no topic to ask about")
    permitted = {t: it for t, it in admin.permitted(present).items() if it is not None}
    if not permitted:
        return Check("permissions", Outcome.UNKNOWN, "the cluster does not say what is permitted")
    counts = ", ".join(
        f"{operation.capitalize()} on {sum(operation in it for it in permitted.values())}"
        for operation in ("READ", "WRITE")
    )
    return Check(
        "permissions",
        Outcome.FINE,
        f"of {counted(len(permitted), 'topic')} {counts}",
        "'--group' or '--publishes' judges whether that suffices for a service",
    )
