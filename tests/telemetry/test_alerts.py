"""Alerts and dashboards name what is really emitted, and alerts fire when they should."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from pat_events.telemetry.metrics import METRICS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "monitoring"
RULES = FOLDER / "alerts.yaml"
# Of every target, and of alerts.
PROMETHEUS = {"instance", "job", "le"}
SUFFIXES = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_count", "_sum"]}
BY_SERIES = {each.name + suffix: each for each in METRICS for suffix in SUFFIXES[each.kind]}


def alerts():
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboards():
    return sorted(FOLDER.glob("dashboards/*.json"))


def queries():
    """Every query with what shows its labels, by where it stands."""
    for rule in alerts():
        yield rule["alert"], rule["expr"], rule["annotations"]["summary"]
    for file in dashboards():
        board = json.loads(file.read_text("utf-8"))
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                yield file.name, variable["query"], ""
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                yield f"{file.name}: {panel['title']}", target["expr"], target["legendFormat"]


def labels_in(expr, shown):
    named = {
        name
        for found in re.findall(r"\b(?:by|on|without|ignoring) \(([^)]*)\)", expr)
        for name in re.findall(r"\w+", found)
    }
    named |= set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expr))
    named |= set(re.findall(r"label_values\(\w+, (\w+)\)", expr))
    named |= set(re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", shown))
    return named


@pytest.mark.parametrize(("where", "expr", "shown"), [*queries()])
def test_what_a_query_names_is_emitted_with_these_labels(where, expr, shown):
    names = set(re.findall(r"\b(?:pat_events|messaging)_\w+", re.sub(r'"[^"]*"', '""', expr)))
    labels = {label for metric in METRICS for label in metric.labels}
    series = names - labels
    assert series <= BY_SERIES.keys()
    assert series or "up{" in expr
    known = {label for name in series for label in BY_SERIES[name].labels}
    assert labels_in(expr, shown) <= known | PROMETHEUS


def test_every_metric_is_on_a_dashboard():
    text = "".join(file.read_text("utf-8") for file in dashboards())
    missing = {each.name for each in METRICS if each.name not in text}
    assert missing == set()


def test_every_alert_has_its_chapter_of_what_to_do():
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    chapters = {it.lower() for it in re.findall(r"^#+ (\w+)$", page, re.MULTILINE)}
    for rule in alerts():
        name = rule["alert"]
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert name.lower() in chapters


def test_the_page_tells_what_every_metric_means():
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    assert {each.name for each in METRICS if each.name not in page} == set()


def test_promtool_takes_the_rules_and_the_configuration_that_names_them(promtool):
    config = FOLDER / "prometheus.yml"
    subprocess.run([promtool, "check", "config", config], check=True, capture_output=True)


GROUP = 'group="mail",instance="a:80"'
PARTITION = f'{GROUP},topic="pat-emails",partition="0"'
HANDLER = f'{GROUP},topic="pat-emails",handler="handle"'
PROCESS = 'messaging_consumer_group_name="mail",handler="handle"'
SENDER = 'system="kafka",instance="a:80"'
SENT = 'messaging_system="kafka",instance="a:80"'
AGE = "pat_events_consumer_oldest_unprocessed_age_seconds"
HELD = "pat_events_consumer_held_messages"
LAG = "pat_events_consumer_lag_messages"
LAST_COMMIT = "pat_events_consumer_last_commit_timestamp_seconds"

#: Series of a service that does well, a value a minute.
WELL = {
    f"{AGE}{{{PARTITION}}}": "1+0x90",
    f"{HELD}{{{GROUP}}}": "0+0x90",
    f"{LAG}{{{PARTITION}}}": "5000-50x90",
    f"{LAST_COMMIT}{{{GROUP}}}": "0+60x90",
    f"pat_events_consumer_assigned_partitions{{{GROUP}}}": "4+0x90",
    f'pat_events_consumer_rebalances_total{{{GROUP},event="assigned"}}': "1+0x90",
    f'messaging_process_duration_seconds_count{{{PROCESS},error_type=""}}': "0+1000x90",
    f'messaging_process_duration_seconds_count{{{PROCESS},error_type="OSError"}}': "0+10x90",
    f'messaging_client_sent_messages_total{{{SENT},error_type=""}}': "0+1000x90",
    f"pat_events_sender_buffered_messages{{{SENDER}}}": "100+0x90",
    f"pat_events_sender_buffer_limit_messages{{{SENDER}}}": "1000+0x90",
    f"pat_events_sender_buffered_bytes{{{SENDER}}}": "100+0x90",
    f"pat_events_sender_buffer_limit_bytes{{{SENDER}}}": "1000+0x90",
    f"pat_events_sender_oldest_unacknowledged_age_seconds{{{SENDER}}}": "0.1+0x90",
    'up{job="pat-events",instance="a:80"}': "1+0x90",
}
#: What is otherwise where an alert should fire, and minutes until it does.
ILL = {
    "PatEventsEventsTooOld": (10, {f"{AGE}{{{PARTITION}}}": "0+60x90"}),
    "PatEventsDeadLetters": (
        3,
        {f'pat_events_consumer_dead_lettered_total{{{HANDLER},reason="new"}}': "_ _ 1+0x90"},
    ),
    "PatEventsHeld": (8, {f"{HELD}{{{GROUP}}}": "0 0 3+0x90"}),
    "PatEventsDeadLetterLimit": (
        3,
        {f'pat_events_consumer_dead_letter_limit_exceeded{{{GROUP},handler="h"}}': "0 0 1+0x90"},
    ),
    "PatEventsDeadLettersNotWritten": (
        5,
        {f'pat_events_consumer_holds_total{{{GROUP},topic="t",handler=""}}': "_ 1+0x90"},
    ),
    "PatEventsLagGrowing": (40, {f"{LAG}{{{PARTITION}}}": "500+100x90"}),
    "PatEventsNoCommits": (12, {f"{LAST_COMMIT}{{{GROUP}}}": "0+0x90"}),
    "PatEventsCommitsFail": (
        12,
        {f'pat_events_consumer_commit_failures_total{{{GROUP},error_type="E"}}': "0+1x90"},
    ),
    "PatEventsRebalancing": (
        30,
        {f'pat_events_consumer_rebalances_total{{{GROUP},event="lost"}}': "0+2x90"},
    ),
    "PatEventsHandlerFails": (
        15,
        {f'messaging_process_duration_seconds_count{{{PROCESS},error_type="OSError"}}': "0+500x90"},
    ),
    "PatEventsNotDeleted": (
        15,
        {
            "pat_events_consumer_queue_change_failures_total"
            f'{{{GROUP},change="delete",error_type="E"}}': "0+5x90"
        },
    ),
    "PatEventsSendFails": (
        3,
        {f'messaging_client_sent_messages_total{{{SENT},error_type="E"}}': "_ _ 1+0x90"},
    ),
    "PatEventsBufferNearFull": (4, {f"pat_events_sender_buffered_bytes{{{SENDER}}}": "900+0x90"}),
    "PatEventsNotAcknowledged": (
        4,
        {f"pat_events_sender_oldest_unacknowledged_age_seconds{{{SENDER}}}": "40+60x90"},
    ),
    "PatEventsPublishersWait": (
        12,
        {f"pat_events_sender_buffer_wait_seconds_total{{{SENDER}}}": "0+30x90"},
    ),
    "PatEventsClientsReplaced": (
        20,
        {f"pat_events_sender_clients_replaced_total{{{SENDER}}}": "0+1x90"},
    ),
    "PatEventsThrottled": (15, {f"pat_events_sender_throttled_total{{{SENDER}}}": "0+9x90"}),
    "PatEventsTargetDown": (4, {'up{job="pat-events",instance="a:80"}': "1 0+0x90"}),
    "PatEventsConsumerGone": (75, {f"{HELD}{{{GROUP}}}": "0+0x60"}),
    "PatEventsNobodyReads": (7, {f"pat_events_consumer_assigned_partitions{{{GROUP}}}": "0+0x90"}),
}


def case(name, minutes, series):
    query = 'count by (alertname) (ALERTS{alertstate="firing"})'
    sample = [{"labels": f'{{alertname="{name}"}}', "value": 1}] if name else []
    return {
        "interval": "1m",
        "input_series": [{"series": each, "values": it} for each, it in series.items()],
        "promql_expr_test": [
            {"expr": query, "eval_time": f"{at}m", "exp_samples": samples}
            for at, samples in ((0, []), (minutes, sample))
        ],
    }


def test_each_alert_has_a_case():
    assert set(ILL) == {rule["alert"] for rule in alerts()}


def test_each_alert_fires_alone_where_it_should_and_none_where_all_is_well(promtool, tmp_path):
    cases = [case(name, minutes, WELL | ill) for name, (minutes, ill) in ILL.items()]
    file = tmp_path / "alerts_test.yaml"
    tests = [case(None, 80, WELL), *cases]
    text = yaml.safe_dump(
        {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}, width=1000
    )
    file.write_text(text, "utf-8")
    done = subprocess.run(
        [promtool, "test", "rules", file], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
