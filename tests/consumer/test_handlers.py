"""What may be registered, and how it is called."""

from __future__ import annotations

import functools

import pytest

from pat_events import Handlers, RetryPolicy
from pat_events.errors import ConfigError
from pat_events.events import EmailDeleted, EmailProcessed, EmailReceived


def accepts(event, ctx):
    """Takes an event."""


async def accepts_async(event, ctx):
    """Takes an event."""


class WithHandle:
    def handle(self, event, ctx):
        """Takes an event."""

    def takes_many(self, pairs):
        """Takes many."""


class WithAsyncHandle:
    async def handle(self, event, ctx):
        """Takes an event."""


class Callable:
    def __call__(self, event, ctx):
        """Takes an event."""


class AsyncCallable:
    async def __call__(self, event, ctx):
        """Takes an event."""


def only(handlers):
    ((_, registration),) = handlers
    return registration


@pytest.mark.parametrize(
    ("handler", "is_async", "name"),
    [
        (accepts, False, "accepts"),
        (accepts_async, True, "accepts_async"),
        (WithHandle(), False, "WithHandle"),
        (WithAsyncHandle(), True, "WithAsyncHandle"),
        (Callable(), False, "Callable"),
        (AsyncCallable(), True, "AsyncCallable"),
        (WithHandle().handle, False, "WithHandle.handle"),
        (functools.partial(accepts_async), True, "partial"),
        (lambda event, ctx, extra=None: None, False, "<lambda>"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_functions_and_objects_are_handlers(handler, is_async, name):
    handlers = Handlers()
    handlers.add(EmailReceived, handler)
    assert only(handlers).is_async is is_async
    assert only(handlers).name.endswith(name)


def test_one_function_may_handle_several_types_under_one_policy():
    handlers = Handlers()
    policy = RetryPolicy(attempts=2)
    handlers.on(EmailReceived, EmailProcessed, retry=policy, timeout_s=3)(accepts)
    assert {cls for cls, _ in handlers} == {EmailReceived, EmailProcessed}
    assert {(r.retry, r.timeout_s) for _, r in handlers} == {(policy, 3)}


def test_the_decorators_hand_the_function_back():
    handlers = Handlers()
    assert handlers.on(EmailReceived)(accepts) is accepts

    def batch(pairs):
        """Takes many."""

    assert handlers.batch(EmailDeleted)(batch) is batch


def test_a_second_handler_of_a_type_is_refused_and_the_first_stays():
    handlers = Handlers()
    handlers.add(EmailReceived, accepts)
    with pytest.raises(ConfigError, match=r"EmailReceived is handled by .*accepts already"):
        handlers.add(EmailReceived, accepts_async)
    assert only(handlers).call is accepts


def test_what_is_included_keeps_its_policy_and_more_may_be_registered():
    policy = RetryPolicy(attempts=2)
    part, handlers = Handlers(), Handlers()
    part.on(EmailReceived, retry=policy, timeout_s=3)(accepts)
    part.batch(EmailProcessed, max_events=7)(WithHandle().takes_many)
    handlers.include(part)
    handlers.add(EmailDeleted, accepts_async)
    by_class = dict(handlers)
    assert list(by_class) == [EmailReceived, EmailProcessed, EmailDeleted]
    assert by_class[EmailReceived] == dict(part)[EmailReceived]
    assert (by_class[EmailReceived].retry, by_class[EmailReceived].timeout_s) == (policy, 3)
    assert by_class[EmailProcessed].batch_size == 7


def test_including_a_second_handler_of_a_type_names_both_and_takes_nothing():
    part, handlers = Handlers(), Handlers()
    part.add(EmailDeleted, accepts)
    part.add(EmailReceived, accepts_async)
    handlers.add(EmailReceived, accepts)
    with pytest.raises(
        ConfigError, match=r"EmailReceived is handled by .*\.accepts already, so .*accepts_async is"
    ):
        handlers.include(part)
    assert only(handlers).call is accepts
    part.add(EmailProcessed, accepts)  # Nobody uses it.


def test_what_was_included_takes_no_more_which_would_be_skipped():
    part = Handlers()
    part.add(EmailDeleted, accepts)
    Handlers().include(part)
    with pytest.raises(ConfigError, match="before they are included"):
        part.add(EmailReceived, accepts)
    elsewhere = Handlers()
    elsewhere.include(part)
    assert only(elsewhere).call is accepts


def test_nothing_is_included_where_a_group_uses_the_handlers():
    part, handlers = Handlers(), Handlers()
    part.add(EmailDeleted, accepts)
    handlers.freeze()
    with pytest.raises(ConfigError, match=r"cannot register .*accepts: a consumer already"):
        handlers.include(part)
    assert len(handlers) == 0


@pytest.mark.parametrize("other", [None, {EmailReceived: accepts}, Handlers])
def test_what_are_no_handlers_is_not_included(other):
    with pytest.raises(ConfigError, match="give Handlers"):
        Handlers().include(other)


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (lambda event: None, r"cannot be called with \(event, ctx\)"),
        (lambda event, ctx, more: None, r"cannot be called with \(event, ctx\)"),
        (lambda: None, r"cannot be called with \(event, ctx\)"),
        (WithHandle, "is a class: register an object of it"),
        (42, "neither a function nor an object with a handle method"),
        (None, "neither a function nor an object with a handle method"),
    ],
)
def test_what_cannot_take_an_event_and_a_context_is_refused(handler, said):
    with pytest.raises(ConfigError, match=said):
        Handlers().add(EmailReceived, handler)


def test_a_batch_handler_takes_one_list():
    with pytest.raises(ConfigError, match=r"a list of \(event, ctx\) pairs"):
        Handlers().batch(EmailReceived)(accepts)


@pytest.mark.parametrize("max_events", [0, -1])
def test_a_batch_of_nothing_is_refused(max_events):
    with pytest.raises(ConfigError, match="use 1 or more"):
        Handlers().batch(EmailReceived, max_events=max_events)


@pytest.mark.parametrize("event_class", [dict, "EmailReceived", EmailReceived()])
def test_what_is_no_event_class_is_refused(event_class):
    if isinstance(event_class, EmailReceived):
        event_class = event_class.email_id
    with pytest.raises(ConfigError, match="is not an event class"):
        Handlers().add(event_class, accepts)


@pytest.mark.parametrize("decorator", ["on", "batch"])
def test_a_decorator_without_an_event_class_is_refused_where_it_stands(decorator):
    with pytest.raises(ConfigError, match=r"accepts.* is not an event class.*\(EmailReceived\)"):
        getattr(Handlers(), decorator)(accepts)


def test_a_handler_of_several_types_is_registered_for_all_of_them_or_none():
    handlers = Handlers()
    handlers.add(EmailDeleted, accepts)
    with pytest.raises(ConfigError, match="EmailDeleted is handled by"):
        handlers.on(EmailReceived, EmailDeleted)(accepts_async)
    assert [event_class for event_class, _ in handlers] == [EmailDeleted]


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan")])
def test_a_deadline_that_is_over_at_once_is_refused(timeout_s):
    with pytest.raises(ConfigError, match="must be more than 0"):
        Handlers().add(EmailReceived, accepts, timeout_s=timeout_s)


def generator(event, ctx):
    yield event


async def async_generator(event, ctx):
    yield event


class GeneratorObject:
    def __call__(self, event, ctx):
        yield event


@pytest.mark.parametrize("handler", [generator, async_generator, GeneratorObject()])
def test_a_generator_is_refused_because_calling_it_runs_nothing(handler):
    with pytest.raises(ConfigError, match="yield"):
        Handlers().add(EmailReceived, handler)


def test_a_callable_without_a_signature_is_taken_as_it_is():
    handlers = Handlers()
    handlers.add(EmailReceived, {}.update)  # the interpreter knows no signature of it
    assert only(handlers).is_async is False
