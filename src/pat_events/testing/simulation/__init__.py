"""Consumer groups step by step under a virtual clock.

It is the real engine on a ``MemoryBroker``. Nothing runs by itself: a test or a seeded
scheduler decides which member steps, which job starts, which one ends and what time it is.
"""

from __future__ import annotations

from pat_events.testing.simulation.clock import SeededIds, VirtualClock
from pat_events.testing.simulation.member import Member
from pat_events.testing.simulation.workers import StepInbox, StepWorkers, pause

__all__ = ["Member", "SeededIds", "StepInbox", "StepWorkers", "VirtualClock", "pause"]
