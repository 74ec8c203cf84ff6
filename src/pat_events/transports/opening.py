"""The sender that the settings ask for, of any transport."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pat_events.config import Config
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.telemetry.spans import SenderSpans
    from pat_events.transports.payloads import PayloadStore
    from pat_events.transports.sending import Sender, SendingTransport


def open_sender(
    transport: SendingTransport,
    config: Config,
    observers: Iterable[GivenObserver] = (),
    payloads: PayloadStore | None = None,
    spans: SenderSpans | None = None,
) -> Sender:
    """Return a new sender once somebody answers, as ``config.connect_timeout_s`` says.

    The arguments are those of ``make_sender``.

    Raises:
        ConfigError: the settings do not go with those of the transport.
        TransportUnavailableError: nobody answered in time; names the address.
        AuthenticationError: the sign-in was refused.
        TopicMissingError: there is no such queue, topic, bus or bucket, as far as that is known.
    """
    timeout_s = config.connect_timeout_s
    if timeout_s:
        transport.ping(timeout_s)
        if config.claim_check_bucket is not None:
            payloads = payload_store(payloads)
            payloads.ping(config.claim_check_bucket, timeout_s)
    return make_sender(transport, config, observers, payloads, spans)


def make_sender(
    transport: SendingTransport,
    config: Config,
    observers: Iterable[GivenObserver] = (),
    payloads: PayloadStore | None = None,
    spans: SenderSpans | None = None,
) -> Sender:
    """Return a new sender, with a claim check where ``config`` names a bucket.

    Args:
        transport: Where to.
        config: How much is taken, and when it is given up.
        observers: Are told what becomes of records.
        payloads: Where large payloads go; S3, as ``PAT_EVENTS_AWS_*`` say, when None.
        spans: Those that are made of what it sends.

    Raises:
        ConfigError: the settings do not go with those of the transport.
    """
    observers = tuple(observers)
    sender = transport.sender(config, observers, spans)
    if config.claim_check_bucket is None:
        return sender
    # Not before it is wanted: few senders have one.
    from pat_events.transports.aws.claim_check import ClaimCheckSender  # noqa: PLC0415

    try:
        return ClaimCheckSender(sender, payload_store(payloads), config, observers)
    except BaseException:
        sender.close(0)
        raise


def payload_store(payloads: PayloadStore | None) -> PayloadStore:
    """Return the store that was given, or S3.

    Raises:
        ConfigError: ``PAT_EVENTS_AWS_*`` are impossible.
    """
    if payloads is None:
        from pat_events.transports.aws.s3 import S3Payloads  # noqa: PLC0415 - as above

        return S3Payloads()
    return payloads
