"""What is unacknowledged, once more, to the next client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import KafkaException

from pat_events.transports.kafka.errors import is_fatal

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import KafkaError

    from pat_events.transports.sending import Outgoing, OutgoingHeaders


def send_again(
    outstanding: dict[Outgoing, int],
    after: int,
    last: int,
    produce: Callable[[Outgoing, bytes | None, OutgoingHeaders], None],
    refuse: Callable[[Outgoing, KafkaError], None],
) -> None:
    """Hand outstanding records to a client, in their order; with the sender's lock held.

    Args:
        outstanding: What is neither acknowledged nor given up, with its number.
        after: Number of the last record the client has already.
        last: Number of the last one to hand to it.
        produce: Hands one record to the client.
        refuse: Is told of each that the client does not take, which is no longer outstanding.

    Raises:
        BufferError: the client has no room for all of them.
        KafkaException: the client is dead.
    """
    for outgoing, number in list(outstanding.items()):
        # In this order: what another thread settles meanwhile has let go of its payload.
        value, headers = outgoing.value, outgoing.headers
        if not after < number <= last or outgoing not in outstanding:
            continue
        try:
            produce(outgoing, value, headers)
        except KafkaException as error:
            if is_fatal(error.args[0]):
                raise
            if outstanding.pop(outgoing, None) is not None:
                refuse(outgoing, error.args[0])
