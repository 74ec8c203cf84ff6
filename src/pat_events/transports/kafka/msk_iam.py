"""Tokens for an MSK cluster that authenticates by IAM. Needs the extra ``msk``."""

from __future__ import annotations

import logging
import threading
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

from pat_events.errors import ConfigError
from pat_events.transports.kafka.tokens import THREAD_NAME, TokenSource

if TYPE_CHECKING:
    from collections.abc import Callable

# Of one call to AWS, in seconds: a few of them have to fit into a token's limit.
_CALL_S: Final = 3
# A name that stays: a broker refuses to renew a sign-in under another one.
DEFAULT_SESSION_NAME: Final = "pat-events"
# What they log at DEBUG is enough to make a token of: requests as they are signed, answers of STS.
_TALKATIVE: Final = ("botocore.auth", "botocore.endpoint", "botocore.parsers")


@cache
def token_source(
    region: str,
    role_arn: str | None = None,
    session_name: str | None = None,
    profile: str | None = None,
) -> TokenSource:
    """Return where all clients of this process get their tokens.

    Credentials are those boto3 would find, or those of a profile or a role. librdkafka asks
    for the next token in good time, also while a client is idle. No token outlives the
    credentials it was signed with.

    Args:
        region: The cluster's region.
        role_arn: Role to assume; the credentials as they are when None.
        session_name: Name of the role's session; ``pat-events`` when None.
        profile: Profile of AWS's configuration files to take credentials from.

    Raises:
        ConfigError: the signer is not installed.
    """
    try:
        import aws_msk_iam_sasl_signer  # noqa: F401, PLC0415 - needs an extra
    except ImportError as missing:
        raise ConfigError(
            "MSK with IAM needs a package that is not installed: pip install 'pat-events[msk]'"
        ) from missing
    _quiet()
    credentials = partial(_credentials, region, role_arn, session_name, profile)
    whose = f" as {role_arn}" if role_arn else ""
    source = "the profile's" if profile else "AWS_*, a profile, or the role of the machine"
    return TokenSource(
        f"MSK IAM in {region}{whose}",
        partial(_signed, region, _kept(credentials)),
        f"check the credentials ({source}), the region, and the way to STS; "
        "'aws sts get-caller-identity' asks the same",
    )


def _credentials(
    region: str, role_arn: str | None, session_name: str | None, profile: str | None
) -> Any:  # noqa: ANN401 - botocore has no types
    import botocore.config  # noqa: PLC0415 - the extra's
    import botocore.session  # noqa: PLC0415
    from botocore.credentials import (  # noqa: PLC0415
        AssumeRoleCredentialFetcher,
        DeferredRefreshableCredentials,
    )

    session = botocore.session.Session(profile=profile)
    bounded = botocore.config.Config(
        connect_timeout=_CALL_S, read_timeout=_CALL_S, retries={"total_max_attempts": 2}
    )
    session.set_default_client_config(bounded)
    session.set_config_variable("region", region)
    found = session.get_credentials()
    if found is None:
        raise LookupError("no AWS credentials were found")
    if role_arn is None:
        return found
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=partial(session.create_client, region_name=region, config=bounded),
        source_credentials=found,
        role_arn=role_arn,
        extra_args={"RoleSessionName": session_name or DEFAULT_SESSION_NAME},
    )
    return DeferredRefreshableCredentials(
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )


def _kept(find: Callable[[], Any]) -> Callable[[], Any]:
    """Keep credentials that renew themselves; others may have changed in their file."""
    kept: list[Any] = []

    def credentials() -> Any:  # noqa: ANN401
        if kept:
            return kept[0]
        found = find()
        if hasattr(found, "refresh_needed"):
            kept.append(found)
        return found

    return credentials


def _signed(region: str, credentials: Callable[[], Any]) -> tuple[str, float]:
    from aws_msk_iam_sasl_signer import MSKAuthTokenProvider  # noqa: PLC0415 - the extra's
    from botocore.credentials import CredentialProvider  # noqa: PLC0415

    found = credentials()
    frozen = found.get_frozen_credentials()  # Renewed first, where they are about to end.

    class Given(CredentialProvider):  # type: ignore[misc]
        def load(self) -> Any:  # noqa: ANN401
            return frozen

    token, ends_ms = MSKAuthTokenProvider.generate_auth_token_from_credentials_provider(
        region, Given()
    )
    # The signer counts its 15 minutes whenever the credentials end.
    ends = getattr(found, "_expiry_time", None)
    return token, min(ends_ms / 1000, ends.timestamp() if ends else float("inf"))


def _quiet() -> None:
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(_not_of_tokens)


def _not_of_tokens(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG or threading.current_thread().name != THREAD_NAME
