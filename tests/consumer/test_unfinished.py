"""What a handler returns and is not done never counts as handled, and never as a dead letter."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import sys
from concurrent.futures import Future
from unittest.mock import AsyncMock, MagicMock, Mock, create_autospec

import pytest

from pat_events import Handlers, RetryPolicy
from pat_events.errors import ConfigError, TransportError
from pat_events.events import EmailProcessed, EmailReceived

ONCE = RetryPolicy(attempts=1)


def passes_on(function):
    """A decorator that knows nothing of coroutines and generators."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def hides(function):
    """The same, without a trace of what it is around."""

    def call(*args):
        return function(*args)

    return call


async def coroutine(*args):
    """Takes one event or many."""


def generator(*args):
    yield


async def async_generator(*args):
    yield


@contextlib.contextmanager
def context_manager(*args):
    yield


@contextlib.asynccontextmanager
async def async_context_manager(*args):
    yield


class AsyncCallable:
    async def __call__(self, *args):
        """Takes one event or many."""


class DecoratedGeneratorCall:
    @passes_on
    def __call__(self, *args):
        yield


class AroundGenerator:
    """A decorator that is a class."""

    def __init__(self, function):
        functools.update_wrapper(self, function)

    def __call__(self, *args):
        return self.__wrapped__(*args)


class DecoratedHandle:
    @passes_on
    async def handle(self, event, ctx):
        """Takes an event."""


def only(handlers):
    ((_, registration),) = handlers
    return registration


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (passes_on(generator), "around one that contains 'yield'"),
        (passes_on(passes_on(generator)), "around one that contains 'yield'"),
        (passes_on(async_generator), "around one that contains 'yield'"),
        (context_manager, "around one that contains 'yield'"),
        (async_context_manager, "around one that contains 'yield'"),
        (functools.partial(passes_on(generator)), "around one that contains 'yield'"),
        (functools.partial(generator), "contains 'yield'"),
        (passes_on(functools.partial(generator)), "around one that contains 'yield'"),
        (AroundGenerator(generator), "around one that contains 'yield'"),
        (DecoratedGeneratorCall(), "around one that contains 'yield'"),
        (functools.partial(DecoratedGeneratorCall()), "around one that contains 'yield'"),
        (passes_on(coroutine), "around a coroutine function.* 'async def'"),
        (functools.partial(passes_on(coroutine)), "around a coroutine function"),
        (passes_on(AsyncCallable()), "around a coroutine function"),
        (DecoratedHandle(), "around a coroutine function"),
        (functools.cache(coroutine), "around a coroutine function"),
        (AsyncCallable, "is a class: register an object of it"),
    ],
)
@pytest.mark.parametrize("many", [False, True])
def test_what_may_leave_its_work_undone_is_refused_where_it_is_registered(handler, said, many):
    handlers = Handlers()
    register = handlers.batch(EmailReceived) if many else handlers.on(EmailReceived)
    with pytest.raises(ConfigError, match=said):
        register(getattr(handler, "handle", handler) if many else handler)


def marked(function):
    """What a framework declares to be a coroutine function, whatever it returns."""
    if sys.version_info >= (3, 12):
        return inspect.markcoroutinefunction(function)
    function._is_coroutine = asyncio.coroutines._is_coroutine
    return function


@pytest.mark.parametrize("result", [None, "done"])
@pytest.mark.parametrize("place", ["first", "behind another"])
def test_what_only_declares_itself_a_coroutine_function_may_be_done_when_it_returns(
    stage, result, place
):
    calls = []
    handlers = Handlers()
    handlers.add(EmailReceived, marked(lambda event, ctx: calls.append(1) or result), retry=ONCE)
    member = stage.member(handlers)
    stage.publish("a", *(["a"] if place != "first" else []))
    member.turn()
    assert only(handlers).is_async
    assert (member.stats.handled, stage.dead) == (len(calls), [])


async def awaits(*args):
    """Takes one event or many."""


@pytest.mark.parametrize(
    ("handler", "is_async"),
    [
        (functools.partial(AsyncCallable()), True),
        (functools.partial(functools.partial(coroutine)), True),
        (functools.update_wrapper(functools.partial(coroutine), coroutine), True),
        (functools.wraps(generator)(awaits), True),  # it may well iterate
        (AsyncMock(), True),
        (create_autospec(coroutine), True),
        (Mock(), False),
        (MagicMock(), False),
        (passes_on(lambda event, ctx: None), False),
        (passes_on(Mock()), False),
    ],
)
def test_partials_decorated_functions_and_mocks_run_as_what_they_are(handler, is_async):
    handlers = Handlers()
    handlers.add(EmailReceived, handler)
    assert only(handlers).is_async is is_async


def test_what_is_callable_is_called_also_where_it_has_a_handle_method():
    handler = Mock()
    handlers = Handlers()
    handlers.add(EmailReceived, handler)
    only(handlers).call("event", "ctx")
    handler.assert_called_once_with("event", "ctx")
    handler.handle.assert_not_called()


@pytest.mark.parametrize("mock", [Mock, MagicMock, AsyncMock])
def test_a_mock_handles_events(stage, mock):
    handler = mock()
    handlers = Handlers()
    handlers.add(EmailReceived, handler)
    member = stage.member(handlers)
    stage.publish("a")
    member.turn()
    assert (member.stats.handled, handler.call_count) == (1, 1)


