"""When a schedule of the catalogue may be."""

import pytest

from tests.support.catalogs import change, parse, problems

PLACE = "20: schedules.nightly.cron: "


@pytest.mark.parametrize(
    "cron",
    [
        "cron(0 3 * * ? *)",
        "cron(15 10 ? * MON-FRI *)",
        "cron(0/5 8-17 ? * 2-6 2026-2030)",
        "cron(*/10 0 1,15 JAN,JUL ? *)",
        "cron(0 0 L * ? *)",
        "cron(0 0 15W * ? *)",
        "cron(0 0 ? * 6L *)",
        "cron(0 0 ? * 2#1 *)",
        "cron(00 09 01 12 ? 2199)",
        "rate(1 minute)",
        "rate(90 days)",
    ],
)
def test_what_the_scheduler_of_aws_takes_is_taken(cron):
    assert parse(change("cron(0 3 * * ? *)", cron)).schedules["nightly"].cron == cron


@pytest.mark.parametrize(
    ("cron", "problem"),
    [
        ("cron(99 99 * * ? *)", "the minute '99' must be 0-59"),
        ("cron(99 99 * * ? *)", "the hour '99' must be 0-23"),
        ("cron(0 3 32 * ? *)", "the day of the month '32' must be 1-31, L, 15W or ?"),
        ("cron(0 3 ? MAI * *)", "the month 'MAI' must be 1-12 or JAN-DEC"),
        ("cron(0 3 ? * 0 *)", "the day of the week '0' must be 1-7, SUN-SAT, 6L, 2#1 or ?"),
        ("cron(0 3 * * ? 1969)", "the year '1969' must be 1970-2199"),
        ("cron(0,60 3 * * ? *)", "the minute '0,60' must be 0-59"),
        (
            "cron(0 3 * * * *)",
            "one of day of the month and day of the week must be ?, and not both",
        ),
        (
            "cron(0 3 ? * ? *)",
            "one of day of the month and day of the week must be ?, and not both",
        ),
    ],
)
def test_a_time_that_never_is_is_refused_with_its_field(cron, problem):
    assert f"{PLACE}{problem}" in problems(change("cron(0 3 * * ? *)", cron))


def test_what_is_no_expression_at_all_is_one_problem():
    (problem,) = problems(change("cron(0 3 * * ? *)", "cron(0 3 * *)"))
    assert "must be cron(...) with six fields, or rate(...)" in problem
