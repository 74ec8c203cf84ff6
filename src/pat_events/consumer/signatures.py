"""What type checkers hold a handler to; nothing here runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeAlias, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from google.protobuf.message import Message

    from pat_events.consumer.context import Context
    from pat_events.producer.ack import Ack

    # What else a handler returns a type checker refuses: it would be ignored.
    Returned: TypeAlias = Awaitable[Ack | None] | Ack | None

EventT = TypeVar("EventT", bound="Message")
EventT_co = TypeVar("EventT_co", bound="Message", covariant=True)
EventT_contra = TypeVar("EventT_contra", bound="Message", contravariant=True)
OtherT = TypeVar("OtherT", bound="Message")
P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
ReturnedT = TypeVar("ReturnedT", bound="Returned")


class Handler(Protocol[EventT_contra, P, R_co]):
    """A function that takes ``(event, ctx)``, and whatever else is known of its signature.

    Type checkers want both overloads from a function. The first takes down its own signature, for
    the decorator to hand back, the second is how it is called. They stand in this order because
    mypy learns nothing from one behind another that takes less.
    """

    @overload
    def __call__(  # type: ignore[overload-overlap] # nobody calls it through this type
        self, *args: P.args, **kwargs: P.kwargs
    ) -> R_co: ...
    @overload
    def __call__(self, event: EventT_contra, ctx: Context, /) -> Returned: ...


class BatchHandler(Protocol[EventT, P, R_co]):
    """A function that takes ``[(event, ctx), ...]``; see ``Handler``."""

    @overload
    def __call__(  # type: ignore[overload-overlap] # as above
        self, *args: P.args, **kwargs: P.kwargs
    ) -> R_co: ...
    @overload
    def __call__(self, events: list[tuple[EventT, Context]], /) -> Returned: ...


class Registers(Protocol[EventT_co]):
    """A decorator that returns the handler it was given."""

    @overload
    def __call__(  # type: ignore[overload-overlap] # a function is both
        self, handler: Handler[EventT_co, P, R_co], /
    ) -> Callable[P, R_co]: ...
    @overload  # What has no names for its parameters mypy sees only so.
    def __call__(
        self, handler: Callable[[EventT_co, Context], ReturnedT], /
    ) -> Callable[[EventT_co, Context], ReturnedT]: ...


class RegistersBatch(Protocol[EventT]):
    """A decorator that returns the batch handler it was given; see ``Registers``."""

    @overload
    def __call__(  # type: ignore[overload-overlap] # as above
        self, handler: BatchHandler[EventT, P, R_co], /
    ) -> Callable[P, R_co]: ...
    @overload
    def __call__(
        self, handler: Callable[[list[tuple[EventT, Context]]], ReturnedT], /
    ) -> Callable[[list[tuple[EventT, Context]]], ReturnedT]: ...


class HandlerObject(Protocol[EventT_contra]):
    """A handler with state of its own: any object with a ``handle`` method."""

    def handle(self, event: EventT_contra, ctx: Context, /) -> Returned:
        """Handle one event."""
