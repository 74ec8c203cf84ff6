"""The function that AWS Lambda calls."""

from __future__ import annotations

import logging
import os
import random
import time
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pat_events.config import Config
from pat_events.consumer.function.environment import Environment
from pat_events.consumer.function.wiring import make_engine
from pat_events.consumer.setup import DEFAULT_LIMIT, Setup
from pat_events.core.shown import one_line
from pat_events.errors import HandlerTimeoutError
from pat_events.telemetry.observer import Origin
from pat_events.transports.aws.invocations import read_invocation
from pat_events.transports.aws.unwrap import Unwrapping
from pat_events.transports.default import transport_or_default

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pat_events.consumer.dedupe.dedupe import Dedupe
    from pat_events.consumer.function.engine import Engine
    from pat_events.consumer.handlers import Handlers
    from pat_events.core.record import Delivery
    from pat_events.core.recovery.limit import DeadLetterLimit
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.telemetry.spans import Spans
    from pat_events.transports.aws.invocations import Invocation
    from pat_events.transports.payloads import PayloadStore
    from pat_events.transports.sending import SendingTransport

    #: What AWS calls, with its event and its context.
    LambdaHandler: TypeAlias = Callable[[Any, Any], dict[str, Any] | None]

_log = logging.getLogger("pat_events.consumer")

# What is kept of the time for the answer: a tenth, and no more than this, in seconds.
_MARGIN_S: Final = 1.0
# The longest that AWS lets a function run, in seconds.
_LONGEST_S: Final = 900.0
_IDS_SHOWN: Final = 100
# Where Lambda's runtime has the trace of an invocation.
_FUNCTION: Final = "AWS_LAMBDA_FUNCTION_NAME"
_X_RAY: Final = "_X_AMZN_TRACE_ID"


def lambda_handler(
    handlers: Handlers,
    *,
    config: Config | None = None,
    transport: SendingTransport | None = None,
    payloads: PayloadStore | None = None,
    max_threads: int = 8,
    max_tasks: int = 100,
    dead_letter_limit: DeadLetterLimit | None = DEFAULT_LIMIT,
    observers: Iterable[GivenObserver] = (),
    tracing: Spans | None = None,
    dedupe: Dedupe | None = None,
) -> LambdaHandler:
    """Return the function that AWS Lambda calls, to run a service's handlers.

    ::

        handler = lambda_handler(handlers)

    It takes what event source mappings of SQS, MSK and self-managed Kafka hand over, and what SNS
    and EventBridge invoke it with; which of these it is the event tells. Every event is handled at
    least once. A failed one is tried again here, as its handler's policy says, as far as the time
    of the invocation allows; then it is reported to where it came from, which has it again. What
    cannot be decoded, and what no handler here is for, is reported at once.

    - **SQS, MSK and self-managed Kafka** are answered with ``batchItemFailures``: the mapping must
      have ``ReportBatchItemFailures``, or AWS takes what failed for handled. In a FIFO queue
      nothing of a group is handled behind a message that failed, in Kafka nothing of a partition.
      An event of a topic that no handler here is for is skipped.
    - **SNS and EventBridge** invoke it for one event each; if that fails, its error is raised. AWS
      then tries again, and sends it where the function's dead letters go.

    It returns when everything that handlers published is acknowledged, or failed with its event.
    What handlers need only once, workers and the event loop of coroutine handlers, is made by the
    first invocation and serves the later ones.

    Args:
        handlers: What to run.
        config: Settings; from ``PAT_EVENTS_*`` when None.
        transport: Where handlers publish; when None the events of those that try to are left to the
            source.
        payloads: Where payloads are read, and those of what handlers publish go, as ``Config`` says
            under ``claim_check_``; S3, as ``PAT_EVENTS_AWS_*`` say, when None.
        max_threads: Threads for handlers that are plain functions.
        max_tasks: Most coroutine handlers at work at a time.
        dead_letter_limit: When a handler gives up too many events to be bad data; they are held
            then. Without a limit when None.
        observers: Are told what happens, as ``pat_events.telemetry`` lists it.
        tracing: Makes a span of each call of a handler, which is current in there, and of each
            event that one publishes, such as ``pat_events.telemetry.Tracing()``.
        dedupe: Has an event that comes twice, by its id and source, handled once; see ``Dedupe``.

    Raises:
        ConfigError: impossible settings, or handlers that do not fit them.
    """
    if transport is not None:
        transport_or_default(transport, "sender")
    config = Config.given(config)
    name = os.environ.get(_FUNCTION) or "lambda"
    setup = Setup.of(
        handlers,
        config,
        Origin("", name),  # Each event tells by what it came.
        payloads=payloads,
        max_threads=max_threads,
        max_tasks=max_tasks,
        dead_letter_limit=dead_letter_limit,
        observers=observers,
        tracing=tracing,
        dedupe=dedupe,
    )
    handlers.freeze()
    environment = Environment(setup, transport)
    unwrapping = Unwrapping(setup.types.catalog)

    def handler(event: Any, context: Any) -> dict[str, Any] | None:  # noqa: ANN401 - of AWS's
        began = time.monotonic()
        left_s = _left_s(context)
        end = began + left_s
        invocation = read_invocation(event, unwrapping, os.environ.get(_X_RAY))
        if setup.spans is not None:
            setup.spans.origin = Origin(invocation.system)
        workers, inbox = environment.workers()
        engine = make_engine(
            invocation,
            setup.routes,
            workers=workers,
            inbox=inbox,
            observers=setup.all_observers(),
            origin=Origin(invocation.system, name),
            deadline=end - min(_MARGIN_S, left_s / 10),
            clock=time.monotonic,
            wall_clock=time.time,
            random=random.random,
            dead_letter_limits=setup.dead_letter_limits,
        )
        if engine.run():
            environment.replace_workers(end)
        environment.flush(end)
        engine.ended()
        return _answer(invocation, engine)

    return handler


def _left_s(context: Any) -> float:  # noqa: ANN401 - of AWS's, or nothing in a test
    if context is None:
        return _LONGEST_S
    milliseconds: int = context.get_remaining_time_in_millis()
    return milliseconds / 1000


def _answer(invocation: Invocation, engine: Engine) -> dict[str, Any] | None:
    """Return what is to be told of an invocation.

    Raises:
        Exception: of the one event there was, where raising is what tells it.
    """
    unfinished = engine.unfinished
    if unfinished:
        names = [str(each.position) for each in unfinished]
        more = f" and {len(names) - _IDS_SHOWN} more" if len(names) > _IDS_SHOWN else ""
        _log.error(
            "%d events of %s were not handled, and are left to it: %s%s",
            len(names),
            invocation.source,
            one_line(", ".join(names[:_IDS_SHOWN])),
            more,
        )
        if not invocation.reports:
            raise _error_of(unfinished[0], engine)
    return invocation.answer(set(unfinished))


def _error_of(delivery: Delivery, engine: Engine) -> Exception:
    error = engine.error_of(delivery)
    if isinstance(error, Exception):
        return error
    wrapped = HandlerTimeoutError(
        f"{delivery.position} was not handled in the time of the invocation"
        if error is None
        else f"the handler of {delivery.position} was ended by {type(error).__name__}"
    )
    wrapped.__cause__ = error
    return wrapped
