"""Which dead letters of a topic are meant."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from pat_events.codecs.structured import is_of_type
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from datetime import datetime

    from pat_events.ops.letters.letter import Letter


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which letters are meant: those that meet all that is given. Nothing given means each.

    Attributes:
        causes: One of these is the letter's reason, its handler, or the class of its error or of
            that error's root cause, with or without the module.
        event_type: Type of the event, such as ``pat.events.v1.EmailReceived``.
        ids: Ids of events.
        keys: Keys of records.
        since: Failed last at this time or later.
        until: Failed last before this time.
        partition: Number of the dead-letter topic's partition.
        offsets: Offsets in ``partition``.
        handler: Name of the handler.

    Raises:
        ConfigError: no letter could meet this, or a time has no time zone.
    """

    causes: frozenset[str] = frozenset()
    event_type: str | None = None
    ids: frozenset[str] = frozenset()
    keys: frozenset[bytes] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    partition: int | None = None
    offsets: range | None = None
    handler: str | None = None

    def __post_init__(self) -> None:
        for moment in (self.since, self.until):
            if moment is not None and moment.tzinfo is None:
                raise ConfigError(
                    f"of which time zone is {moment.isoformat()}? Give an aware datetime"
                )
        if self.since and self.until and self.since >= self.until:
            raise ConfigError(
                f"nothing failed since {self.since.isoformat()} and before "
                f"{self.until.isoformat()}: the second time has to be later than the first"
            )
        if self.offsets is not None and self.partition is None:
            raise ConfigError("an offset is one of a partition: name the partition as well")
        if self.offsets is not None and (not self.offsets or self.offsets.step != 1):
            raise ConfigError("a range of offsets begins with the lower one")

    @property
    def is_everything(self) -> bool:
        """Whether every letter is meant."""
        return self == EVERYTHING

    def require_said(self, *, everything: bool) -> None:
        """Refuse to mean every letter where that was not said.

        Raises:
            ConfigError: it was not.
        """
        if self.is_everything and not everything:
            raise ConfigError("nothing says which letters: choose some, or say that all are meant")

    def matches(self, letter: Letter) -> bool:
        """Tell whether this letter is meant.

        Of a record in structured mode its envelope is read, where its type or id is asked for.
        """
        return (
            self._is_there(letter)
            and self._failed_then(letter.failed_ms)
            and self._failed_so(letter)
            and self._is_of(letter)
        )

    def as_json(self) -> dict[str, Any]:
        """Return what is given, as values JSON can hold."""
        given = {}
        for spec in fields(self):
            value = getattr(self, spec.name)
            if value is not None and value != frozenset():
                given[spec.name] = _as_json(value)
        return given

    def _is_there(self, letter: Letter) -> bool:
        delivery = letter.delivery
        if self.partition is not None and delivery.partition != self.partition:
            return False
        return self.offsets is None or delivery.offset in self.offsets

    def _failed_then(self, failed_ms: int) -> bool:
        at_s = failed_ms / 1000
        if self.since is not None and at_s < self.since.timestamp():
            return False
        return self.until is None or at_s < self.until.timestamp()

    def _failed_so(self, letter: Letter) -> bool:
        cause = letter.cause
        if self.handler is not None and cause.handler != self.handler:
            return False
        if not self.causes:
            return True
        words = {cause.reason, cause.handler}
        for name in (cause.error_class, cause.root_cause_class):
            # Java's nested classes have a dollar.
            words |= {name, name.rpartition(".")[2], name.rpartition("$")[2]}
        return not self.causes.isdisjoint(words)

    def _is_of(self, letter: Letter) -> bool:
        if self.keys and letter.delivery.key not in self.keys:
            return False
        if self.event_type is None and not self.ids:
            return True
        return is_of_type(letter.delivery, self.event_type) and (
            not self.ids or letter.event_id in self.ids
        )


#: Every letter.
EVERYTHING: Final = Selection()


def _as_json(value: Any) -> Any:  # noqa: ANN401 -- of any field
    if isinstance(value, frozenset):
        shown = {it.decode(errors="replace") if isinstance(it, bytes) else it for it in value}
        return sorted(shown)
    if isinstance(value, range):
        return [value[0], value[-1]]
    return value if isinstance(value, int | str) else value.isoformat()
