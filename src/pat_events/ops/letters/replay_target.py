"""Where dead letters go when they are replayed: to the group that gave them up, and to no other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pat_events.core.spelling import which_are_there
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pat_events.catalog.model import Catalog
    from pat_events.core.stored_cause import StoredCause
    from pat_events.ops.letters.letter import Letter


@dataclass(frozen=True, slots=True)
class Target:
    """Whose letters are replayed, and where to.

    Attributes:
        group: The group.
        topics: The dead-letter topics.
        retry_topics: By the topic that the group reads, the one beside it for what it meets again.
        sources: By dead-letter topic, the topic that the events in it are of; none for topics of
            others' letters, such as Spring's: there each letter tells.
        whoever: Somebody said that letters in the group's own topics are this group's, though they
            name another one.
    """

    group: str
    topics: Sequence[str]
    retry_topics: Mapping[str, str]
    sources: Mapping[str, str]
    whoever: bool = False

    @property
    def foreign(self) -> bool:
        """Whether the letters are another program's."""
        return not self.sources

    def topic_of(self, letter: Letter) -> str | None:
        """Return the topic that the event of a letter was in first; None where it is not known.

        None as well where the letter is another group's. Of a topic of ours its name tells, and of
        a stranger's each letter.
        """
        cause = letter.cause
        if not self.whoever and is_of_another(cause, self.group):
            return None
        if self.sources:
            return self.sources.get(letter.delivery.topic)
        if cause.origin is None:
            return None
        return cause.origin.topic if cause.origin.topic in self.retry_topics else None


def is_of_another(cause: StoredCause, group: str) -> bool:
    """Tell whether a letter says that another group than this one gave it up."""
    return cause.group not in ("", group)


def target_of(catalog: Catalog, name: str, group: str | None = None) -> Target:
    """Return the target of a replay.

    Args:
        catalog: Knows the groups and what they read.
        name: A group, or a dead-letter topic.
        group: The group, for a topic of others' dead letters; of a group's own topic it says that
            all letters in it are the group's, whatever they tell.

    Raises:
        ConfigError: the catalogue has no such group, or no group with this dead-letter topic.
    """
    topics_by_group = {each: catalog.dead_letter_topics(each) for each in catalog.groups}
    owner = next((each for each, topics in topics_by_group.items() if name in topics), None)
    if group is None and name in topics_by_group:
        return _target(catalog, name, topics_by_group[name])
    if owner is not None and group in (None, owner):
        return _target(catalog, owner, (name,), whoever=group is not None)
    if owner is not None:
        raise ConfigError(f"the letters of {name} are those of group {owner}, and of no other")
    if group is None:
        known = [*topics_by_group, *(it for topics in topics_by_group.values() for it in topics)]
        raise ConfigError(
            f"{name!r} is neither a group of the catalogue nor a dead-letter topic of one (to "
            f"replay others' letters, name the group as well){which_are_there(name, known)}"
        )
    return _target(catalog, group, (name,), foreign=True)


def _target(
    catalog: Catalog,
    group: str,
    topics: Sequence[str],
    *,
    foreign: bool = False,
    whoever: bool = False,
) -> Target:
    entry = catalog.group(group)
    consumed = catalog.topics_of(entry.consumes)
    sources = {
        catalog.dead_letter_topic(topic, group, route): topic
        for topic in consumed
        for route in ("", *entry.dead_letter_routes)
    }
    retry_topics = {topic: catalog.retry_topic(topic, group) for topic in consumed}
    return Target(group, topics, retry_topics, {} if foreign else sources, whoever)
