"""What ``doctor`` says of AWS's side: findings, and those that are of all kinds of things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_events.errors import NotPermittedError, PatEventsError, TopicMissingError
from pat_events.ops.doctor import Check, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pat_events.transports.aws.inspection import Inspection

#: What sending to something under a KMS key needs on the key.
ON_KEY: Final = "kms:GenerateDataKey and kms:Decrypt"
_AWS_OWN_KEY: Final = "alias/aws/"


class Findings:
    """What is found of one thing, until it is a check."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._wrong: list[str] = []
        self._told: list[str] = []
        self._unknown: list[str] = []
        self._advice: list[str] = []

    def wrong(self, finding: str, advice: str) -> None:
        """Note what has to be mended."""
        self._wrong.append(finding)
        self._advice.append(advice)

    def unknown(self, finding: str, advice: str = "") -> None:
        """Note what could not be found out."""
        self._unknown.append(finding)
        self._advice += [advice] if advice else []

    def told(self, finding: str, advice: str = "") -> None:
        """Note what is so."""
        self._told.append(finding)
        self._advice += [advice] if advice else []

    def check(self) -> Check:
        """Return all of it: wrong if anything is."""
        outcome = Outcome.FINE
        if self._unknown:
            outcome = Outcome.UNKNOWN
        if self._wrong:
            outcome = Outcome.WRONG
        found = [*self._wrong, *self._unknown, *self._told]
        return Check(self._name, outcome, "; ".join(found), "; ".join(self._advice))


def not_seen(name: str, error: PatEventsError, *, needed: bool) -> Check:
    """Return what it means that something could not be looked at.

    Args:
        name: Of what.
        error: Why not.
        needed: Whether the service itself has to look.
    """
    if isinstance(error, TopicMissingError):
        return Check(name, Outcome.WRONG, str(error), "run 'terraform apply', or correct the name")
    if isinstance(error, NotPermittedError):
        return Check(name, Outcome.WRONG if needed else Outcome.UNKNOWN, str(error), "grant it")
    advice = "check region, endpoint_url and the network path: a VPC endpoint, or a way out"
    return Check(name, Outcome.WRONG, str(error), advice)


def rights_check(name: str, lacking: Callable[[], list[str]], asked: str) -> Check:
    """Return whether what is asked for is permitted, as far as refused calls tell."""
    try:
        missing = lacking()
    except PatEventsError as error:
        return Check(f"{name}: rights", Outcome.UNKNOWN, f"not told: {error}")
    if missing:
        return Check(
            f"{name}: rights", Outcome.WRONG, f"not permitted: {', '.join(missing)}", "grant these"
        )
    return Check(f"{name}: rights", Outcome.FINE, asked)


def key_checks(asked: Inspection, name: str, key: str | None, rights: str = "") -> Iterator[Check]:
    """Look at the KMS key of something; nothing where AWS keeps it.

    Args:
        asked: Where.
        name: Of what.
        key: Its id, ARN or alias; None or empty where there is none.
        rights: What is needed on it besides; empty where nobody is to have a right.
    """
    if not key:
        return
    name = f"{name}: key"
    try:
        state = asked.key_state(key)
    except PatEventsError as error:
        yield Check(name, Outcome.UNKNOWN, f"not told: {error}")
        return
    found = Findings(name)
    if state == "Enabled":
        found.told(f"{key} is enabled")
    else:
        found.wrong(f"{key} is {state}", "enable it, or take another")
    if key.startswith(_AWS_OWN_KEY):
        found.told("EventBridge and SNS cannot send with it", "take a key of your own for that")
    elif rights:
        found.unknown(f"{rights} on it cannot be tried", f"grant {rights} on it")
    yield found.check()
