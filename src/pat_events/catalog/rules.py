"""Rules that the JSON Schema does not have: most compare entries or fields, which it cannot do.

They look at plain data, so that everything wrong is told at once; a part of the wrong type is the
JSON Schema's matter. ``cross_references`` is for every catalogue, ``platform`` for one from which
``terraform/`` is to make a platform.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from pat_events.catalog.lines import KeyPath
from pat_events.catalog.model import Catalog
from pat_events.catalog.topic_names import is_topic_name, retry_topic_name
from pat_events.core.shown import one_line
from pat_events.core.spelling import did_you_mean
from pat_events.errors import ConfigError

# What is wrong, and where.
Fault: TypeAlias = tuple[KeyPath, str]
Rule: TypeAlias = Callable[[object], Iterator[Fault]]

_SHOWN_MAX: Final = 60
# Its bucket has the name, too.
_WORKFLOW: Final = re.compile("[a-z0-9-]+")
_RULE_MAX: Final = 62  # Of EventBridge's 64: a second rule for more targets is called <rule>-2.
_VISIBILITY_PER_TIMEOUT: Final = 6
_DAYS_PROMISED: Final = 7
# Queues that Terraform makes beside those of the catalogue, as terraform/catalog.tf has them.
_NOT_OF_THE_CATALOGUE: Final = {
    "undelivered": "the bus's dead-letter queue",
    "unhandled": "the queue of what functions gave up",
    "unheard": "the queue of what subscribers did not take",
}


def cross_references(data: object) -> Iterator[Fault]:
    """Yield names that lead nowhere, and entries that do not go together."""
    topics, events, queues = (_entries(data, name) for name in ("topics", "events", "queues"))
    for name, event in events.items():
        place: KeyPath = ("events", name)
        yield from _unknown("topic", event.get("topic"), topics, (*place, "topic"))
        wanted = _named_targets(event, "queues")
        yield from _unknown("queue", wanted, queues, (*place, "targets", "queues"))
    for name, rule in _entries(data, "rules").items():
        place = ("rules", name)
        yield from _unknown("event", rule.get("event"), events, (*place, "event"))
        wanted = _named_targets(rule, "queues")
        yield from _unknown("queue", wanted, queues, (*place, "targets", "queues"))
    yield from _same_detail_type(events)
    yield from _shared_retry_topics(_entries(data, "groups"), events, topics)
    yield from _visibility_too_short(queues)
    for name, group in _entries(data, "groups").items():
        place = ("groups", name)
        yield from _unknown("event", group.get("publishes"), events, (*place, "publishes"))
        yield from _unknown("event", group.get("consumes"), events, (*place, "consumes"))
        yield from _bad_letter_topics(name, group.get("consumes"), events, (*place, "consumes"))
        routes = (*place, "dead_letter_routes")
        for at, route in _texts(group.get("dead_letter_routes"), routes):
            if f"{name}.{route}" in _entries(data, "groups"):
                yield at, f"its topics would be those of the group {_shown(f'{name}.{route}')}"
            yield from _bad_letter_topics(f"{name}.{route}", group.get("consumes"), events, at)
    for name, schedule in _entries(data, "schedules").items():
        place = ("schedules", name, "queue")
        yield from _unknown("queue", schedule.get("queue"), queues, place)
        for _, target in _texts(schedule.get("queue"), place):
            if queues.get(target, {}).get("fifo") is True:
                yield (
                    place,
                    (
                        f"{_shown(target)} is a FIFO queue, which needs a message group that a "
                        "clock does not have"
                    ),
                )


def platform(data: object) -> Iterator[Fault]:
    """Yield what the platform on AWS refuses: names that collide, events that are gone too soon."""
    for name, topic in _entries(data, "topics").items():
        if _below(topic.get("retention_days"), _DAYS_PROMISED):
            yield (("topics", name, "retention_days"), _too_short("events"))
    letters = data.get("dead_letters") if isinstance(data, dict) else None
    if isinstance(letters, dict) and _below(letters.get("retention_days"), _DAYS_PROMISED):
        yield ("dead_letters", "retention_days"), _too_short("them")
    events, rules = _entries(data, "events"), _entries(data, "rules")
    yield from _bad_rule_names(events, rules)
    for table, entries in (("events", events), ("rules", rules)):
        for name, entry in entries.items():
            path = (table, name, "targets", "workflows")
            for place, workflow in _texts(_named_targets(entry, "workflows"), path):
                if not _WORKFLOW.fullmatch(workflow):
                    yield place, f"{_shown(workflow)} must be lower-case letters, digits and '-'"
    yield from _same_queue_name(_entries(data, "queues"))


def _visibility_too_short(queues: dict[str, dict[str, object]]) -> Iterator[Fault]:
    for name, queue in queues.items():
        timeout, visibility = queue.get("consumer_timeout_s"), queue.get("visibility_timeout_s")
        if type(timeout) is int and _below(visibility, _VISIBILITY_PER_TIMEOUT * timeout):
            yield (
                ("queues", name, "visibility_timeout_s"),
                (
                    f"must be at least {_VISIBILITY_PER_TIMEOUT} times consumer_timeout_s, or the "
                    "message of a slow consumer is given to a second one"
                ),
            )


def _too_short(what: str) -> str:
    return f"keeps {what} less than {_DAYS_PROMISED} days, which the platform promises"


def _below(value: object, least: int) -> bool:
    return type(value) is int and value < least


def _same_detail_type(events: dict[str, dict[str, object]]) -> Iterator[Fault]:
    first: dict[tuple[str, str], str] = {}
    for name, event in events.items():
        source, detail_type = event.get("source"), event.get("detail_type")
        if isinstance(source, str) and isinstance(detail_type, str):
            other = first.setdefault((source, detail_type), name)
            if other != name:
                yield (
                    ("events", name, "detail_type"),
                    (
                        f"{_shown(detail_type)} of source {_shown(source)} is taken by {other}: "
                        "their rules would catch each other's events"
                    ),
                )


def _named_targets(entry: dict[str, object], kind: str) -> object:
    targets = entry.get("targets")
    return targets.get(kind) if isinstance(targets, dict) else None


def _bad_rule_names(
    events: dict[str, dict[str, object]], rules: dict[str, dict[str, object]]
) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for name in events:
        # As Terraform makes them: EmailReceived -> email-received.
        rule = re.sub(r"([a-z0-9])([A-Z])", r"\1-\2", name).lower()
        other = first.setdefault(rule, name)
        if len(rule) > _RULE_MAX:
            reason = f"its rule {_shown(rule)} has more than {_RULE_MAX} characters; shorten it"
            yield ("events", name), reason
        if other != name:
            reason = f"its rule {_shown(rule)} has the name of the rule of {other}; rename one"
            yield ("events", name), reason
    for rule in rules:
        # A second rule of an event, for more than five targets, has a number behind its name.
        for name in dict.fromkeys((rule, re.sub(r"-[0-9]+$", "", rule))):
            if name in first or (name != rule and name in rules):
                owner = first.get(name, name)
                yield ("rules", rule), f"has the name of a rule of {owner}; rename one"


def _same_queue_name(queues: dict[str, dict[str, object]]) -> Iterator[Fault]:
    # FIFO queues end in .fifo, their dead-letter queues as well: they meet no standard one.
    of = {(name, queue.get("fifo") is True): name for name, queue in queues.items()}
    for (name, fifo), queue in of.items():
        letters = f"{name}-dlq"
        if (letters, fifo) in of:
            yield (
                ("queues", queue),
                (
                    f"its dead-letter queue {_shown(letters)} has the name of the queue "
                    f"{_shown(letters)}; rename one"
                ),
            )
        if name in _NOT_OF_THE_CATALOGUE and not fifo:
            yield (
                ("queues", queue),
                f"has the name of {_NOT_OF_THE_CATALOGUE[name]}, {name!r}; rename it",
            )


def _unknown(kind: str, named: object, known: dict[str, Any], path: KeyPath) -> Iterator[Fault]:
    for place, name in _texts(named, path):
        if name not in known:
            yield place, f"there is no {kind} {_shown(name)}{did_you_mean(name, known)}"


def _bad_letter_topics(
    group: str, consumed: object, events: dict[str, Any], path: KeyPath
) -> Iterator[Fault]:
    for place, name in _texts(consumed, path):
        for _, topic in _texts(events.get(name, {}).get("topic"), ()):
            # What is wrong with either alone, the JSON Schema has said.
            if is_topic_name(group) and is_topic_name(topic):
                try:
                    Catalog.retry_topic(topic, group)  # The longest of what is made of both.
                except ConfigError as error:
                    yield place, str(error)


def _shared_retry_topics(
    groups: dict[str, dict[str, object]], events: dict[str, Any], topics: dict[str, Any]
) -> Iterator[Fault]:
    """Yield groups whose retry topics are read by others as well: replays would reach those."""
    of: dict[str, str] = {}
    for name, group in groups.items():
        consumed = (
            events.get(event, {}).get("topic") for _, event in _texts(group.get("consumes"), ())
        )
        for topic in dict.fromkeys(text for each in consumed for _, text in _texts(each, ())):
            retry = retry_topic_name(topic, name)
            other = of.setdefault(retry, name)
            if other != name:
                yield (
                    ("groups", name),
                    (
                        f"its retry topic {_shown(retry)} is that of the group {other} as well; "
                        "rename one"
                    ),
                )
            if retry in topics:
                yield (
                    ("topics", retry),
                    f"has the name of a retry topic of the group {name}; rename it",
                )


def _entries(data: object, name: str) -> dict[str, dict[str, object]]:
    table = data.get(name) if isinstance(data, dict) else None
    if not isinstance(table, dict):
        return {}
    return {key: entry if isinstance(entry, dict) else {} for key, entry in table.items()}


def _texts(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Yield each text of a value that is one or a list of them, with its place."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        yield from (((*path, i), text) for i, text in enumerate(value) if isinstance(text, str))


def _shown(value: object) -> str:
    return one_line(repr(value), _SHOWN_MAX)
