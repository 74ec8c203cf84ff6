"""What tests plant where it must stay: no output of any test may show it (see conftest).

Output is what a test prints and logs, each log record with its fields, each span that
``tests.support.spans`` is given, and the labels of each metric.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from pat_events.telemetry.logs import JsonFormatter

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

#: In payloads.
PAYLOAD = "planted-payload-7f3b9c"
#: Of AWS's account; LocalStack takes any.
AWS_SECRET = "planted-aws-secret-51d0e8"  # noqa: S105 - that is what it is for
#: What no output shows; a fixture adds the passwords that it made.
SECRETS = {PAYLOAD, AWS_SECRET}


def found_in(text: str) -> list[str]:
    """Return what was planted and is shown."""
    return [each for each in SECRETS if each in text]


# Where it was shown since the last report.
_shown: list[str] = []


def look(where: str, text: str) -> None:
    """Note where what was planted is shown."""
    if found_in(text) and where not in _shown:
        _shown.append(where)


class Listener(logging.Handler):
    """Looks at log records as a service would write them: with their fields, and tracebacks."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        look(f"a record of {record.name}", self.format(record))


def _labels() -> Iterator[str]:
    """Yield the labels of all metrics there are."""
    meters = sys.modules.get("pat_events.telemetry.meters")
    for each in list(meters._ALL) if meters is not None else ():
        for meter in each.meters():
            yield from (" ".join(labels) for _, labels, _ in meter.values())
            yield from (" ".join(labels) for _, labels, *_ in meter.durations())


def judged(report: pytest.TestReport) -> pytest.TestReport:
    """Return a test's report, which fails where output or log of that phase show such a thing."""
    phase = [(name, text) for name, text in report.sections if name.endswith(f" {report.when}")]
    look("the labels of a metric", "\n".join(_labels()))
    shown = [name for name, text in phase if found_in(text)] + _shown
    _shown.clear()
    if shown and report.outcome != "failed":
        report.outcome = "failed"
        report.longrepr = f"a secret or a payload is shown in: {', '.join(shown)}"
    return report
