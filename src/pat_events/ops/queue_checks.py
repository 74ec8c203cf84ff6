"""What ``doctor`` says of a queue of SQS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from pat_events.core.wording import counted
from pat_events.errors import PatEventsError, TopicMissingError
from pat_events.ops.aws_findings import ON_KEY, Findings, key_checks, not_seen, rights_check
from pat_events.transports.aws.queue_names import redrive_of, short_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pat_events.ops.doctor import Check
    from pat_events.transports.aws.inspection import Inspection
    from pat_events.transports.aws.queue_names import Redrive

_DAY_S: Final = 86_400
_LONGEST_S: Final = 14 * _DAY_S


def queue_checks(
    asked: Inspection, queue: str, *, receives: bool = False, sends: bool = False
) -> Iterator[Check]:
    """Yield what there is to say of a queue; of rights only those to do what is asked for."""
    name = f"queue {short_name(queue)}"
    try:
        attributes = asked.queue(queue)
    except PatEventsError as error:
        yield not_seen(name, error, needed=receives)
        return
    url = attributes["QueueUrl"]
    found = Findings(name)
    waiting = counted(int(attributes.get("ApproximateNumberOfMessages", 0)), "message")
    in_flight = attributes.get("ApproximateNumberOfMessagesNotVisible", "0")
    found.told(f"{waiting}, {in_flight} with consumers")
    redrive = redrive_of(attributes)
    if redrive is None:
        _without_redrive(asked, url, found)
    else:
        _redrive(asked, redrive, attributes, found)
    yield found.check()
    rights = ON_KEY if sends else "kms:Decrypt" if receives else ""
    yield from key_checks(asked, name, attributes.get("KmsMasterKeyId"), rights)
    if receives:
        yield rights_check(
            name,
            lambda: asked.trials.lacks_to_receive(url),
            "receive, delete, keep and give back",
        )
    if sends:
        yield rights_check(name, lambda: asked.trials.lacks_to_send(url), "send")


def _without_redrive(asked: Inspection, url: str, found: Findings) -> None:
    try:
        sources = asked.sources_of(url)
    except PatEventsError:
        sources = []
    if sources:
        found.told(f"the dead-letter queue of {', '.join(sources)}")
    else:
        found.unknown(
            "no redrive policy: a consumer needs dead_letters of its own",
            "give the queue a redrive policy, or its QueueConsumer dead_letters",
        )


def _redrive(
    asked: Inspection, redrive: Redrive, attributes: Mapping[str, str], found: Findings
) -> None:
    dead = redrive.queue
    found.told(f"after {counted(redrive.max_receives, 'receive')} to {dead}")
    if redrive.max_receives == 1:
        found.wrong(
            "one receive moves a message away: a consumer that stops or crashes loses it to there",
            "raise maxReceiveCount to 3 or more",
        )
    try:
        letters = asked.queue(dead)
    except TopicMissingError:
        found.wrong(f"there is no {dead}: what is given up comes again", f"create {dead}")
        return
    except PatEventsError as error:
        found.unknown(f"{dead} is not seen: {error}")
        return
    found.told(counted(int(letters.get("ApproximateNumberOfMessages", 0)), "dead letter"))
    kept, letters_kept = (int(it.get("MessageRetentionPeriod", 0)) for it in (attributes, letters))
    is_fifo = dead.endswith(".fifo")
    if letters_kept < kept or (letters_kept == kept < _LONGEST_S and not is_fifo):
        found.wrong(
            f"{dead} keeps messages {letters_kept / _DAY_S:g} days, the queue {kept / _DAY_S:g}: "
            "their age goes on from when they were sent",
            f"let {dead} keep them for 14 days",
        )
    allowed = _allowed(letters, attributes.get("QueueArn", ""))
    if not allowed:
        found.wrong(f"{dead} takes no messages of this queue", "correct its RedriveAllowPolicy")


def _allowed(letters: Mapping[str, str], arn: str) -> bool:
    try:
        policy = json.loads(letters.get("RedriveAllowPolicy") or "{}")
        permission = policy.get("redrivePermission", "allowAll")
        sources = policy.get("sourceQueueArns", [])
    except (ValueError, AttributeError):
        return True
    return permission == "allowAll" or (permission == "byQueue" and arn in sources)
