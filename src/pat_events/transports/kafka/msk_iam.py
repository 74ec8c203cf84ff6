"""Tokens for an MSK cluster that authenticates by IAM. Needs the extra ``msk``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable


def token_source(region: str) -> Callable[[str], tuple[str, float]]:
    """Return librdkafka's callback for a new token: (token, when it ends, in seconds since 1970).

    Credentials are those boto3 would find. librdkafka asks again in good time, in a
    thread of its own, also while a client is idle.

    Raises:
        ConfigError: the signer is not installed.
    """
    try:
        from aws_msk_iam_sasl_signer import MSKAuthTokenProvider  # noqa: PLC0415 -- needs an extra
    except ImportError as missing:
        raise ConfigError(
            "MSK with IAM needs a package that is not installed: pip install 'pat-events[msk]'"
        ) from missing

    def token(_: str) -> tuple[str, float]:
        signed, expiry_ms = MSKAuthTokenProvider.generate_auth_token(region)
        return signed, expiry_ms / 1000

    return token
