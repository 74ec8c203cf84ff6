"""What is wrong between this machine and AWS's buses, and what to do. Looks only."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, NamedTuple

from pat_events.catalog.load import load_catalog
from pat_events.config import Config
from pat_events.errors import (
    AuthenticationError,
    ConfigError,
    PatEventsError,
    TopicMissingError,
)
from pat_events.ops.bus_checks import bus_checks, topic_checks
from pat_events.ops.buses import KAFKA, parse_target
from pat_events.ops.doctor import Check, Outcome
from pat_events.ops.queue_checks import queue_checks
from pat_events.settings import env_variable, from_environment
from pat_events.transports.aws.config import AwsConfig
from pat_events.transports.aws.inspection import Inspection, boto3_release
from pat_events.transports.aws.s3 import S3Payloads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pat_events.catalog.model import Catalog

# Signatures are refused from five minutes on; a clock that is set is not a second off.
_SKEW_MAX_S: Final = 60.0
# Where one of these is wrong nothing else can be asked.
_NEEDED: Final = frozenset({"aws region", "aws credentials"})


class Wanted(NamedTuple):
    """What is asked about.

    Attributes:
        targets: Where a service publishes, as ``parse_target`` takes it.
        queues: What it consumes, by name, URL or ARN.
        platform: Name of what Terraform made, such as ``pat-dev``: its bus and the queues of the
            catalogue are looked at, and no rights.
        publishes: Names of the events that it publishes; any of the catalogue when empty.
    """

    targets: Sequence[str] = ()
    queues: Sequence[str] = ()
    platform: str | None = None
    publishes: Sequence[str] = ()

    @property
    def anything(self) -> bool:
        """Whether there is something of AWS's to ask about."""
        return bool(self.targets or self.queues or self.platform)


def settings_name_aws() -> bool:
    """Tell whether ``PAT_EVENTS_*`` say something of AWS: where, or a bucket for payloads."""
    where = ("region", "endpoint_url", "profile")
    named = [os.environ.get(env_variable(field, AwsConfig.env_prefix)) for field in where]
    buckets = [from_environment(f"claim_check_{field}") for field in ("bucket", "read_from")]
    return any([*named, *buckets])


def examine_aws(wanted: Wanted, catalog_file: Path | None = None) -> Iterator[Check]:
    """Yield one check after the other, each as soon as it is done.

    Later ones are left out where they would only repeat that an earlier one failed.

    Args:
        wanted: What is asked about.
        catalog_file: The catalogue; that of ``PAT_EVENTS_*``, or the packaged one, when None.
    """
    release = boto3_release()
    if not release:
        advice = "pip install 'pat-events[aws]'"
        yield Check("boto3", Outcome.WRONG, "it is not installed", advice)
        return
    yield Check("boto3", Outcome.FINE, release)
    try:
        config = Config.from_env(catalog=catalog_file)
        aws = AwsConfig.from_env()
        catalog = load_catalog(config.catalog)
        sources = _by_source(catalog, wanted.publishes)
    except PatEventsError as error:
        yield Check("aws settings", Outcome.WRONG, str(error), "see 'pat-events doctor --help'")
        return
    read = [_target(each) for each in wanted.targets]
    yield from (each for each in read if isinstance(each, Check))
    targets = [each for each in read if not isinstance(each, Check)]
    with ExitStack() as stack:
        places: dict[AwsConfig, Inspection] = {}

        def place(name: str = "") -> Inspection:
            # A topic says in its ARN where it is.
            there = AwsConfig.given(aws, name)
            if there not in places:
                made = Inspection(there, config.answer_timeout_s)
                places[there] = stack.enter_context(made)
            return places[there]

        for check in _surroundings(place(targets[0][1] if targets else ""), aws):
            yield check
            if check.outcome is Outcome.WRONG and check.name in _NEEDED:
                return
        yield from _buckets(config, aws)
        for name in wanted.queues:
            yield from queue_checks(place(name), name, receives=True)
        for kind, name in targets:
            yield from _target_checks(place(name), kind, name, sources)
        if wanted.platform is not None:
            yield from _platform_checks(place(), wanted.platform, catalog)


