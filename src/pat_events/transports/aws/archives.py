"""Archives of EventBridge, and replays of them: what an operator asks the service for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pat_events.errors import ConfigError, TopicMissingError, TransportError
from pat_events.transports.aws.calls import call, may_be_done
from pat_events.transports.aws.client import Clients
from pat_events.transports.aws.errors import Resource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pat_events.transports.aws.config import AwsConfig

#: States in which a replay sends nothing any more.
OVER: Final = frozenset({"COMPLETED", "CANCELLED", "FAILED"})
_DONE: Final = "COMPLETED"
_MISSING: Final = "ResourceNotFoundException"


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive of a bus.

    Attributes:
        name: Its name.
        arn: Its ARN.
        bus_arn: ARN of the bus whose events it keeps.
        retention_days: How long it keeps them; 0 for ever.
    """

    name: str
    arn: str
    bus_arn: str
    retention_days: int


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay, as far as it has come. Times are UTC.

    Attributes:
        name: Its name; ``ctx.replay`` of the events it brings.
        state: STARTING, RUNNING, CANCELLING, COMPLETED, CANCELLED or FAILED.
        reason: Why it is in this state; empty where AWS does not say.
        archive: Name of the archive.
        rules: Names of the rules that get the events; empty where a list does not tell.
        since: Time of the first events.
        until: Time of the last ones.
        last_event: Time of the event that was replayed last; None before the first.
        started: When it began.
        ended: When it ended; None until then.
    """

    name: str
    state: str
    reason: str
    archive: str
    rules: tuple[str, ...]
    since: datetime
    until: datetime
    last_event: datetime | None
    started: datetime | None
    ended: datetime | None

    @property
    def over(self) -> bool:
        """Whether it sends nothing any more."""
        return self.state in OVER

    @property
    def completed(self) -> bool:
        """Whether all that was asked for has been sent."""
        return self.state == _DONE

    @property
    def progress(self) -> float:
        """How much of its time has been replayed, 0 to 1. Events need not be spread evenly."""
        if self.completed:
            return 1.0
        if self.last_event is None:
            return 0.0
        done, whole = self.last_event - self.since, self.until - self.since
        return min(max(done / whole, 0.0), 1.0) if whole else 0.0


class Archives:
    """The archives and replays of an account, in one region.

    Args:
        config: Where, and how long calls may take.

    Raises:
        ConfigError: the extra ``aws`` is not installed, or no region is named.
    """

    def __init__(self, config: AwsConfig) -> None:
        self._client = Clients("events", config).make()
        self._region: str = self._client.meta.region_name

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def archive(self, name: str) -> Archive:
        """Return an archive.

        Raises:
            TopicMissingError: there is none of this name.
            TransportError: AWS did not answer, or does not permit it.
        """
        place = self._place(f"archive {name}", "events:DescribeArchive", "looking at")
        missing = TopicMissingError(
            f"there is no {place}: name the archive (archive; on the command line --archive), or "
            "correct the name of the bus, the region or the account"
        )
        known = {_MISSING: missing}
        found = call(place, self._client.describe_archive, known, ArchiveName=name)
        return Archive(
            name, found["ArchiveArn"], found["EventSourceArn"], found.get("RetentionDays", 0)
        )

    def require_rule(self, bus: str, rule: str) -> None:
        """Return if a bus has this rule.

        Raises:
            TopicMissingError: it has not.
            NotPermittedError: one may not look.
            TransportError: AWS did not answer.
        """
        place = self._place(f"rule {rule} of bus {bus}", "events:DescribeRule", "looking at")
        call(place, self._client.describe_rule, Name=rule, EventBusName=bus)

    def start(
        self, name: str, archive: Archive, rules: Sequence[str], since: datetime, until: datetime
    ) -> Replay:
        """Start a replay to these rules of the archive's bus.

        Raises:
            ConfigError: there is a replay of this name.
            TransportError: AWS did not answer, or does not permit it; or as many replays as it
                runs at a time are under way.
        """
        place = self._place(f"replay {name}", "events:StartReplay", "starting")
        known = {
            "ResourceAlreadyExistsException": ConfigError(
                f"there is a replay {name} in {self._region} already: watch it, or take another "
                "name"
            ),
            "LimitExceededException": TransportError(
                f"starting {place}: as many replays as AWS runs at a time are under way: wait for "
                "one, or cancel it"
            ),
        }
        destination = {
            "Arn": archive.bus_arn,
            "FilterArns": [_rule_arn(archive.bus_arn, rule) for rule in rules],
        }
        try:
            answer = call(
                place,
                self._client.start_replay,
                known,
                ReplayName=name,
                EventSourceArn=archive.arn,
                EventStartTime=since,
                EventEndTime=until,
                Destination=destination,
            )
        except ConfigError as error:
            if may_be_done(error.__cause__):
                return self.replay(name)
            raise
        return Replay(
            name=name,
            state=answer["State"],
            reason=answer.get("StateReason") or "",
            archive=archive.name,
            rules=tuple(rules),
            since=since.astimezone(UTC),
            until=until.astimezone(UTC),
            last_event=None,
            started=_time(answer, "ReplayStartTime"),
            ended=None,
        )

    def replay(self, name: str) -> Replay:
        """Return how far a replay has come.

        Raises:
            TopicMissingError: there is none of this name; AWS forgets them after 90 days.
            TransportError: AWS did not answer, or does not permit it.
        """
        place = self._place(f"replay {name}", "events:DescribeReplay", "looking at")
        known = {_MISSING: _no_replay(place)}
        return _replay(call(place, self._client.describe_replay, known, ReplayName=name))

    def replays(self, archive: Archive | None = None) -> Iterator[Replay]:
        """Yield the replays of an archive, or all of them, in AWS's order.

        Raises:
            TransportError: AWS did not answer, or does not permit it.
        """
        place = self._place("the replays", "events:ListReplays", "listing")
        fields: dict[str, Any] = {} if archive is None else {"EventSourceArn": archive.arn}
        while True:
            answer = call(place, self._client.list_replays, **fields)
            yield from map(_replay, answer.get("Replays", ()))
            if not (token := answer.get("NextToken")):
                return
            fields["NextToken"] = token

    def cancel(self, name: str) -> str:
        """End a replay; returns its state. What it has sent stays sent.

        Raises:
            ConfigError: it is over.
            TopicMissingError: there is none of this name.
            TransportError: AWS did not answer, or does not permit it.
        """
        place = self._place(f"replay {name}", "events:CancelReplay", "cancelling")
        over = ConfigError(f"replay {name} in {self._region} is over: nothing is left to cancel")
        known = {"IllegalStatusException": over, _MISSING: _no_replay(place)}
        answer = call(place, self._client.cancel_replay, known, ReplayName=name)
        return str(answer["State"])

    def _place(self, what: str, right: str, doing: str) -> Resource:
        return Resource(what, self._region, right, doing)


def _no_replay(place: Resource) -> TopicMissingError:
    return TopicMissingError(
        f"there is no {place}: 'pat-events replay list' shows those of the last 90 days; "
        "or correct the region or the account"
    )


def _replay(found: Mapping[str, Any]) -> Replay:
    destination = found.get("Destination", {})
    return Replay(
        name=found["ReplayName"],
        state=found["State"],
        reason=found.get("StateReason") or "",
        archive=_name(found["EventSourceArn"]),
        rules=tuple(map(_name, destination.get("FilterArns", ()))),
        since=found["EventStartTime"].astimezone(UTC),
        until=found["EventEndTime"].astimezone(UTC),
        last_event=_time(found, "EventLastReplayedTime"),
        started=_time(found, "ReplayStartTime"),
        ended=_time(found, "ReplayEndTime"),
    )


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def _rule_arn(bus_arn: str, rule: str) -> str:
    # Rules of the account's own bus stand without its name.
    scope, _, bus = bus_arn.partition(":event-bus/")
    return f"{scope}:rule/{rule}" if bus == "default" else f"{scope}:rule/{bus}/{rule}"


def _time(found: Mapping[str, Any], name: str) -> datetime | None:
    moment: datetime | None = found.get(name)
    return None if moment is None else moment.astimezone(UTC)
