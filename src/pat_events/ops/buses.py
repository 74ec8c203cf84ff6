"""Where events go, as an operator writes it: ``eventbridge:pat-dev``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_events.core.spelling import did_you_mean
from pat_events.errors import ConfigError
from pat_events.transports.aws.eventbridge import EventBridge
from pat_events.transports.aws.sns import Sns
from pat_events.transports.aws.sqs import Sqs
from pat_events.transports.kafka import KafkaTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from pat_events.transports.kafka import KafkaConfig
    from pat_events.transports.sending import SendingTransport

#: What can be written, for messages and help.
BUSES: Final = "eventbridge:BUS, sqs:QUEUE or sns:ARN"
TARGETS: Final = f"kafka, {BUSES}"
_KAFKA: Final = "kafka"
_AWS: Final[dict[str, Callable[[str], SendingTransport]]] = {
    "eventbridge": EventBridge,
    "sqs": Sqs,
    "sns": Sns,
}


def transport_to(target: str, kafka: Callable[[], KafkaConfig]) -> SendingTransport:
    """Return the transport to what somebody wrote; nobody is asked for an answer.

    Buses of AWS are where ``PAT_EVENTS_AWS_*`` says, or the region of the ARN.

    Args:
        target: ``kafka``, ``eventbridge:`` and name or ARN of a bus, ``sqs:`` and name or URL of a
            queue, or ``sns:`` and ARN of a topic.
        kafka: Settings of the cluster; called for ``kafka`` alone, and may raise that there are
            none.

    Raises:
        ConfigError: it is none of these; says what to write.
    """
    kind, colon, name = target.partition(":")
    if kind == _KAFKA and not colon:
        return KafkaTransport(kafka())
    if kind in _AWS and name:
        return _AWS[kind](name)
    near = "" if kind in _AWS else did_you_mean(kind, [_KAFKA, *_AWS])
    raise ConfigError(f"{target!r} is no target: write {TARGETS}{near}")
