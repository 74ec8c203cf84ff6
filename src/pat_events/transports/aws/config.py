"""Settings of AWS's own: where it is, how calls are made and how long they may take."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from pat_events.core.checks import require_at_least_1, require_positive, require_seconds, wrong_type
from pat_events.errors import ConfigError
from pat_events.settings import Settings

#: Most entries that EventBridge, SQS and SNS take in one call.
MOST_ENTRIES: Final = 10
# arn:aws:sns:eu-west-1:123456789012:name
_ARN: Final = re.compile(r"arn:[a-z-]+:[a-z]+:([a-z0-9-]+):[0-9]*:")

_WEB: Final = re.compile(r"https?://[^/]", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsConfig(Settings):
    """What clients of EventBridge, SQS and SNS need to know besides a ``Config``.

    Each field is ``PAT_EVENTS_AWS_<NAME>`` in the environment; ``from_env`` reads them. A variable
    that is empty counts as not set. Credentials are boto3's own affair.

    Attributes:
        region: Region of the bus; when None that of ``AWS_REGION``, ``AWS_DEFAULT_REGION`` or the
            profile.
        endpoint_url: Another address than the region's, such as LocalStack's.
        profile: Profile of AWS's configuration files; boto3's own choice when None.
        linger_s: How long a call waits for company, in seconds. A call costs the same for one
            event as for ten; 0 sends at once, and only what waits behind calls shares the next.
        batch_events: Most events in a call, 1 to 10.
        entry_bytes: Largest entry that a bus of EventBridge takes, and most bytes in a call to it.
            When None 1 MiB, and 256 KiB in China's regions. LocalStack takes 256 KiB anywhere.
        calls_in_flight: Most calls at a time, each on a thread and a connection: with 10 events in
            each and 15 ms for an answer, ten are 6,600 events a second.
        connect_timeout_s: Longest wait for a connection, in seconds.
        read_timeout_s: Longest wait for an answer, in seconds. A call without one is repeated.
        client_attempts: How often boto3 itself tries a call, the first time included; quickly and
            for what is over in a moment. What still fails is tried again by the sender until
            ``delivery_timeout_s``.
        retry_first_s: The sender's first wait before it tries again, in seconds; half of it is
            random.
        retry_max_s: Its longest wait, in seconds.
    """

    # Of the names of variables, after PAT_EVENTS_.
    env_prefix = "AWS_"

    region: str | None = None
    endpoint_url: str | None = None
    profile: str | None = None
    linger_s: float = 0.01
    batch_events: int = MOST_ENTRIES
    entry_bytes: int | None = None
    calls_in_flight: int = 10
    connect_timeout_s: float = 3.0
    read_timeout_s: float = 10.0
    client_attempts: int = 2
    retry_first_s: float = 0.1
    retry_max_s: float = 5.0

    @classmethod
    def given(cls, config: AwsConfig | None, arn: str = "") -> AwsConfig:
        """Return what a transport was given, or what the environment says, in the region of an ARN.

        Raises:
            ConfigError: as ``from_env``; or this is something else, such as a ``Config``.
        """
        if config is None:
            config = cls.from_env()
        if not isinstance(config, AwsConfig):
            raise wrong_type("config", config, "an AwsConfig")
        found = _ARN.match(arn)
        return replace(config, region=found[1]) if found else config

    def _check(self) -> None:
        for name in ("batch_events", "calls_in_flight", "client_attempts"):
            require_at_least_1(name, getattr(self, name))
        if self.endpoint_url is not None and not _WEB.match(self.endpoint_url):
            raise ConfigError(
                f"endpoint_url is {self.endpoint_url!r}: give an address that begins with http:// "
                "or https://, such as http://localhost:4566"
            )
        if self.entry_bytes is not None:
            require_at_least_1("entry_bytes", self.entry_bytes)
        if self.batch_events > MOST_ENTRIES:
            raise ConfigError(
                f"batch_events is {self.batch_events}: a call takes at most {MOST_ENTRIES}"
            )
        for name in ("connect_timeout_s", "read_timeout_s", "retry_first_s"):
            require_positive(name, getattr(self, name))
        for name in ("linger_s", "connect_timeout_s", "read_timeout_s", "retry_max_s"):
            require_seconds(name, getattr(self, name))
        if self.retry_max_s < self.retry_first_s:
            raise ConfigError(
                f"retry_max_s is {self.retry_max_s}: use retry_first_s ({self.retry_first_s}) or "
                "more, waits never shrink"
            )
