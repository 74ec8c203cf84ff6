"""An event went the whole way, or it is said where it did not."""

from __future__ import annotations

import pytest

from tools.terraform.walks import Chain, Seen, queue_fault, steps_fault

CHAIN = Chain("c", "t", {"EmailReceived": "EmailProcessed"})
REFUSED = Seen("emails", "EmailReceived", "e-1", "first", "c", "t", None, handled=False)
HANDLED = REFUSED._replace(handled=True)
ANSWER = Seen("notes", "EmailProcessed", "e-2", "e-1", "c", "t", "g", handled=True)
WHOLE = [REFUSED, REFUSED, HANDLED, ANSWER]


def fault(*seen, group=None):
    return queue_fault(seen, "emails", "e-1", group, CHAIN)


def test_refused_then_handled_and_answered_is_the_whole_way():
    assert not fault(*WHOLE)


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ([], "no event arrived"),
        ([REFUSED], "not given up"),
        ([HANDLED, ANSWER], "not given up"),
        ([REFUSED, HANDLED], "published"),
        ([REFUSED, HANDLED, ANSWER._replace(handled=False)], "published"),
        ([REFUSED, HANDLED, ANSWER._replace(correlation_id="x")], "correlation and trace"),
        ([REFUSED, HANDLED, ANSWER._replace(trace_id=None)], "correlation and trace"),
        ([REFUSED, HANDLED._replace(trace_id="x"), ANSWER], "correlation and trace"),
        ([REFUSED, HANDLED._replace(group="x"), ANSWER], "message groups are ['x']"),
    ],
)
def test_what_is_missing_is_said(seen, said):
    assert said in fault(*seen)


def test_a_fifo_queue_has_the_group_of_the_rule():
    in_group = [each._replace(group="g") for each in WHOLE]
    assert not fault(*in_group, group="g")
    assert "message groups" in fault(*WHOLE, group="g")


def test_a_run_published_an_event_for_each_step_with_the_correlation_alone():
    step = Seen("plugins", "PluginExecutionRequired", "s-0", None, "c", None, None, handled=True)
    steps = [step, step._replace(event_id="s-1")]
    assert not steps_fault(steps, {"s-0", "s-1"}, CHAIN)
    assert "not all" in steps_fault(steps[:1], {"s-0", "s-1"}, CHAIN)
    assert "correlation" in steps_fault(
        [step, steps[1]._replace(correlation_id="x")], {"s-0", "s-1"}, CHAIN
    )
