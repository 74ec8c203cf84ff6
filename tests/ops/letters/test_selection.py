"""Which letters are meant."""

from datetime import UTC, datetime, timedelta

import pytest

from pat_events.core.record import Delivery
from pat_events.errors import ConfigError
from pat_events.ops.letters.letter import Letter
from pat_events.ops.letters.selection import EVERYTHING, Selection
from tests.support.cloud_events import STRUCTURED, structured

AT = datetime(2026, 11, 27, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def letter(headers=(), *, value=None, offset=41, recorded=AT):
    named = [
        ("ce_id", b"i-1"),
        ("ce_type", b"pat.events.v1.EmailReceived"),
        ("pat-dlq-reason", b"attempts-exhausted"),
        ("pat-dlq-handler", b"emails.process"),
        ("pat-dlq-error-class", b"requests.exceptions.ConnectTimeout"),
        ("pat-dlq-root-cause-class", b"builtins.TimeoutError"),
        ("pat-dlq-last-failed-ms", b"%d" % (AT.timestamp() * 1000)),
        *headers,
    ]
    recorded_ms = int(recorded.timestamp() * 1000)
    return Letter.of(Delivery("t.g.dlq", 3, offset, b"k-1", value, named, recorded_ms))


@pytest.mark.parametrize(
    ("meant", "other"),
    [
        ({"causes": {"attempts-exhausted", "x"}}, {"causes": {"attempts"}}),
        ({"causes": {"requests.exceptions.ConnectTimeout"}}, {"causes": {"requests"}}),
        ({"causes": {"ConnectTimeout"}}, {"causes": {"Connect"}}),
        ({"causes": {"TimeoutError"}}, {"causes": {"builtins"}}),
        ({"causes": {"emails.process"}}, {"causes": {"process"}}),
        ({"handler": "emails.process"}, {"handler": "emails"}),
        ({"event_type": "pat.events.v1.EmailReceived"}, {"event_type": "EmailReceived"}),
        ({"ids": {"i-1", "i-2"}}, {"ids": {"i-2"}}),
        ({"keys": {b"k-1"}}, {"keys": {b"k"}}),
        ({"since": AT}, {"since": AT + HOUR}),
        ({"until": AT + HOUR}, {"until": AT}),
        ({"partition": 3}, {"partition": 0}),
        ({"partition": 3, "offsets": range(41, 42)}, {"partition": 3, "offsets": range(42, 99)}),
        ({"ids": {"i-1"}, "handler": "emails.process"}, {"ids": {"i-1"}, "handler": "x"}),
    ],
)
def test_a_letter_is_meant_if_it_meets_all_that_is_given(meant, other):
    def of(given):
        return Selection(
            **{name: frozenset(it) if isinstance(it, set) else it for name, it in given.items()}
        )

    assert of(meant).matches(letter())
    assert not of(other).matches(letter())
    assert not of(meant).is_everything


def test_nothing_given_means_every_letter():
    assert EVERYTHING.matches(letter())
    assert Selection().is_everything
    assert Selection().as_json() == {}


def test_a_letter_that_does_not_tell_when_it_failed_did_so_when_it_was_written():
    untold = letter([("pat-dlq-last-failed-ms", b"soon")], recorded=AT + HOUR)
    assert Selection(since=AT + HOUR).matches(untold)
    assert not Selection(until=AT + HOUR).matches(untold)


def test_the_event_of_a_letter_in_structured_mode_is_known_by_its_value():
    record = Delivery("t.g.dlq", 3, 41, None, structured(), STRUCTURED, 0)
    assert Selection(event_type="pat.events.v1.EmailReceived").matches(Letter.of(record))
    assert not Selection(event_type="pat.events.v1.EmailDeleted").matches(Letter.of(record))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"since": datetime(2026, 1, 1)}, "of which time zone"),  # noqa: DTZ001
        ({"since": AT, "until": AT}, "the second time has to be later"),
        ({"offsets": range(1, 2)}, "name the partition as well"),
        ({"partition": 0, "offsets": range(2, 1)}, "begins with the lower one"),
    ],
)
def test_what_no_letter_could_meet_is_refused(given, words):
    with pytest.raises(ConfigError, match=words):
        Selection(**given)


def test_what_is_given_is_told_as_json():
    given = Selection(
        causes=frozenset({"b", "a"}), keys=frozenset({b"\xff"}), since=AT, partition=0,
        offsets=range(4, 9),
    )  # fmt: skip
    assert given.as_json() == {
        "causes": ["a", "b"],
        "keys": ["\ufffd"],
        "since": "2026-11-27T10:00:00+00:00",
        "partition": 0,
        "offsets": [4, 8],
    }
