"""What is wrong between this machine, its configuration and the cluster, and what to do."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pat_events.codecs import EventTypes, codec_by_name, load_catalog
from pat_events.config import Config
from pat_events.errors import ConfigError, PatEventsError, TransportUnavailableError
from pat_events.ops.topics import compare, wanted_topics
from pat_events.transports.kafka.admin import KafkaAdmin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pat_events.core.catalog import Catalog

_NEEDED: Final = ("DESCRIBE", "READ", "WRITE")
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


def examine(overrides: dict[str, object]) -> Iterator[Check]:
    """Yield one check after the other, each as soon as it is done.

    Later ones are left out where they would only repeat that an earlier one failed.

    Args:
        overrides: Settings that win over ``PAT_EVENTS_*``, by field of ``Config``.
    """
    config: Config | None
    try:
        config = Config.from_env(None, **overrides)
    except ConfigError as error:
        config = None
        yield Check("configuration", Outcome.WRONG, str(error), "see 'pat-events doctor --help'")
    else:
        yield Check("configuration", Outcome.FINE, f"{config.bootstrap_servers}, {config.codec}")
    path = config.catalog if config else overrides.get("catalog")
    try:
        catalog = load_catalog(path)  # type: ignore[arg-type]
    except ConfigError as error:
        yield Check("catalogue", Outcome.WRONG, str(error), "correct the file")
        return
    counts = f"{len(catalog.events)} events, {len(catalog.topics)} topics"
    yield Check("catalogue", Outcome.FINE, f"{counts}, {len(catalog.groups)} groups")
    yield from _schemas(catalog, writes_avro=config is not None and config.codec == "avro")
    if config is not None:
        yield from _cluster(config, catalog)


def _schemas(catalog: Catalog, *, writes_avro: bool) -> Iterator[Check]:
    try:
        types = EventTypes(catalog)
    except ConfigError as error:
        yield Check(
            "protobuf",
            Outcome.WRONG,
            str(error),
            f"correct the catalogue, or generate {catalog.python_module} anew",
        )
        return
    yield Check("protobuf", Outcome.FINE, f"{len(types.by_full_name)} classes agree with it")
    try:
        codec = codec_by_name("avro")
        for binding in types.by_full_name.values():
            codec.decoder(binding.message_class)
    except ConfigError as error:
        # Without the extra, or for events that are not the package's own, it need not work.
        yield Check("avro", Outcome.WRONG if writes_avro else Outcome.UNKNOWN, str(error))
    else:
        yield Check("avro", Outcome.FINE, "every event has its twin")


def _cluster(config: Config, catalog: Catalog) -> Iterator[Check]:
    try:
        admin = KafkaAdmin(config)
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
    wanted = wanted_topics(catalog, 1)
    missing = [name for name in wanted if name not in layouts]
    fewer = [n for n, s in wanted.items() if n in layouts and layouts[n].partitions < s.partitions]
    found = [f"missing: {', '.join(missing)}"] if missing else []
    found += [f"fewer partitions than the catalogue says: {', '.join(fewer)}"] if fewer else []
    if found:
        yield Check(
            "topics", Outcome.WRONG, "; ".join(found), "run 'pat-events topics diff', then apply"
        )
    else:
        yield Check("topics", Outcome.FINE, f"all {len(wanted)} exist")
    present = [name for name in wanted if name in layouts]
    yield _settings(admin, config, catalog, present)
    yield _permissions(admin, present)


def _settings(admin: KafkaAdmin, config: Config, catalog: Catalog, present: list[str]) -> Check:
    if not present:
        return Check("topic settings", Outcome.UNKNOWN, "no topic to ask about")
    try:
        settings = admin.settings(present)
        plan = compare(admin, catalog)
    except PatEventsError as error:
        return Check("topic settings", Outcome.UNKNOWN, f"not told: {error}")
    small = [
        name
        for name, values in settings.items()
        if int(values.get("max.message.bytes") or _DEFAULT_MAX_BYTES) < config.max_event_bytes
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


def _permissions(admin: KafkaAdmin, present: list[str]) -> Check:
    if not present:
        return Check("permissions", Outcome.UNKNOWN, "no topic to ask about")
    try:
        permitted = admin.permitted(present)
    except PatEventsError as error:
        return Check("permissions", Outcome.UNKNOWN, f"not told: {error}")
    lacking = {
        topic: [name for name in _NEEDED if name not in operations]
        for topic, operations in permitted.items()
        if operations is not None
    }
    listed = [f"{topic} ({', '.join(names)})" for topic, names in lacking.items() if names]
    if listed:
        return Check(
            "permissions",
            Outcome.WRONG,
            f"not permitted: {'; '.join(listed)}",
            "a service needs READ on what it consumes and WRITE on what it publishes: "
            "grant those it lacks",
        )
    if not lacking:
        return Check("permissions", Outcome.UNKNOWN, "the cluster does not say what is permitted")
    return Check("permissions", Outcome.FINE, f"{', '.join(_NEEDED)} on {len(lacking)} topics")
