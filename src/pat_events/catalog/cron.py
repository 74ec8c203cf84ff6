"""EventBridge's cron expressions: whether each field has values that the field can have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NotRequired, TypedDict

from pat_events.core.shown import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CRON: Final = re.compile(r"cron\((\S+(?: \S+){5})\)")
# Of the six fields, by place.
_DAY: Final = 2
_WEEKDAY: Final = 4
_SHOWN_MAX: Final = 60


class CronField(TypedDict):
    """A field of the JSON Schema's ``cronFields``; Terraform reads the same.

    ``value`` matches one value of a list, range or step, ``also`` what stands alone.
    """

    name: str
    range: str
    value: str
    also: NotRequired[str]


def cron_faults(expression: str, fields: Sequence[CronField]) -> Iterator[str]:
    """Yield what is wrong; nothing for ``rate(...)`` and for what is no expression at all."""
    cron = _CRON.fullmatch(expression)
    if cron is None:
        return
    parts = cron[1].split(" ")
    for field, text in zip(fields, parts, strict=True):
        if not re.fullmatch(_pattern(field), text):
            shown = one_line(repr(text), _SHOWN_MAX)
            yield f"the {field['name']} {shown} must be {field['range']}"
    if (parts[_DAY] == "?") == (parts[_WEEKDAY] == "?"):
        day, weekday = fields[_DAY]["name"], fields[_WEEKDAY]["name"]
        yield f"one of {day} and {weekday} must be ?, and not both"


def _pattern(field: CronField) -> str:
    value = field["value"]
    item = rf"(?:\*|(?:{value})(?:-(?:{value}))?)(?:/[0-9]+)?"
    also = f"|{field['also']}" if "also" in field else ""
    return f"(?:{item}(?:,{item})*{also})"
