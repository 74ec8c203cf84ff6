"""Schedules that a seed decides: crashes, rebalances, outages and failing handlers."""

from __future__ import annotations

from pat_events.testing.simulation.schedules.schedule import Schedule

__all__ = ["Schedule"]
