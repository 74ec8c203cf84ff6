from __future__ import annotations

import pytest

from pat_events import Config, Handlers
from pat_events.consumer.log.limits import Limits
from pat_events.errors import ConfigError
from pat_events.events import EmailReceived

LIMITS = {
    "max_in_flight": 1,
    "max_in_flight_bytes": 1,
    "drain_timeout_s": 1.0,
    "commit_interval_s": 1.0,
}


@pytest.mark.parametrize("name", ["drain_timeout_s", "commit_interval_s"])
@pytest.mark.parametrize("value", [1e12, float("inf")])
def test_a_wait_that_no_clock_can_wait_for_is_refused(name, value):
    with pytest.raises(ConfigError, match=f"{name} is .*: use at most 31536000 seconds"):
        Limits(**{**LIMITS, name: value})


@pytest.mark.parametrize("name", ["connect_timeout_s", "publish_timeout_s", "delivery_timeout_s"])
def test_a_setting_that_no_clock_can_wait_for_is_refused(name):
    with pytest.raises(ConfigError, match=name):
        Config(**{name: 1e12})


def test_a_stop_with_a_limit_beyond_any_clock_waits_for_the_end(live):
    group = live.group(_handlers(), started=False)
    group.start()
    group.stop(timeout_s=float("inf"))
    assert not group.running


def _handlers():
    handlers = Handlers()
    handlers.on(EmailReceived)(lambda event, ctx: None)
    return handlers
