"""Letters by cause."""

from pat_events.core.record import Delivery
from pat_events.ops.letters.counting import LetterCounts
from pat_events.ops.letters.letter import Letter


def letter(reason, failed_ms, error="x.E", handler="h"):
    headers = [
        ("pat-dlq-reason", reason.encode()),
        ("pat-dlq-error-class", error.encode()),
        ("pat-dlq-handler", handler.encode()),
        ("pat-dlq-last-failed-ms", b"%d" % failed_ms),
    ]
    return Letter.of(Delivery("t.g.dlq", 0, 0, None, None, headers, 1))


def test_a_group_has_its_first_and_its_last_time():
    counts = LetterCounts()
    for failed_ms in (5, 3, 9, 7):
        counts.add(letter("rejected", failed_ms))
    counts.add(letter("rejected", 1, handler="other"))
    first, second = counts.groups()
    assert (first.letters, first.first_failed_ms, first.last_failed_ms) == (4, 3, 9)
    assert (second.handler, second.letters) == ("other", 1)


def test_strangers_that_each_have_another_reason_take_no_more_memory():
    counts = LetterCounts()
    for number in range(3_000):
        counts.add(letter(f"{number}", number + 1))
    groups = counts.groups()
    assert len(groups) == 1_001
    assert (groups[0].reason, groups[0].letters) == ("others", 2_000)
    assert counts.letters == 3_000
