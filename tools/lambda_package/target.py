"""Where a function runs: Lambda's versions of Python, and its two kinds of processor."""

from __future__ import annotations

from typing import Final, NamedTuple

# With the glibc of their Linux, 2.x: Amazon Linux 2, then 2023. A wheel for a newer one loads not.
GLIBC: Final = {"3.11": 26, "3.12": 34, "3.13": 34, "3.14": 34}
_OLDEST_GLIBC: Final = 17
# As Lambda calls them, and as wheels do.
MACHINES: Final = {"x86_64": "x86_64", "arm64": "aarch64"}


class Target(NamedTuple):
    """One runtime of Lambda: ``python`` such as 3.13, ``architecture`` as AWS spells it."""

    python: str
    architecture: str

    @property
    def platforms(self) -> list[str]:
        """The tags of the wheels that load there, the newest first."""
        machine = MACHINES[self.architecture]
        glibcs = range(GLIBC[self.python], _OLDEST_GLIBC - 1, -1)
        return [f"manylinux_2_{each}_{machine}" for each in glibcs] + [f"manylinux2014_{machine}"]

    @property
    def environment(self) -> dict[str, str]:
        """What the conditions of requirements are about there."""
        return {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": MACHINES[self.architecture],
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
            "extra": "",
        }
