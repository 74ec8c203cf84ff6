"""What kind of callable a handler is: behind ``partial``, decorators and objects."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Final

from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

# A decorator may claim to be around itself, or around something new each time it is asked.
_MOST_LAYERS: Final = 100


def _declares_coroutine(call: object) -> bool:
    # Before 3.14 some that only behave like one, such as a mock with a coroutine function's
    # signature, say so to asyncio alone; from then on asyncio's question is deprecated. Whoever
    # says so has imported it, and a service of plain functions need not wait for that.
    asyncio = sys.modules.get("asyncio") if sys.version_info < (3, 14) else None
    return inspect.iscoroutinefunction(call) or (
        asyncio is not None and asyncio.iscoroutinefunction(call)
    )


def is_coroutine_function(call: object) -> bool:
    """Tell whether a call, as it declares itself, returns a coroutine to await."""
    while isinstance(call, functools.partial):
        call = call.func
    return _is(_declares_coroutine, call)


def as_coroutine_function(call: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return it, or what awaits its result where it only declares itself a coroutine function.

    A mock does, and so does a plain function that a framework has marked: they may return anything.
    """
    function = call
    while isinstance(function, functools.partial):
        function = function.func
    function = getattr(function, "__func__", function)
    for each in (function, type(function).__call__):
        # Its code, not what it declares.
        if type(each) is types.FunctionType and each.__code__.co_flags & inspect.CO_COROUTINE:
            return call

    async def await_result(*args: object) -> object:
        result = call(*args)
        return await result if isinstance(result, Awaitable) else result

    return await_result


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
