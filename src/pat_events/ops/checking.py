"""Tell which events a producer would refuse, without sending any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.producer.producer import Producer

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from pat_events.config import Config
    from pat_events.ops.publishing import Extras
    from pat_events.transports.sending import Outgoing, SendingTransport


def checker(
    config: Config, transport: SendingTransport, extras: Extras
) -> Callable[[Message], object]:
    """Return what raises as ``Producer.publish`` would for an event, and asks no broker.

    It fills in the event's metadata as well: published after that, it keeps its id.
    """
    producer = Producer(config, transport=transport, sender=_Nowhere())
    return extras.publisher(producer, config.tenant_id)


class _Nowhere:
    """Takes every record, and sends none."""

    def send(self, outgoing: Outgoing) -> None:
        pass

    def wait_for_room(self, timeout_s: float) -> None:
        pass

    def may_wait(self) -> bool:
        return True

    def expedite(self) -> None:
        pass

    def flush(self, timeout_s: float) -> list[Outgoing]:  # noqa: ARG002 - nothing is on its way
        return []

    def close(self, timeout_s: float) -> list[Outgoing]:  # noqa: ARG002 - as above
        return []
