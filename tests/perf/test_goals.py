"""What a run of the benchmarks fails for, and what it only tells."""

from __future__ import annotations

import copy
import math

import pytest

from perf.goals import goals, mission

QUIET = {
    "publish": {"ratio_to_raw": 3.0, "raw_waited_share": 0.02},
    "consume": {"share_of_raw": 0.4, "raw_waited_share": 0.02},
    "latency": {
        "p99_ms": 20.0,
        "raw_p99_ms": 13.0,
        "rate_per_s": 9_990.0,
        "raw_rate_per_s": 9_999.0,
        "raw_waited_share": 0.02,
    },
    "errors": 0,
}


BUSES = {
    "buses": {
        **{name: {"ratio_to_raw": 1.2} for name in ("eventbridge", "sqs", "sns")},
        "two_processes": {"events_per_s": 11_000.0, "raw_events_per_s": 12_000.0},
    },
    "errors": 0,
}


def measured(**figures):
    """A result with some figures, named like ``latency__p99_ms``, changed."""
    result = copy.deepcopy(QUIET)
    for name, value in figures.items():
        part, _, figure = name.rpartition("__")
        (result[part] if part else result)[figure] = value
    return result


def missed(result):
    return [goal.figure for goal in goals(result) if goal.met is False]


def not_told(result):
    return [goal.figure for goal in goals(result) if goal.met is None]


def test_a_good_run_meets_everything():
    assert all(goal.met is True for goal in goals(QUIET))
    assert all(aim.met for aim in mission(QUIET, 10_000))


@pytest.mark.parametrize(
    ("figures", "goal"),
    [
        ({"errors": 1}, "errors"),
        ({"publish__ratio_to_raw": 3.51}, "publish.ratio_to_raw"),
        ({"consume__share_of_raw": 0.24}, "consume.share_of_raw"),
        ({"latency__p99_ms": 24.6}, "latency.p99_ms"),
        ({"latency__raw_p99_ms": 9.9}, "latency.p99_ms"),
    ],
)
def test_errors_and_the_cost_beside_the_bare_client_fail_a_run(figures, goal):
    assert missed(measured(**figures)) == [goal]


@pytest.mark.parametrize(
    "figures",
    [
        {"publish__ratio_to_raw": 3.5},
        {"consume__share_of_raw": 0.25},
        {"latency__p99_ms": 24.5},
    ],
)
def test_a_figure_at_its_limit_meets_its_goal(figures):
    assert missed(measured(**figures)) == []


def test_a_slow_machine_fails_nobody_as_long_as_the_bare_client_is_as_slow():
    slow = measured(
        latency__p99_ms=172.0,
        latency__raw_p99_ms=171.0,
        latency__rate_per_s=7_000.0,
        latency__raw_rate_per_s=7_100.0,
    )
    assert missed(slow) == []
    assert [aim.text for aim in mission(slow, 10_000)] == [
        "10,000 events/s: not reached here; bare: 7,100/s",
        "p99 < 100 ms: not reached here; bare: 171 ms",
    ]


def test_what_the_package_is_meant_for_is_said_to_be_reached():
    assert [aim.text for aim in mission(QUIET, 10_000)] == [
        "10,000 events/s: reached",
        "p99 < 100 ms: reached",
    ]


@pytest.mark.parametrize(
    ("part", "figure", "value"),
    [
        ("publish", "ratio_to_raw", 9.0),
        ("consume", "share_of_raw", 0.1),
        ("latency", "p99_ms", 900.0),
    ],
)
def test_a_ratio_missed_while_the_bare_client_waited_for_a_processor_is_not_told(
    part, figure, value
):
    busy = measured(**{f"{part}__{figure}": value, f"{part}__raw_waited_share": 0.26})
    assert missed(busy) == []
    assert not_told(busy) == [f"{part}.{figure}"]


@pytest.mark.parametrize("part", ["publish", "consume", "latency"])
def test_what_the_processes_make_each_other_wait_excuses_nothing(part):
    bad = {"publish__ratio_to_raw": 9, "consume__share_of_raw": 0.1, "latency__p99_ms": 900}
    assert len(missed(measured(**bad, **{f"{part}__raw_waited_share": 0.25}))) == 3


def test_a_ratio_met_on_a_busy_machine_is_met_and_a_lost_event_is_never_excused():
    busy = {f"{part}__raw_waited_share": 0.9 for part in ("publish", "consume", "latency")}
    assert not_told(measured(**busy)) == []
    assert missed(measured(**busy, errors=1)) == ["errors"]


def test_what_is_not_a_number_misses():
    nan = measured(
        publish__ratio_to_raw=math.nan, consume__share_of_raw=math.nan, latency__p99_ms=math.nan
    )
    assert missed(nan) == ["publish.ratio_to_raw", "consume.share_of_raw", "latency.p99_ms"]
    assert missed(measured(latency__raw_p99_ms=math.nan)) == ["latency.p99_ms"]


def test_each_sender_is_judged_by_its_cost_beside_bare_boto3():
    assert missed(BUSES) == []
    dear = copy.deepcopy(BUSES)
    dear["buses"]["sqs"]["ratio_to_raw"] = 1.61
    assert missed(dear) == ["buses.sqs.ratio_to_raw"]


def test_what_is_wished_for_on_the_buses_fails_no_run():
    short = copy.deepcopy(BUSES)
    short["buses"]["sns"]["ratio_to_raw"] = 1.31
    short["buses"]["two_processes"]["events_per_s"] = 9_000.0
    assert missed(short) == []
    assert [aim.figure for aim in mission(short, 10_000) if not aim.met] == [
        "buses.two_processes.events_per_s",
        "buses.sns.wished_ratio",
    ]


def test_a_run_of_both_parts_is_judged_by_both():
    whole = QUIET | {"buses": BUSES["buses"]}
    assert len(goals(whole)) == len(goals(QUIET)) + len(goals(BUSES)) - 1


def told(**figures):
    ratios = {f"{what}_{name}_ratio": 1.0 for what in ("publish", "consume") for name in TELEMETRY}
    noise = {"publish_noise": 0.01, "consume_noise": 0.01}
    part = ratios | noise | {"consume_traces_100_share_of_raw": 0.1} | figures
    return {"telemetry": part, "errors": 0}


TELEMETRY = ("metrics", "traces_1", "traces_100")


@pytest.mark.parametrize(
    ("figures", "figure"),
    [
        ({"publish_metrics_ratio": 1.031}, "telemetry.publish_metrics_ratio"),
        ({"consume_traces_1_ratio": 1.051}, "telemetry.consume_traces_1_ratio"),
        (
            {"consume_traces_100_share_of_raw": 0.066},
            "telemetry.consume_traces_100_share_of_raw",
        ),
    ],
)
def test_telemetry_is_judged_by_what_it_adds(figures, figure):
    assert missed(told()) == []
    assert missed(told(**figures)) == [figure]


def test_what_telemetry_adds_is_not_told_where_the_same_differs_by_more():
    result = told(publish_metrics_ratio=1.2, publish_noise=0.1)
    assert not_told(result) == ["telemetry.publish_metrics_ratio"]
    assert missed(result) == []
