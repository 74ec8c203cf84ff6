"""The command line: which stages to run, in which order, and how they end."""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tools.terraform import docs, unit
from tools.terraform.checkov import checkov
from tools.terraform.losses import tell
from tools.terraform.mutation import mutate
from tools.terraform.report import FILE, Stage, write
from tools.terraform.root import root
from tools.terraform.workspace import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ABOUT = """\
Proves terraform/ as far as it can be proved without an AWS account. All stages run unless
--stage names some; those that wait for an emulator run next to the others.

  catalog     `pat-events catalog check` finds nothing in what is planned here
  fmt         every file has Terraform's own format
  docs        the modules' README files list the inputs and outputs there are
  validate    the root and the examples are valid
  unit        module tests with a mocked provider: what is created, what is refused,
              policies statement by statement; the platform in each environment
  checkov     no check fails, each skip has its reason
  root        the whole platform, MSK included: apply, plan again (empty), events of our
              senders through every rule, by way of dead letters, to our consumers of every
              queue and to workflows, an alarm of each severity to its topic, one event that a
              filter lets through to a topic, a bus and an endpoint of others, one change after
              the other, plan again (empty), destroy; on LocalStack, which proves
              wiring and not permissions, and a stub of the MSK APIs, which proves order
              and stability, not that AWS accepts
"""
# The first lane computes, the others mostly wait for the provider's pauses.
LANES: tuple[dict[str, Callable[[Stage], None]], ...] = (
    {
        "catalog": unit.catalog,
        "fmt": unit.fmt,
        "docs": docs.check,
        "validate": unit.validate,
        "unit": unit.unit,
        "checkov": checkov,
    },
    {"root": root},
)
ON_DEMAND: dict[str, Callable[[Stage], None]] = {"mutation": mutate}
STAGES = {name: stage for lane in LANES for name, stage in lane.items()}


def main(arguments: Sequence[str]) -> int:
    """Run the stages; the answer is 1 when any has a fault."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.terraform",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--stage",
        action="append",
        choices=STAGES,
        metavar="NAME",
        help=f"run this one; may be given again ({', '.join(STAGES)})",
    )
    parser.add_argument(
        "--write-docs", action="store_true", help="write the modules' README files, and end"
    )
    parser.add_argument(
        "--mutate",
        action="store_true",
        help="instead, plant one fault at a time in the root's wiring and count those its tests "
        "notice; takes a quarter of an hour",
    )
    parser.add_argument(
        "--losses",
        type=Path,
        metavar="PLAN.json",
        help="say what a plan would lose (`terraform show -json FILE.tfplan`), and end",
    )
    options = parser.parse_args(arguments)
    if options.losses:
        return tell(options.losses)
    if options.write_docs:
        docs.write()
        return 0
    running = (ON_DEMAND,) if options.mutate else LANES
    wanted = set(ON_DEMAND if options.mutate else options.stage or STAGES)
    start = time.perf_counter()
    with ThreadPoolExecutor(len(running)) as pool:
        lanes = pool.map(
            lambda lane: [_run(lane, name) for name in lane if name in wanted], running
        )
        stages = [stage for lane in lanes for stage in lane]
    write(stages)
    print("\n" + "\n".join(stage.line for stage in stages))
    wrong = [stage.name for stage in stages if stage.faults]
    verdict = f"FAILED: {', '.join(wrong)}" if wrong else "all stages passed"
    print(f"{verdict} in {time.perf_counter() - start:.0f} s; {FILE.relative_to(ROOT)}")
    return int(bool(wrong))


def _run(lane: dict[str, Callable[[Stage], None]], name: str) -> Stage:
    stage = Stage(name)
    start = time.perf_counter()
    try:
        lane[name](stage)
    except Exception as problem:  # noqa: BLE001 - one stage that breaks must not end the others
        stage.fault(f"{type(problem).__name__}: {problem}")
    stage.took_s = time.perf_counter() - start
    return stage
