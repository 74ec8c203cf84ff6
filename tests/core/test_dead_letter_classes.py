"""A letter is written whatever the class of the error is made of."""

import pytest

from pat_events.core.dead_letter import (
    MAX_CLASS_BYTES,
    MAX_MESSAGE_BYTES,
    Cause,
    class_of,
    dead_letter,
    message_of,
)
from pat_events.core.record import Delivery


class RudeMeta(type):
    """Says nothing of its classes but by raising."""

    def __getattribute__(cls, name):
        if name in {"__name__", "__qualname__", "__module__"}:
            raise RuntimeError(name)
        return super().__getattribute__(name)


class Rude(Exception, metaclass=RudeMeta):  # noqa: N818
    pass


class RudeText(Exception):  # noqa: N818
    def __str__(self):
        raise Rude


class RudeCause(Exception):  # noqa: N818
    @property
    def __cause__(self):
        raise KeyError("cause")


class Sly(str):
    __slots__ = ()

    def encode(self, *_args, **_named):
        return b"x" * 1_000_000


class SlyText(Exception):  # noqa: N818
    def __str__(self):
        return Sly("sly")


def headers_of(error):
    delivery = Delivery("orders", 0, 1, None, None, [], 1)
    return dict(dead_letter(delivery, "o.g.dlq", Cause("g", "h", "r", error, 1, 1, 1)).headers)


@pytest.mark.parametrize("part", ["__qualname__", "__module__"])
def test_class_names_are_cut_to_their_limit(part):
    huge = type("Huge", (ValueError,), {part: "N" * 1_000_000})
    error = huge("x")
    error.__cause__ = huge("root")
    headers = headers_of(error)
    assert len(headers["pat-dlq-error-class"]) == MAX_CLASS_BYTES
    assert len(headers["pat-dlq-root-cause-class"]) == MAX_CLASS_BYTES
    assert len(class_of(error)) == MAX_CLASS_BYTES


def test_a_metaclass_that_raises_does_not_keep_a_letter_from_being_written():
    error = ValueError("outer")
    error.__cause__ = Rude()
    headers = headers_of(error)
    assert headers["pat-dlq-root-cause-class"] == b"(its name cannot be read)"
    assert headers_of(Rude("text"))["__dlq.errors.message"] == b"text"


def test_an_error_whose_text_raises_an_error_of_such_a_class_becomes_a_letter():
    headers = headers_of(RudeText())
    assert headers["__dlq.errors.message"] == (
        b"(its text cannot be read: (its name cannot be read))"
    )


def test_an_error_whose_cause_cannot_be_read_is_its_own_root():
    error = RudeCause("x")
    assert headers_of(error)["pat-dlq-root-cause-class"].endswith(b"RudeCause")


def test_text_of_a_subclass_of_str_is_cut_like_any_other():
    assert message_of(SlyText()) == "sly"
    assert len(message_of(ValueError("x" * 10_000))) == MAX_MESSAGE_BYTES
