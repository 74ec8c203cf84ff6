"""Which handler takes which event: declared once, bound to no transport."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, overload

from pat_events.consumer.breaker import Breaker
from pat_events.consumer.callables import (
    as_coroutine_function,
    check_parameters,
    is_coroutine_function,
    refuse_what_runs_nothing,
)
from pat_events.core.checks import require_at_least_1, require_number, wrong_type
from pat_events.core.recovery.retry import RetryPolicy
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from google.protobuf.message import Message

    from pat_events.consumer.context import Context
    from pat_events.consumer.signatures import (
        EventT,
        HandlerObject,
        OtherT,
        Registers,
        RegistersBatch,
        Returned,
    )

DEFAULT_RETRY: Final = RetryPolicy()
DEFAULT_TIMEOUT_S: Final = 60.0
DEFAULT_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Registration:
    """One handler and its policy.

    Attributes:
        name: Name in logs and dead letters.
        call: The function.
        is_async: Whether it is a coroutine function.
        batch_size: Most events per call of a batch handler; 0 for one at a time.
        retry: When it is tried again.
        timeout_s: Its deadline per call, in seconds.
        breaker: What it depends on.
    """

    name: str
    call: Callable[..., Any]
    is_async: bool
    batch_size: int
    retry: RetryPolicy
    timeout_s: float
    breaker: Breaker | None


@dataclass(slots=True)
class Handlers:
    """The handlers of a service, by event type.

    ::

        handlers = Handlers()

        @handlers.on(EmailReceived)
        def process(event: EmailReceived, ctx: Context) -> None: ...

    A handler returns when the event is handled, and raises when it is not. It
    may be called more than once for one event: after a retry, a crash or a rebalance. What it
    returns is ignored, except for work that is not done (a coroutine, a future, a generator):
    that holds the event with ``UnfinishedWorkError``. An ``Ack`` is waited for.
    """

    _by_class: dict[type[Message], Registration] = field(default_factory=dict)
    # By whom, and until when more could be registered.
    _used: tuple[str, str] | None = None

    @overload
    def on(
        self,
        event_class: type[EventT],
        /,
        *,
        retry: RetryPolicy = ...,
        timeout_s: float = ...,
        breaker: Breaker | None = ...,
    ) -> Registers[EventT]: ...

    @overload
    def on(
        self,
        event_class: type[EventT],
        other_class: type[OtherT],
        /,
        *,
        retry: RetryPolicy = ...,
        timeout_s: float = ...,
        breaker: Breaker | None = ...,
    ) -> Registers[EventT | OtherT]: ...

    @overload
    def on(
        self,
        event_class: type[Message],
        /,
        *event_classes: type[Message],
        retry: RetryPolicy = ...,
        timeout_s: float = ...,
        breaker: Breaker | None = ...,
    ) -> Registers[Any]: ...

    def on(
        self,
        event_class: type[Message],
        /,
        *event_classes: type[Message],
        retry: RetryPolicy = DEFAULT_RETRY,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        breaker: Breaker | None = None,
    ) -> Registers[Any]:
        """Decorate the function that handles these event types.

        Args:
            event_class: The generated class of the event.
            event_classes: Further classes the same function handles.
            retry: When a failed event is tried again.
            timeout_s: Deadline of one call, in seconds. A coroutine is
                cancelled then; a thread cannot be, so its result is ignored.
            breaker: What it depends on: while that is out of order it is not called.

        Raises:
            ConfigError: one of the types has a handler already, or this is not one; it then
                handles none of them.
        """
        classes = (event_class, *event_classes)
        # Not only when a handler comes: of '@handlers.on' without a class none would.
        _require_event_classes(classes)

        def register(handler: Any) -> Any:  # noqa: ANN401 - what a user passes is checked below
            self._add(classes, handler, 0, retry, timeout_s, breaker)
            return handler

        return register

    def add(
        self,
        event_class: type[EventT],
        handler: Callable[[EventT, Context], Returned] | HandlerObject[EventT],
        *,
        retry: RetryPolicy = DEFAULT_RETRY,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        breaker: Breaker | None = None,
    ) -> None:
        """Register a function, or an object with a ``handle`` method; see ``on``.

        An object that can be called itself is called, whatever methods it has.
        """
        _require_event_classes([event_class])
        self._add([event_class], handler, 0, retry, timeout_s, breaker)

    def batch(
        self,
        event_class: type[EventT],
        *,
        max_events: int = DEFAULT_BATCH,
        retry: RetryPolicy = DEFAULT_RETRY,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        breaker: Breaker | None = None,
    ) -> RegistersBatch[EventT]:
        """Decorate a function that takes many events of one partition at a time.

        They are what of its partition waits to be handled, in the order the group keeps: with
        ``order="key"`` events of many keys, those of each key in their order. After the call a key
        waits only for its own events that failed.

        Raise to fail the whole batch; its events are then tried again one by
        one, so that a bad one does not take the others with it. Call ``ctx.fail(error)`` to fail
        single events and accept the rest.

        Args:
            event_class: The generated class of the events.
            max_events: Most events of one call. A call takes what is there and waits for no more.
            retry: When a failed event is tried again; a batch that failed counts as an attempt of
                each of its events.
            timeout_s: Deadline of one call, in seconds, however many events it has.
            breaker: As of ``on``.

        Raises:
            ConfigError: as ``on``, or ``max_events`` is below 1.
        """
        _require_event_classes([event_class])
        require_at_least_1("max_events", max_events)

        def register(handler: Any) -> Any:  # noqa: ANN401 - what a user passes is checked below
            self._add([event_class], handler, max_events, retry, timeout_s, breaker)
            return handler

        return register

    def include(self, other: Handlers) -> None:
        """Take over the handlers of another ``Handlers``, each with its policy.

        So a service is built of modules that each declare their own. The other may be included
        elsewhere as well, and takes no further handlers.

        Raises:
            ConfigError: a type has a handler here already, and none is taken over.
        """
        if not isinstance(other, Handlers):
            raise wrong_type("include", other, "Handlers")
        for event_class, registration in other:
            self._refuse(event_class, registration.name)
        self._by_class |= other._by_class
        other._used = "others include these handlers already", "they are included"

    def freeze(self) -> None:
        """Refuse further handlers: a consumer was made, and would skip their events."""
        self._used = "a consumer already uses these handlers", "that is made"

    def __iter__(self) -> Iterator[tuple[type[Message], Registration]]:
        return iter(self._by_class.items())

    def __len__(self) -> int:
        return len(self._by_class)

    def _add(
        self,
        event_classes: Sequence[type[Message]],
        handler: Any,  # noqa: ANN401 - what a user passes is checked here
        batch_size: int,
        retry: RetryPolicy,
        timeout_s: float,
        breaker: Breaker | None,
    ) -> None:
        call = handler if callable(handler) else getattr(handler, "handle", None)
        name = _name(handler)
        if not callable(call):
            raise ConfigError(f"{name} is neither a function nor an object with a handle method")
        if inspect.isclass(call):
            raise ConfigError(f"{name} is a class: register an object of it")
        for event_class in event_classes:
            self._refuse(event_class, name)
        if not isinstance(retry, RetryPolicy):
            raise wrong_type(f"retry of {name}", retry, "a RetryPolicy")
        require_number(f"timeout_s of {name}", timeout_s)
        if not timeout_s > 0:
            raise ConfigError(f"timeout_s of {name} is {timeout_s}: it must be more than 0")
        if not isinstance(breaker, Breaker | None):
            raise wrong_type(f"breaker of {name}", breaker, "a Breaker, as in Breaker('payments')")
        is_async = is_coroutine_function(call)
        if not is_async:
            refuse_what_runs_nothing(call, name)
        check_parameters(call, name, 1 if batch_size else 2)
        if is_async:
            call = as_coroutine_function(call)
        registration = Registration(name, call, is_async, batch_size, retry, timeout_s, breaker)
        self._by_class |= dict.fromkeys(event_classes, registration)

    def _refuse(self, event_class: type[Message], name: str) -> None:
        if self._used is not None:
            used, until = self._used
            raise ConfigError(
                f"cannot register {name}: {used} and would skip its events; register it before "
                f"{until}"
            )
        if event_class in self._by_class:
            raise ConfigError(
                f"{event_class.__name__} is handled by {self._by_class[event_class].name} already, "
                f"so {name} is refused: one handler per type and group; use a second group for a "
                "second one"
            )


def _require_event_classes(event_classes: Sequence[object]) -> None:
    for event_class in event_classes:
        if not isinstance(event_class, type) or not hasattr(event_class, "DESCRIPTOR"):
            raise ConfigError(
                f"{event_class!r} is not an event class: import it from the events module, as in "
                "@handlers.on(EmailReceived)"
            )


def _name(handler: object) -> str:
    named = handler if hasattr(handler, "__qualname__") else type(handler)
    return f"{named.__module__}.{named.__qualname__}"
