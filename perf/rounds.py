"""As many rounds as a machine has time for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a round may take on average, in seconds; an idle machine needs 5 to 16.
ROUND_S = 20.0
console = Console()


def counted(rounds: int, round_s: float = ROUND_S) -> Iterator[int]:
    """Count rounds, as many as there is time for and one at least."""
    began = time.monotonic()
    for number in range(rounds):
        if time.monotonic() - began > round_s * rounds:
            console.print(f"round {number} was the last: the machine is slow")
            return
        yield number
