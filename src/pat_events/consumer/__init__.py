"""Consumer groups: handlers, the engine that drives them, and their public face."""

from __future__ import annotations

from pat_events.consumer.context import Context
from pat_events.consumer.group import ConsumerGroup
from pat_events.consumer.handlers import HandlerObject, Handlers
from pat_events.consumer.stats import GroupStats

__all__ = ["ConsumerGroup", "Context", "GroupStats", "HandlerObject", "Handlers"]
