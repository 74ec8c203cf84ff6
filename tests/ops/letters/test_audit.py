"""Whether another run goes on, as the audit topic tells."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest

from pat_events.errors import ConfigError
from pat_events.ops.letters import audit

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
# Larger than any that Linux gives.
GONE = 2**22 + 1


def line(state="progress", ago_s=5.0, command="dlq replay", **more):
    at = (NOW - timedelta(seconds=ago_s)).isoformat()
    return {"run": "r1", "state": state, "at": at, "command": command, "who": "ada@far"} | more


def refuse(*told):
    audit.refuse_beside(told, NOW)


@pytest.mark.parametrize(
    "told",
    [
        [line("started")],
        [line("started", 300), line("progress", 59)],
        [line("started", 300), line("ended", 200), line("started", 3)],
        # A clock that is a little ahead.
        [line(ago_s=-30)],
        # Here, and that process is surely there.
        [line(who=f"ada@{os.uname().nodename}", pid=os.getppid())],
    ],
)
def test_a_run_that_told_something_within_a_minute_keeps_others_away(told):
    with pytest.raises(ConfigError, match="a 'dlq replay' of this group goes on: run r1 of"):
        refuse(*told)


@pytest.mark.parametrize("command", ["dlq edit", "dlq import", "dlq purge", "dlq replay"])
def test_no_change_is_begun_beside_another_one_of_whatever_kind(command):
    others = [line("ended", command=f"dlq {other}") for other in ("import", "purge", "replay")]
    with pytest.raises(ConfigError, match=f"a '{command}' of this group goes on"):
        refuse(*others, line("started", command=command), line("started", command="dlq export"))


@pytest.mark.parametrize(
    "told",
    [
        [],
        [line("started", 300), line("ended", 1)],
        [line("started", 61)],
        [line("started", command="dlq export")],
        # Whoever began later had shut it out.
        [line("progress", 1), line("started", 0, run="r2"), line("ended", 0, run="r2")],
    ],
)
def test_a_run_that_is_over_or_silent_for_a_minute_keeps_nobody_away(told):
    refuse(*told)


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_off_by_an_hour_keeps_nobody_away_for_an_hour(hours):
    # Two at once cannot be: the second one shuts the first one out.
    refuse(line(ago_s=hours * 3600))


@pytest.mark.parametrize("pid", [GONE, os.getpid()], ids=["gone", "this one"])
def test_a_process_that_is_gone_from_this_machine_is_not_waited_for(pid):
    refuse(line(who=f"ada@{os.uname().nodename}", pid=pid))


@pytest.mark.parametrize(
    "garbage",
    [
        {"at": None},
        {"command": ["dlq replay"]},
        {"at": "soon"},
        {"at": "2026-11-27T12:00:00"},
        {"pid": "1", "at": 1},
        {"pid": -1, "who": f"ada@{os.uname().nodename}", "at": ""},
    ],
)
def test_what_strangers_write_keeps_nobody_away(garbage):
    refuse(line(**garbage))
