"""Replays of a bus's archive: events that were on the bus once, to one of its rules again."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from pat_events.errors import ConfigError, NotPermittedError
from pat_events.transports.aws.archives import Archives
from pat_events.transports.aws.bus_names import check_bus, short_bus
from pat_events.transports.aws.config import AwsConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pat_events.transports.aws.archives import Archive, Replay

# AWS's advice: how long an event may be on its way into an archive.
_ON_ITS_WAY: Final = timedelta(minutes=10)
_NAME: Final = re.compile(r"[\w.-]{1,64}", re.ASCII)
_NAME_MAX: Final = 64


def archive_of(bus: str) -> str:
    """Return the name of a bus's archive, as Terraform calls it."""
    return f"{short_bus(bus)}-archive"


def name_for(bus: str, rule: str, now: datetime) -> str:
    """Return a name for a replay: it begins with the bus's, for rights that depend on it."""
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    room = _NAME_MAX - len(stamp) - 1
    return f"{f'{short_bus(bus)}-{rule}'[:room]}-{stamp}"


def start(
    bus: str,
    rule: str,
    since: datetime,
    until: datetime,
    *,
    archive: str | None = None,
    name: str | None = None,
    aws: AwsConfig | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Replay:
    """Start a replay of a bus's archive to one of its rules.

    Its targets get the events of that time once more, in no order; no other rule does. Handlers
    see ``ctx.replay``.

    Args:
        bus: Name or ARN of the bus.
        rule: Name of the rule.
        since: Time of the first events, with a time zone.
        until: Time of the last ones, likewise.
        archive: Name of the archive; ``<bus>-archive`` when None.
        name: Name of the replay; bus, rule and time when None.
        aws: Where and how; from ``PAT_EVENTS_AWS_*`` when None.
        tell: Is given a sentence for each reason why some of the events may not come.

    Raises:
        ConfigError: there is a replay of this name; or no such bus, rule, name or time is possible.
        TopicMissingError: there is no such archive, or no such rule.
        TransportError: AWS did not answer, or does not permit it; names the right.
    """
    now = datetime.now(UTC)
    name = name or name_for(bus, rule, now)
    _check(bus, rule, name, since, until)
    with closing(Archives(AwsConfig.given(aws, bus))) as archives:
        found = archives.archive(archive or archive_of(bus))
        if short_bus(found.bus_arn) != short_bus(bus):
            raise ConfigError(
                f"archive {found.name} is of bus {short_bus(found.bus_arn)}, not of "
                f"{short_bus(bus)}: a replay goes to the bus that the events came from"
            )
        try:
            archives.require_rule(short_bus(bus), rule)
        except NotPermittedError as error:
            # Who may start a replay need not have the right to look.
            tell(f"whether there is a rule {rule} is not known: {error}")
        for doubt in doubts(found, since, until, now):
            tell(doubt)
        return archives.start(name, found, [rule], since, until)


def doubts(archive: Archive, since: datetime, until: datetime, now: datetime) -> list[str]:
    """Return, as sentences, why some events of that time may not be in an archive."""
    found = []
    if until > now - _ON_ITS_WAY:
        found.append(
            "events of the last 10 minutes may not be in the archive yet: replay them later"
        )
    if archive.retention_days and since < now - timedelta(days=archive.retention_days):
        found.append(f"archive {archive.name} keeps events for {archive.retention_days} days")
    return found


def latest(name: str, *, aws: AwsConfig | None = None) -> Replay:
    """Return how far a replay has come; it goes on whether or not somebody looks.

    Args:
        name: Name of the replay.
        aws: Where and how; from ``PAT_EVENTS_AWS_*`` when None.

    Raises:
        ConfigError: this is no name of a replay.
        TopicMissingError: there is none of this name.
        TransportError: AWS did not answer, or does not permit it; names the right.
    """
    _require_name(name)
    with closing(Archives(AwsConfig.given(aws))) as archives:
        return archives.replay(name)


def replays(
    bus: str | None = None, *, archive: str | None = None, aws: AwsConfig | None = None
) -> Iterator[Replay]:
    """Yield the replays of the last 90 days, which AWS keeps: of a bus's archive, or all.

    Args:
        bus: Name or ARN of the bus.
        archive: Name of the archive; ``<bus>-archive`` when None.
        aws: Where and how; from ``PAT_EVENTS_AWS_*`` when None.

    Raises:
        TopicMissingError: there is no such archive.
        TransportError: AWS did not answer, or does not permit it; names the right.
    """
    if bus is not None:
        check_bus(bus)
        archive = archive or archive_of(bus)
    with closing(Archives(AwsConfig.given(aws, bus or ""))) as archives:
        yield from archives.replays(None if archive is None else archives.archive(archive))


def cancel(name: str, *, aws: AwsConfig | None = None) -> str:
    """End a replay and return its state; what it has sent stays sent.

    Raises:
        ConfigError: it is over.
        TopicMissingError: there is none of this name.
        TransportError: AWS did not answer, or does not permit it; names the right.
    """
    _require_name(name)
    with closing(Archives(AwsConfig.given(aws))) as archives:
        return archives.cancel(name)


def _check(bus: str, rule: str, name: str, since: datetime, until: datetime) -> None:
    check_bus(bus)
    if not _NAME.fullmatch(rule):
        raise ConfigError(f"{rule!r} is no name of a rule: give letters, digits, '.', '-', '_'")
    _require_name(name)
    for moment in (since, until):
        if moment.tzinfo is None:
            raise ConfigError(f"of which time zone is {moment.isoformat()}? Give an aware datetime")
    if not since < until:
        raise ConfigError(
            f"a replay from {since.isoformat()} to {until.isoformat()} has no events: the second "
            "time has to be later than the first"
        )


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no name of a replay: give 1 to {_NAME_MAX} letters, digits, '.', '-', '_'"
        )
