"""What a dashboard has: its graphs and choices, and the queries of Prometheus behind them."""

from __future__ import annotations

from typing import NamedTuple


class Panel(NamedTuple):
    """A graph: its title, the unit of Grafana, and its queries, each with a legend."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]


class Variable(NamedTuple):
    """A choice at the top of a dashboard: the values that a label of a metric has."""

    name: str
    metric: str
    label: str


def panel(title: str, unit: str, *queries: tuple[str, str]) -> Panel:
    """Return a graph of these queries."""
    return Panel(title, unit, queries)


def rate(metric: str, by: str, where: str = "") -> str:
    """Return the query for a counter's growth a second."""
    return f"sum by ({by}) (rate({metric}{{{where}}}[$__rate_interval]))"


def quantile(q: float, metric: str, by: str, where: str = "") -> str:
    """Return the query for a quantile of a histogram."""
    inside = f"sum by (le, {by}) (rate({metric}_bucket{{{where}}}[$__rate_interval]))"
    return f"histogram_quantile({q}, {inside})"
