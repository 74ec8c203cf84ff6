"""Queues of SQS by name, URL or ARN, and where they move what nobody handles."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ARN: Final = re.compile(r"arn:[a-z-]+:sqs:([a-z0-9-]+):([0-9]{12}):([^:/]+)")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo")


class Redrive(NamedTuple):
    """Where a queue moves what was received too often."""

    queue: str
    max_receives: int


def is_url(queue: str) -> bool:
    """Tell whether this is a URL, and neither a name nor an ARN."""
    return "://" in queue


def is_arn(queue: str) -> bool:
    """Tell whether this is an ARN."""
    return _ARN.fullmatch(queue) is not None


def short_name(queue: str) -> str:
    """Return the name of a queue that is given by name, URL or ARN."""
    return name_of_arn(queue) if is_arn(queue) else queue.rpartition("/")[2]


def name_of_arn(arn: str) -> str:
    """Return the name of the queue or topic that has this ARN; a name is itself."""
    return arn.rpartition(":")[2]


def redrive_of(attributes: Mapping[str, str]) -> Redrive | None:
    """Return where a queue with these attributes moves what was received too often.

    None where it does not, or says it in a way that cannot be read.
    """
    try:
        policy = json.loads(attributes.get("RedrivePolicy") or "{}")
        return Redrive(name_of_arn(policy["deadLetterTargetArn"]), int(policy["maxReceiveCount"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def check_queue(queue: object) -> None:
    """Refuse what is no queue.

    Raises:
        ConfigError: says what to give instead.
    """
    if not isinstance(queue, str) or not _NAME.fullmatch(short_name(queue)):
        raise ConfigError(
            f"{queue!r} is no SQS queue: give its name (letters, digits, '-', '_', at most 80 with "
            "'.fifo'), its URL or its ARN"
        )


def url_of(queue: str, client: Any) -> str:  # noqa: ANN401 - boto3 makes its classes when it runs
    """Return the URL of a queue, asked for where it is a name or an ARN.

    Raises:
        ConfigError: it is an ARN of another region than the one that is asked.
        Exception: what boto3 raises.
    """
    if is_url(queue):
        return queue
    asked = {"QueueName": short_name(queue)}
    if found := _ARN.fullmatch(queue):
        region = client.meta.region_name
        if found[1] != region:
            raise ConfigError(
                f"queue {queue} is not in {region}, which is asked: name a queue of {region}, or "
                f"set region to {found[1]}"
            )
        asked["QueueOwnerAWSAccountId"] = found[2]
    url: str = client.get_queue_url(**asked)["QueueUrl"]
    return url


def ask_queue_id(queue: str, ask: Callable[[Callable[[Any], None]], None]) -> str:
    """Return region, account and name of a queue; see ``Queue.queue_id``.

    Args:
        queue: Its name, URL or ARN.
        ask: Calls what it is given with a client, unless there is no right to ask: then the name
            is all there is.
    """
    found = [short_name(queue)]

    def look(client: Any) -> None:  # noqa: ANN401 - as above
        account_and_name = url_of(queue, client).split("/")[-2:]
        found.append("/".join((client.meta.region_name, *account_and_name)))

    ask(look)
    return found[-1]
