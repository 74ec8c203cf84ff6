"""What ``doctor`` says of a bus of EventBridge and of a topic of SNS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.core.wording import counted
from pat_events.errors import PatEventsError, TopicMissingError
from pat_events.ops.aws_findings import ON_KEY, Findings, key_checks, not_seen, rights_check
from pat_events.ops.doctor import Check, Outcome
from pat_events.transports.aws.bus_names import short_bus
from pat_events.transports.aws.queue_names import name_of_arn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pat_events.transports.aws.inspection import Inspection


def bus_checks(asked: Inspection, bus: str, sources: Mapping[str, str]) -> Iterator[Check]:
    """Yield what there is to say of a bus, and of the rights to put events of these sources.

    Args:
        asked: Where.
        bus: Name or ARN.
        sources: Detail type by source; empty to judge no rights.
    """
    name = f"bus {short_bus(bus)}"
    try:
        described = asked.bus(bus)
    except PatEventsError as error:
        yield not_seen(name, error, needed=False)
        if not isinstance(error, TopicMissingError) and sources:
            yield _may_put(asked, bus, sources)
        return
    found = Findings(name)
    try:
        rules, more = asked.rules(bus)
    except PatEventsError as error:
        found.unknown(f"its rules are not seen: {error}")
    else:
        if rules:
            found.told(f"{counted(rules, 'rule')}{' and more' if more else ''}")
        else:
            found.wrong("it has no enabled rule: what is published goes nowhere", "make rules")
    yield found.check()
    yield _archive(asked, short_bus(bus), str(described["Arn"]))
    key = described.get("KmsKeyIdentifier")
    yield from key_checks(asked, name, key, ON_KEY if sources else "")
    if sources:
        yield _may_put(asked, bus, sources)


def _archive(asked: Inspection, bus: str, arn: str) -> Check:
    name = f"archive of {bus}"
    try:
        archives = asked.archives(arn)
    except PatEventsError as error:
        return Check(name, Outcome.UNKNOWN, f"not told: {error}")
    found = Findings(name)
    for each in archives:
        days = each.get("RetentionDays")
        kept = f"for {counted(days, 'day')}" if days else "without end"
        if each.get("State", "ENABLED") == "ENABLED":
            found.told(f"{each['ArchiveName']} keeps events {kept}")
        else:
            reason = each.get("StateReason") or "AWS does not say why"
            found.wrong(f"{each['ArchiveName']} is {each['State']}: {reason}", "mend it")
    if not archives:
        found.told("none: what is on the bus cannot be replayed later")
    return found.check()


def _may_put(asked: Inspection, bus: str, sources: Mapping[str, str]) -> Check:
    """Judge the right to put events, which may be one for some sources alone."""
    denied = []

    def lacking() -> list[str]:
        for source, detail_type in sources.items():
            if asked.trials.lacks_to_put(bus, source, detail_type):
                denied.append(source)
        return []

    name = f"bus {short_bus(bus)}"
    check = rights_check(name, lacking, f"put events of {', '.join(sources)}")
    if check.outcome is not Outcome.FINE or not denied:
        return check
    permitted = [source for source in sources if source not in denied]
    return Check(
        check.name,
        Outcome.WRONG,
        f"not permitted: events:PutEvents of {', '.join(denied)}"
        + (f"; permitted of {', '.join(permitted)}" if permitted else ""),
        "grant it, or name what this service publishes with '--publishes'",
    )


def topic_checks(asked: Inspection, topic: str) -> Iterator[Check]:
    """Yield what there is to say of a topic of SNS, and of the right to publish."""
    name = f"topic {name_of_arn(topic)}"
    try:
        attributes = asked.topic(topic)
    except PatEventsError as error:
        yield not_seen(name, error, needed=False)
        if isinstance(error, TopicMissingError):
            return
        attributes = {}
    else:
        found = Findings(name)
        _subscriptions(asked, topic, found)
        yield found.check()
    yield from key_checks(asked, name, attributes.get("KmsMasterKeyId"), ON_KEY)
    yield rights_check(name, lambda: asked.trials.lacks_to_publish(topic), "publish")


def _subscriptions(asked: Inspection, topic: str, found: Findings) -> None:
    try:
        confirmed, pending = asked.subscriptions(topic)
    except PatEventsError as error:
        found.unknown(f"its subscriptions are not seen: {error}")
        return
    if confirmed:
        found.told(counted(confirmed, "subscription"))
    else:
        found.wrong("nobody is subscribed: what is published goes nowhere", "subscribe a queue")
    if pending:
        found.told(f"{pending} to be confirmed", "confirm them, or delete them")
