"""Clients of boto3. The only place that makes them."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from pat_events.core.shown import one_line
from pat_events.errors import ConfigError, NotPermittedError
from pat_events.transports.aws.errors import of_exception

if TYPE_CHECKING:
    from collections.abc import Callable

    from pat_events.transports.aws.config import AwsConfig
    from pat_events.transports.aws.errors import Resource

_PAUSE_S: Final = 0.2
_REDIRECT: Final = 300
_MISSING: Final = "AWS's buses need a package that is not installed: pip install 'pat-events[aws]'"


class Clients:
    """Makes the clients of one service, all of one session: the first costs 50 ms, another 3.

    Args:
        service: As boto3 names it.
        config: Where, and how long calls may take.
    """

    def __init__(self, service: str, config: AwsConfig) -> None:
        self._service = service
        self._config = config
        # Making clients is not for several threads, using them is.
        self._lock = threading.Lock()
        self._session: Any = None

    def make(
        self, *, timeout_s: float | None = None, wait_s: float = 0.0, service: str | None = None
    ) -> Any:  # noqa: ANN401 - boto3 makes its classes when it runs
        """Return a client, to be shared between threads.

        Args:
            timeout_s: How long a call may take instead of what the settings say, tried once.
            wait_s: How long the service may wait before the time for its answer counts.
            service: Another one than its own.

        Raises:
            ConfigError: boto3 is not installed, no region is named, or there is no such profile.
        """
        try:
            import boto3  # noqa: PLC0415 - needs an extra
            from botocore.config import Config  # noqa: PLC0415
            from botocore.exceptions import BotoCoreError  # noqa: PLC0415
        except ImportError as missing:
            raise ConfigError(_MISSING) from missing
        config = self._config
        settings = Config(**_settings(config, timeout_s, wait_s))
        # AWS's other libraries read AWS_REGION, boto3 AWS_DEFAULT_REGION alone.
        region = config.region or os.environ.get("AWS_REGION") or None
        try:
            with self._lock:
                if self._session is None:
                    self._session = boto3.session.Session(
                        region_name=region, profile_name=config.profile
                    )
                client = self._session.client(
                    service or self._service, endpoint_url=config.endpoint_url, config=settings
                )
        except BotoCoreError as error:
            said = one_line(str(error)).rstrip(".")
            raise ConfigError(
                f"region or profile of AWS: {said}. Set PAT_EVENTS_AWS_REGION, or "
                "AwsConfig(region=...)"
            ) from error
        except ValueError as error:  # Such as of AWS_ENDPOINT_URL: settings of ours are checked.
            raise ConfigError(
                f"endpoint of AWS: {one_line(str(error)).rstrip('.')}. Give an address that begins "
                "with http:// or https:// in AWS_ENDPOINT_URL"
            ) from error
        if (service or self._service) != "s3":  # Which answers with whatever was put there.
            client.meta.events.register("after-call", _require_answer)
        return client

    def credentials(self) -> tuple[str, datetime | None]:
        """Return where boto3 found the credentials, and when they end, as far as it tells.

        A client must have been made.
        """
        found = self._session.get_credentials()
        ends = getattr(found, "_expiry_time", None)
        return str(getattr(found, "method", "?")), ends if isinstance(ends, datetime) else None

    def ask(
        self,
        timeout_s: float,
        place_in: Callable[[str], Resource],
        question: Callable[[Any], object],
    ) -> None:
        """Return once the service has answered ``question``; tries again while it does not.

        One that may not ask was let in all the same: senders need no right to look.

        Args:
            timeout_s: How long to try.
            place_in: Returns what is asked for, in the region that it is given.
            question: Asks, with a client.

        Raises:
            PatEventsError: why not; see ``of_exception``.
        """
        each_s = timeout_s / 2
        deadline = time.monotonic() + timeout_s
        client = self.make(timeout_s=each_s)
        resource = place_in(client.meta.region_name)
        with contextlib.closing(client):
            while True:
                try:
                    question(client)
                except Exception as error:
                    refused = of_exception(resource, error)
                    if isinstance(refused.error, NotPermittedError):
                        return
                    if not refused.again or time.monotonic() + _PAUSE_S + each_s > deadline:
                        raise refused.error from error
                    time.sleep(_PAUSE_S)
                else:
                    return


def _require_answer(http_response: Any, **_: object) -> None:  # noqa: ANN401 - boto3 has no types
    """Refuse what is none of AWS's: it would be read as an answer with nothing in it.

    Raises:
        ResponseParserError: it is neither JSON nor XML.
    """
    said = http_response.headers.get("content-type", "")
    if http_response.status_code < _REDIRECT and said and "json" not in said and "xml" not in said:
        from botocore.parsers import ResponseParserError  # noqa: PLC0415 - needs an extra

        raise ResponseParserError(f"it is {said}, from whoever is at the address")


def _settings(config: AwsConfig, timeout_s: float | None, wait_s: float) -> dict[str, Any]:
    """Return what botocore's ``Config`` is made of; see ``Clients.make``."""
    attempts = config.client_attempts if timeout_s is None else 1
    return {
        "connect_timeout": config.connect_timeout_s if timeout_s is None else timeout_s / 2,
        "read_timeout": config.read_timeout_s + wait_s if timeout_s is None else timeout_s / 2,
        "retries": {"mode": "standard", "total_max_attempts": attempts},
        "max_pool_connections": config.calls_in_flight,
        # A quarter of the CPU that a call takes; what is sent was made here.
        "parameter_validation": False,
        "tcp_keepalive": True,
        "user_agent_extra": "pat-events",
        # The name of a bucket in front of another address than AWS's is that of no host.
        "s3": {"addressing_style": "path" if _is_elsewhere(config) else "auto"},
    }


def _is_elsewhere(config: AwsConfig) -> bool:
    # As boto3 itself takes another address.
    return config.endpoint_url is not None or any(
        os.environ.get(name) for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
    )
