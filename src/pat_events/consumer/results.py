"""What a handler returned: nothing, a publish to wait for, or work that is not done."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import AsyncContextDecorator, ContextDecorator
from typing import TYPE_CHECKING, Final

from pat_events.errors import UnfinishedWorkError
from pat_events.producer.ack import Ack

if TYPE_CHECKING:
    from collections.abc import Callable

# What a call returns that has only begun, or not even that. Functions made by ``contextmanager``
# return a context decorator. Iterators are not among them: a database's cursor is one.
_UNFINISHED: Final = (
    Awaitable,
    Future,
    Generator,
    AsyncGenerator,
    ContextDecorator,
    AsyncContextDecorator,
    map,
    filter,
)


def look_at_result(result: object, note: Callable[[Ack], None], name: str) -> None:
    """Note the publish whose handle a handler returned; refuse a result that is work not done.

    Raises:
        UnfinishedWorkError: names the handler and says what to do.
    """
    unfinished = []
    # A list of them is what a forgotten gather leaves.
    for each in result if isinstance(result, list | tuple | set) else (result,):
        if isinstance(each, Ack):
            note(each)
        elif isinstance(each, _UNFINISHED):
            unfinished.append(each)
    if not unfinished:
        return
    for each in unfinished:
        if isinstance(each, Coroutine):
            each.close()  # Or it warns, somewhere else, that nobody awaited it.
    raise UnfinishedWorkError(
        f"{name} returned a {type(unfinished[0]).__qualname__}, which is work not done, so none of "
        "its events can count as handled: let it await, iterate over, enter or wait for that "
        "itself, and be declared with 'async def' if it awaits"
    )
