"""What the command line ends with; ``docs/cli.md`` lists them. Needs no extra."""

from __future__ import annotations

import signal
from typing import Final

FAILED: Final = 1
NOT_DRAINED: Final = 3
DIFFERS: Final = 4
INTERRUPTED: Final = 128 + signal.SIGINT
