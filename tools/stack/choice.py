"""Which running part to use: named, in containers, left running, or started now."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from tools.stack.errors import NotReadyError
from tools.stack.part import Part
from tools.stack.runs import left_running
from tools.stack.settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

Origin = Literal["environment", "containers", "left running", "native"]
PartT = TypeVar("PartT", bound=Part)


@dataclass(frozen=True, slots=True)
class Reached(Generic[PartT]):
    """A part that answers: where, found how, and the part itself when it was started now."""

    address: str
    origin: Origin
    environ: dict[str, str]
    native: PartT | None = None


@contextmanager
def reach(kind: type[PartT]) -> Iterator[Reached[PartT]]:
    """The part of this kind to use; one that has to be started ends with the block.

    An address in the environment wins, then the fixed port of the containers, then what
    ``python -m tools.stack up`` left running, then a start on free ports.

    Raises:
        NotReadyError: The address in the environment, or the started part, does not answer.
        MissingToolError: Nothing runs, and something has to be installed to start it.
    """
    found = find(kind)
    if found is not None:
        yield found
        return
    with kind() as part:
        yield Reached(part.address, "native", part.environ(), part)


def find(kind: type[PartT]) -> Reached[PartT] | None:
    """The running part to use, None when there is none; see :func:`reach`."""
    named = os.environ.get(kind.variable)
    if named:
        if not kind.answers(named):
            raise NotReadyError(
                f"{kind.variable} names {named}, where no {kind.name} answers: start it, or unset "
                "the variable."
            )
        return Reached(named, "environment", kind.environ_of(named))
    candidates: list[tuple[str, Origin]] = [(settings()[kind.variable], "containers")]
    candidates += [(it.address, "left running") for it in left_running() if it.part == kind.name]
    for address, origin in candidates:
        if kind.answers(address):
            return Reached(address, origin, kind.environ_of(address))
    return None
