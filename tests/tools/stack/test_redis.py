"""Redis, which the stack starts where it is named."""

from __future__ import annotations

import os
import subprocess
import sys

ASKS = """
import os
from tools.stack.redis import Redis
print(Redis.answers(os.environ[Redis.variable]))
"""


def test_a_command_that_names_it_has_its_address(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tools.stack", "run", "redis", "--", sys.executable, "-c", ASKS],
        env={**os.environ, "PAT_EVENTS_STACK_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
