"""What tests plant where it must stay: no output of any test may show it (see conftest)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


def judged(report: pytest.TestReport) -> pytest.TestReport:
    """Return a test's report, which fails where output or log of that phase show such a thing."""
    phase = [(name, text) for name, text in report.sections if name.endswith(f" {report.when}")]
    shown = [name for name, text in phase if found_in(text)]
    if shown and report.outcome != "failed":
        report.outcome = "failed"
        report.longrepr = f"a secret or a payload is shown in: {', '.join(shown)}"
    return report