def test_the_outermost_function_alone_has_to_take_what_it_is_called_with():
    def with_session(function):
        @functools.wraps(function)
        def wrapper(event, ctx):
            return function(event, ctx, "session")

        return wrapper

    @with_session
    def handle(event, ctx, session):
        """Takes a session, too."""

    def without_context(function):
        @functools.wraps(function)
        def wrapper(event):
            return function(event, None)

        return wrapper

    Handlers().add(EmailReceived, handle)
    for wrong in (
        without_context(lambda event, ctx: None),
        passes_on(lambda event: None),
    ):
        with pytest.raises(ConfigError, match=r"cannot be called with \(event, ctx\)"):
            Handlers().add(EmailReceived, wrong)


def assert_held(stage, handlers, order="key"):
    """Every event is held, and nothing is lost or left open by it."""
    member = stage.member(handlers, order=order)
    stage.publish("a", "b")
    for _ in range(4):
        member.turn(40)
    assert (member.stats.handled, stage.dead, stage.committed) == (0, [], 0)
    assert member.stats.held >= 3
    assert member.stats.retried == 0


def unfinished(*_):
    return Future()


UNFINISHED = [
    hides(coroutine),
    hides(generator),
    hides(async_generator),
    hides(context_manager),
    hides(async_context_manager),
    hides(AsyncMock()),
    unfinished,
    lambda *args: map(print, args),
    lambda *args: (each for each in args),
    hides(passes_on(coroutine)),
    lambda *args: [coroutine(*args), coroutine(*args)],
]


@pytest.mark.parametrize("handler", UNFINISHED)
def test_a_result_that_is_not_done_holds_the_event(stage, caplog, handler):
    handlers = Handlers()
    handlers.add(EmailReceived, handler, retry=ONCE)
    assert_held(stage, handlers)
    assert "UnfinishedWorkError" in caplog.text
    assert only(handlers).name in caplog.text


@pytest.mark.parametrize("handler", UNFINISHED)
def test_a_result_of_a_batch_that_is_not_done_holds_its_events(stage, caplog, handler):
    handlers = Handlers()
    handlers.batch(EmailReceived, retry=ONCE)(handler)
    assert_held(stage, handlers, order="partition")
    assert "UnfinishedWorkError" in caplog.text


@pytest.mark.parametrize("handler", UNFINISHED)
@pytest.mark.parametrize("many", [False, True])
def test_a_result_of_a_coroutine_that_is_not_done_holds_its_events(stage, caplog, handler, many):
    async def handle(*args):
        return handler(*args)

    handlers = Handlers()
    if many:
        handlers.batch(EmailReceived, retry=ONCE)(handle)
    else:
        handlers.add(EmailReceived, handle, retry=ONCE)
    assert_held(stage, handlers, order="partition")
    assert "UnfinishedWorkError" in caplog.text


def test_a_task_that_is_left_behind_holds_the_event(live, wait_until, caplog):
    async def handle(event, ctx):
        return asyncio.ensure_future(coroutine())

    handlers = Handlers()
    handlers.add(EmailReceived, handle, retry=ONCE)
    live.publish("a")
    group = live.group(handlers)
    wait_until(lambda: group.stats().held)
    assert (group.stats().handled, live.dead) == (0, [])
    assert "await" in caplog.text


@pytest.mark.parametrize("result", [0, "done", [], {"a": 1}, Mock(), open])
def test_any_other_result_is_ignored(stage, result):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: result)
    member = stage.member(handlers)
    stage.publish("a")
    member.turn()
    assert member.stats.handled == 1


def adapted(call, context_of):
    """A handler, of the kind that ``call`` is, that hands it the context alone."""
    if not inspect.iscoroutinefunction(call):
        return lambda *args: call(context_of(*args))

    async def handle(*args):
        return await call(context_of(*args))

    return handle


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("beside", [False, True])
def test_the_handle_of_a_publish_that_is_returned_is_waited_for(stage, is_async, many, beside):
    def handle(ctx):
        publish = stage.producer.publish if beside else ctx.publish
        return publish(EmailProcessed(email_id="p"))

    async def handle_async(ctx):
        return handle(ctx)

    call = handle_async if is_async else handle
    handlers = Handlers()
    if many:
        handlers.batch(EmailReceived, retry=ONCE)(adapted(call, lambda pairs: pairs[0][1]))
    else:
        handlers.on(EmailReceived, retry=ONCE)(adapted(call, lambda event, ctx: ctx))
    member = stage.member(handlers, order="partition")
    stage.publish("a")
    member.step()
    stage.broker.set_down(down=True)
    member.turn()
    assert member.stats.handled == 0
    (ack,) = stage.producer._sender._waiting
    stage.producer._sender._waiting.clear()
    ack.settle(TransportError("lost"), None)
    stage.broker.set_down(down=False)
    member.run_until(lambda: member.stats.handled == 1)
    assert (member.stats.held, stage.dead) == (1, [])


def test_a_batch_is_waited_for_also_where_its_first_event_failed(stage):
    def handle(pairs):
        if len(pairs) == 2:
            pairs[0][1].fail(ValueError("not this one"))
        return stage.producer.publish(EmailProcessed(email_id="p"))

    handlers = Handlers()
    handlers.batch(EmailReceived)(handle)
    member = stage.member(handlers, order="partition")
    stage.publish("a", "b")
    member.step()
    stage.broker.set_down(down=True)
    member.turn()
    assert member.stats.handled == 0
    stage.broker.set_down(down=False)
    member.run_until(lambda: member.stats.handled == 2)
