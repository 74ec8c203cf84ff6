"""What kind of callable a handler is: behind ``partial``, decorators and objects."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from collections.abc import AsyncGenerator, Awaitable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import AsyncContextDecorator, ContextDecorator
from typing import TYPE_CHECKING, Any, Final

from pat_events.errors import ConfigError, UnfinishedWorkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# A decorator may claim to be around itself, or around something new each time it is asked.
_MOST_LAYERS: Final = 100

# Before 3.14 some that only behave like one, such as a mock with a coroutine function's
# signature, say so to asyncio alone; from then on asyncio's question is deprecated.
_declares_coroutine = (
    inspect.iscoroutinefunction if sys.version_info >= (3, 14) else asyncio.iscoroutinefunction
)

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


def is_coroutine_function(call: object) -> bool:
    """Tell whether a call, as it declares itself, returns a coroutine to await."""
    while isinstance(call, functools.partial):
        call = call.func
    return _is(_declares_coroutine, call)


def refuse_what_runs_nothing(call: Callable[..., Any], name: str) -> None:
    """Refuse a plain callable that is, or is around, a function whose call alone runs nothing.

    A decorator that knows nothing of coroutines hands one out that nobody awaits; one that does
    runs it to its end. From outside they look the same.

    Raises:
        ConfigError: says what to register instead.
    """
    for layer in _layers(call):
        if _is(inspect.isgeneratorfunction, layer) or _is(inspect.isasyncgenfunction, layer):
            if not _is_around(call, layer):
                raise ConfigError(f"{name} contains 'yield': calling it would run nothing of it")
            raise ConfigError(
                f"{name} is a plain function around one that contains 'yield': whether it runs "
                "that cannot be told; register a 'def' that iterates over it, or enters it"
            )
        if _is(_declares_coroutine, layer):
            raise ConfigError(
                f"{name} is a plain function around a coroutine function: whether it awaits that "
                "cannot be told; register an 'async def' that awaits it, or a 'def' that calls it"
            )


def check_parameters(call: Callable[..., Any], name: str, count: int) -> None:
    """Refuse what cannot be called with so many arguments.

    Raises:
        ConfigError: says with what it is called.
    """
    try:
        signature = inspect.signature(call, follow_wrapped=False)
        if inspect.Parameter.VAR_POSITIONAL in {p.kind for p in signature.parameters.values()}:
            # It takes anything: what it hands that on to is all there is to know.
            signature = inspect.signature(call)
    except ValueError:
        return  # Some compiled functions do not tell theirs.
    try:
        signature.bind(*range(count))
    except TypeError:
        wanted = "a list of (event, ctx) pairs" if count == 1 else "(event, ctx)"
        raise ConfigError(f"{name} cannot be called with {wanted}") from None


def refuse_unfinished(result: object, name: str) -> None:
    """Refuse a handler's result that is work not done.

    Raises:
        UnfinishedWorkError: names the handler and says what to do.
    """
    if not isinstance(result, _UNFINISHED):
        return
    if isinstance(result, Coroutine):
        result.close()  # Or it warns, somewhere else, that nobody awaited it.
    raise UnfinishedWorkError(
        f"{name} returned a {type(result).__qualname__}, which is work not done, so none of its "
        "events can count as handled: let it await, iterate over, enter or wait for that itself, "
        "and be declared with 'async def' if it awaits"
    )


def _layers(call: object) -> Iterator[object]:
    """Yield a callable and everything it says it is around."""
    todo = [call]
    for _ in range(_MOST_LAYERS):
        if not todo:
            return
        layer = todo.pop()
        yield layer
        inner = getattr(layer, "__wrapped__", None)
        own_call = getattr(layer, "__call__", None)  # noqa: B004 - its method, where it is an object
        if isinstance(layer, functools.partial):
            todo.append(layer.func)
        elif callable(inner):
            todo.append(inner)
        elif inspect.ismethod(own_call):
            todo.append(own_call)


def _is_around(call: object, layer: object) -> bool:
    while isinstance(call, functools.partial) and call is not layer:
        call = call.func
    return call is not layer


def _is(kind: Callable[[object], bool], call: object) -> bool:
    # An object is what its method is.
    return kind(call) or kind(getattr(call, "__call__", None))  # noqa: B004