def _target(written: str) -> tuple[str, str] | Check:
    """Return kind and name of a target; or what is wrong where it is none, or Kafka."""
    try:
        kind, name = parse_target(written)
    except ConfigError as error:
        return Check(f"target {written}", Outcome.WRONG, str(error))
    if kind == KAFKA:
        return Check(f"target {written}", Outcome.WRONG, "kafka is looked at without '--to'")
    return kind, name


def _target_checks(
    asked: Inspection, kind: str, name: str, sources: Mapping[str, str]
) -> Iterator[Check]:
    if kind == "sqs":
        yield from queue_checks(asked, name, sends=True)
    elif kind == "sns":
        yield from topic_checks(asked, name)
    else:
        yield from bus_checks(asked, name, sources)


def _platform_checks(asked: Inspection, platform: str, catalog: Catalog) -> Iterator[Check]:
    yield from bus_checks(asked, platform, {})
    for queue in catalog.queues.values():
        suffix = ".fifo" if queue.fifo else ""
        yield from queue_checks(asked, f"{platform}-{queue.name}{suffix}")


def _by_source(catalog: Catalog, names: Sequence[str]) -> dict[str, str]:
    """Return a detail type for each source: a right to put events may name these."""
    events = [catalog.event(name) for name in names] or catalog.events.values()
    return {it.source: it.detail_type for it in events}


def _surroundings(asked: Inspection, aws: AwsConfig) -> Iterator[Check]:
    try:
        region = asked.region
    except ConfigError as error:
        yield Check("aws region", Outcome.WRONG, str(error), "set PAT_EVENTS_AWS_REGION")
        return
    at = f" at {aws.endpoint_url}" if aws.endpoint_url else ""
    yield Check("aws region", Outcome.FINE, f"{region}{at}")
    try:
        identity = asked.identity()
    except AuthenticationError as error:
        yield Check(
            "aws credentials",
            Outcome.WRONG,
            str(error),
            "sign in again ('aws sso login'), or set AWS_PROFILE, or give the task a role",
        )
        return
    except PatEventsError as error:
        yield Check(
            "aws credentials",
            Outcome.UNKNOWN,
            f"not told: {error}",
            "a network without a way to STS needs an endpoint of it for this check alone",
        )
        return
    ends = f", which end at {identity.ends:%Y-%m-%d %H:%M:%SZ}" if identity.ends else ""
    who = f"{identity.arn} of account {identity.account}, by {identity.method}{ends}"
    yield Check("aws credentials", Outcome.FINE, who)
    yield _clock(identity.skew_s)


def _buckets(config: Config, aws: AwsConfig) -> Iterator[Check]:
    for bucket in dict.fromkeys(it.bucket for it in config.claim_check_locations):
        yield _bucket(bucket, aws, config.answer_timeout_s)


def _bucket(bucket: str, aws: AwsConfig, timeout_s: float) -> Check:
    """Look at a bucket of the claim check."""
    name = f"bucket {bucket}"
    try:
        S3Payloads(aws).ping(bucket, timeout_s)
    except PatEventsError as error:
        is_missing = isinstance(error, TopicMissingError)
        outcome = Outcome.WRONG if is_missing else Outcome.UNKNOWN
        return Check(name, outcome, str(error), "create it, or correct PAT_EVENTS_CLAIM_CHECK_*")
    return Check(
        name,
        Outcome.FINE,
        "nothing speaks against it; whether objects may be written and read is not tried",
        "grant s3:PutObject to who publishes, s3:GetObject and s3:ListBucket to who consumes",
    )


def _clock(skew_s: float | None) -> Check:
    if skew_s is None:
        return Check("aws clock", Outcome.UNKNOWN, "AWS told no time")
    which = "ahead of" if skew_s > 0 else "behind"
    if abs(skew_s) > _SKEW_MAX_S:
        return Check(
            "aws clock",
            Outcome.WRONG,
            f"{abs(skew_s):.0f} s {which} AWS's",
            "set the clock (NTP): what is signed at another time is refused",
        )
    return Check("aws clock", Outcome.FINE, f"within {_SKEW_MAX_S:.0f} s of AWS's")
