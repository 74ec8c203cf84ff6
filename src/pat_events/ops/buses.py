"""Where events go, as an operator writes it: ``eventbridge:pat-dev``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_events.core.spelling import did_you_mean
from pat_events.errors import ConfigError
from pat_events.transports.aws.bus_names import check_bus
from pat_events.transports.aws.eventbridge import EventBridge
from pat_events.transports.aws.queue_names import check_queue
from pat_events.transports.aws.sns import Sns, check_topic
from pat_events.transports.aws.sqs import Sqs
from pat_events.transports.kafka import KafkaTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from pat_events.transports.kafka import KafkaConfig
    from pat_events.transports.sending import BridgeTarget

#: What can be written, for messages and help.
BUSES: Final = "eventbridge:BUS, sqs:QUEUE or sns:ARN"
TARGETS: Final = f"kafka, {BUSES}"
#: The kind of a target without a name.
KAFKA: Final = "kafka"
_AWS: Final[dict[str, Callable[[str], BridgeTarget]]] = {
    "eventbridge": EventBridge,
    "sqs": Sqs,
    "sns": Sns,
}
_CHECKS: Final[dict[str, Callable[[str], None]]] = {
    "eventbridge": check_bus,
    "sqs": check_queue,
    "sns": check_topic,
}


def parse_target(text: str) -> tuple[str, str]:
    """Return kind and name of a target: ``("sqs", "emails")``; of Kafka the name is empty.

    Raises:
        ConfigError: it is none, or no such service has a place of this name; says what to write.
    """
    kind, colon, name = text.partition(":")
    if kind == KAFKA and not colon:
        return kind, name
    if kind in _AWS and name:
        _CHECKS[kind](name)
        return kind, name
    near = "" if kind in _AWS else did_you_mean(kind, [KAFKA, *_AWS])
    raise ConfigError(f"{text!r} is no target: write {TARGETS}{near}")


def transport_to(target: str, kafka: Callable[[], KafkaConfig]) -> BridgeTarget:
    """Return the transport to what somebody wrote; nobody is asked for an answer.

    Buses of AWS are where ``PAT_EVENTS_AWS_*`` says, or the region of the ARN.

    Args:
        target: ``kafka``, ``eventbridge:`` and name or ARN of a bus, ``sqs:`` and name, URL or ARN
            of a queue, or ``sns:`` and ARN of a topic.
        kafka: Settings of the cluster; called for ``kafka`` alone, and may raise that there are
            none.

    Raises:
        ConfigError: it is none of these; says what to write.
    """
    kind, name = parse_target(target)
    return KafkaTransport(kafka()) if kind == KAFKA else _AWS[kind](name)
