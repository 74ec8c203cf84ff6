"""``python -m tools.dashboards``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tools.dashboards.panels import AWS, DEAD_LETTERS, GROUP, GROUPS, OVERVIEW, SYSTEMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.dashboards.rows import Panel, Variable

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "docs" / "monitoring" / "dashboards"
_SOURCE: Final = {"type": "prometheus", "uid": "${source}"}
_COLUMNS: Final = 3
_WIDTH: Final = 24 // _COLUMNS
_HEIGHT: Final = 7

BOARDS: Final[dict[str, tuple[str, Sequence[Variable], Sequence[Panel]]]] = {
    "overview": ("pat_events: overview", (), OVERVIEW),
    "group": ("pat_events: a group", (GROUPS,), GROUP),
    "dead-letters": ("pat_events: dead letters", (GROUPS,), DEAD_LETTERS),
    "aws": ("pat_events: AWS buses", (SYSTEMS,), AWS),
}


def board(name: str) -> dict[str, Any]:
    """Return a dashboard as Grafana imports and provisions it."""
    title, variables, panels = BOARDS[name]
    source = {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    return {
        "uid": f"pat-events-{name}",
        "title": title,
        "tags": ["pat-events"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [source, *map(_variable, variables)]},
        "panels": [_graph(number, each) for number, each in enumerate(panels)],
    }


def _variable(each: Variable) -> dict[str, Any]:
    query = f"label_values({each.metric}, {each.label})"
    return {
        "name": each.name,
        "type": "query",
        "datasource": _SOURCE,
        "query": query,
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "current": {"text": "All", "value": "$__all"},
    }


def _graph(number: int, each: Panel) -> dict[str, Any]:
    row, column = divmod(number, _COLUMNS)
    return {
        "id": number + 1,
        "title": each.title,
        "type": "timeseries",
        "datasource": _SOURCE,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": each.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}},
        "targets": [
            {
                "refId": chr(ord("A") + at),
                "datasource": _SOURCE,
                "expr": expr.replace("{}", ""),
                "legendFormat": legend,
            }
            for at, (expr, legend) in enumerate(each.queries)
        ],
    }


def main() -> int:
    """Write the dashboards, or compare them."""
    check = "--check" in sys.argv[1:]
    for name in BOARDS:
        file = FOLDER / f"{name}.json"
        text = json.dumps(board(name), indent=1) + "\n"
        if not check:
            file.write_text(text, "utf-8")
        elif not file.exists() or file.read_text("utf-8") != text:
            print(
                f"{file.relative_to(ROOT)} is not what would be written: make docs", file=sys.stderr
            )
            return 1
    return 0


sys.exit(main())
