"""Settings of a handler that are of the wrong type are refused where it is registered."""

from __future__ import annotations

import pytest

from pat_events import Handlers
from pat_events.errors import ConfigError
from pat_events.events import EmailReceived


def handle(event, ctx):
    """Takes an event."""


@pytest.mark.parametrize("timeout_s", ["5", None, True, [5], 5j])
def test_a_deadline_is_a_number(timeout_s):
    with pytest.raises(ConfigError, match=r"timeout_s of .*handle is .*: "):
        Handlers().add(EmailReceived, handle, timeout_s=timeout_s)


@pytest.mark.parametrize("max_events", ["5", None, True, 2.5, 5.0])
def test_a_batch_is_of_a_whole_number_of_events(max_events):
    with pytest.raises(ConfigError, match=r"max_events is .*, of type .*: give a whole number"):
        Handlers().batch(EmailReceived, max_events=max_events)


@pytest.mark.parametrize("retry", [3, None, "never", {"attempts": 3}])
def test_a_policy_is_a_retry_policy(retry):
    with pytest.raises(ConfigError, match=r"retry of .*handle is .*: give a RetryPolicy"):
        Handlers().add(EmailReceived, handle, retry=retry)
