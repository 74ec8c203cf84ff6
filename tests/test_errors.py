from __future__ import annotations

import inspect
import math
import pickle
import re

import pytest

from pat_events import Context, errors
from pat_events.core.record import Delivery
from pat_events.errors import (
    CatalogError,
    ConfigError,
    NotDeliveredError,
    NoTransportError,
    PatEventsError,
    TransientError,
)
from pat_events.events import EmailReceived

CLASSES = [
    it
    for _, it in inspect.getmembers(errors, inspect.isclass)
    if issubclass(it, Exception) and it.__module__ == errors.__name__
]


def drawn_tree():
    """Each class of the drawing in the module's docstring, and the class it hangs on."""
    path = ["PatEventsError"]
    tree = {"PatEventsError": "Exception"}
    for line in errors.__doc__.splitlines():
        found = re.match(r"    ([│ ├└─]+)(\w+Error)\b", line)
        if found:
            depth = len(found[1]) // 4
            path[depth:] = [found[2]]
            tree[found[2]] = path[depth - 1]
    return tree


def test_the_drawn_tree_is_the_tree():
    assert drawn_tree() == {it.__name__: it.__mro__[1].__name__ for it in CLASSES}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_is_ours_and_says_what_it_means(kind):
    assert issubclass(kind, PatEventsError)
    assert kind.__doc__


@pytest.mark.parametrize(
    "error",
    [
        CatalogError("shop.yaml", ["3: no topic", "9: no key"]),
        NotDeliveredError("2 failed", ["e-1", "e-2"]),
        TransientError("busy", retry_after_s=2.5),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_leaves_a_worker_process_as_it_is(error):
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_publishing_from_a_context_without_a_producer_is_held_and_told_what_to_give():
    delivery = Delivery("pat-emails", 0, 0, b"e-1", b"", [], 1)
    with pytest.raises(NoTransportError, match=r"EmailReceived .*transport="):
        Context(delivery, None).publish(EmailReceived(email_id="e-1"))


def test_a_catalogue_error_lists_every_problem_with_its_place():
    error = CatalogError("catalog.yaml", ["3: no topic", "9: no key"])
    assert str(error) == "catalog.yaml:3: no topic\ncatalog.yaml:9: no key"
    assert error.problems == ("3: no topic", "9: no key")
    assert isinstance(error, ConfigError)


def test_a_transient_error_may_name_the_shortest_wait():
    assert TransientError("busy", retry_after_s=2.5).retry_after_s == 2.5
    assert TransientError("busy").retry_after_s is None
    assert str(TransientError("busy", retry_after_s=1)) == "busy"


NO_WAITS = ["7", -1, -0.5, math.nan, math.inf, True, 10**400, [1]]


@pytest.mark.parametrize("wish", NO_WAITS, ids=str)
def test_a_shortest_wait_that_is_none_is_refused_wherever_it_is_set(wish):
    told = re.escape(f"retry_after_s is {wish!r}, of type {type(wish).__name__}: give a number of")
    with pytest.raises(ConfigError, match=told):
        TransientError("busy", retry_after_s=wish)
    with pytest.raises(ConfigError, match=told):
        type("BusyError", (TransientError,), {"retry_after_s": wish})
    error = TransientError("busy", retry_after_s=2)
    with pytest.raises(ConfigError, match=told):
        error.retry_after_s = wish
    assert error.retry_after_s == 2


def test_a_subclass_may_set_or_compute_its_shortest_wait():
    class BusyError(TransientError):
        retry_after_s = 0

    class ComputedError(TransientError):
        @property
        def retry_after_s(self):
            return 3

        @retry_after_s.setter
        def retry_after_s(self, value):
            """Given by nobody."""

    assert vars(BusyError)["retry_after_s"] == 0
    assert ComputedError().retry_after_s == 3


def test_a_context_takes_only_what_publish_returned():
    context = Context(Delivery("pat-emails", 0, 0, b"e-1", b"", [], 1), None)
    with pytest.raises(ConfigError, match="ack is 'e-1', of type str: give what Producer"):
        context.note("e-1")
    assert context.acks is None


def test_what_was_not_delivered_is_named():
    error = NotDeliveredError("two", ["a", "b"])
    assert error.event_ids == ("a", "b")
    assert str(error) == "two"
