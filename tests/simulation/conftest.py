"""What the schedules share."""

from __future__ import annotations

import logging

import pytest


@pytest.fixture(autouse=True)
def quiet():
    """Every schedule fails on purpose, many times over: that is not worth writing down."""
    logger = logging.getLogger("pat_events")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)
