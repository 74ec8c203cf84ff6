"""What a healthy start says, and what does not heal by itself."""

from __future__ import annotations

import logging

import pytest

from pat_events.transports.kafka.logs import RepeatFilter, SettlingFilter

LOADING = (
    "GETPID: Failed to acquire idempotence PID: Broker: Coordinator load in progress: retrying"
)


class TestSettling:
    @pytest.fixture
    def lines(self):
        self.now = 100.0
        shown = []
        logger = self.logger = logging.getLogger("tests.settling")
        logger.setLevel(logging.INFO)
        logger.filters = [
            SettlingFilter(settles_s=10, clock=lambda: self.now),
            RepeatFilter(window_s=30, clock=lambda: self.now),
        ]
        handler = logging.Handler()
        handler.emit = lambda record: shown.append((record.levelname, record.getMessage()))
        logger.addHandler(handler)
        yield shown
        logger.removeHandler(handler)
        logger.filters = []

    def test_a_coordinator_that_is_loading_is_no_warning(self, lines):
        self.logger.warning(LOADING)
        assert lines == [("INFO", LOADING)]

    def test_it_is_not_shown_where_warnings_alone_are(self, lines):
        self.logger.setLevel(logging.WARNING)
        self.logger.warning(LOADING)
        assert lines == []

    def test_one_that_goes_on_loading_is_a_warning(self, lines):
        for _ in range(40):
            self.logger.warning(LOADING)
            self.now += 1
        assert lines == [("INFO", LOADING), ("WARNING", f"{LOADING} (and 29 more like it)")]

    def test_the_next_one_is_expected_again(self, lines):
        self.logger.warning(LOADING)
        self.now += 3600
        self.logger.warning(LOADING)
        assert lines == [("INFO", LOADING)] * 2

    def test_other_warnings_stay_what_they_are(self, lines):
        self.logger.warning("all brokers are down")
        assert lines == [("WARNING", "all brokers are down")]
