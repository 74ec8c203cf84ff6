"""Settings of Kafka's own: where the cluster is, how to sign in, how its client behaves."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

from pat_events.core.checks import require_positive, require_seconds, wrong_type
from pat_events.errors import ConfigError
from pat_events.settings import Settings
from pat_events.transports.kafka.client_properties import ClientProperties, PropertyValue, parse

Compression: TypeAlias = Literal["none", "gzip", "snappy", "lz4", "zstd"]
GroupProtocol: TypeAlias = Literal["classic", "consumer"]

# eu-west-1, us-gov-east-1, eusc-de-east-1
_REGION: Final = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")
_MSK_IAM: Final = ("msk_iam_profile", "msk_iam_role_arn", "msk_iam_session_name")
_MAX_PORT: Final = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaConfig(Settings):
    """What clients of a Kafka cluster need to know besides a ``Config``.

    Each field is ``PAT_EVENTS_<NAME>`` in the environment; ``from_env`` reads them. A variable
    that is empty counts as not set. ``repr`` shows no secret, nor does that of
    ``client_properties``, which holds them as they are.

    Attributes:
        bootstrap_servers: ``host:port`` of one or more brokers, separated by commas.
        linger_s: How long a batch waits for company, in seconds. 5 ms costs less than one
            broker round trip and lets batches form at low rates; 0 sends at once, and only
            what waits behind a request shares the next.
        batch_bytes: Largest batch per partition, in bytes. The topics' ``max.message.bytes``
            (1,048,588 by default) limits a batch as well as an event: stay below it.
        compression: ``lz4`` by default: it halves typical events at a cost the
            calling thread does not see (native threads compress).
        group_protocol: ``classic``, or ``consumer`` for KIP-848 (brokers 4.0 and later).
        msk_iam_region: AWS region of an MSK cluster that authenticates by IAM: connect
            by TLS with tokens signed with boto3's credentials. Needs the extra ``msk``.
            Not together with settings of SASL in ``client_properties``.
        msk_iam_profile: Profile of AWS's configuration files to take the credentials from.
        msk_iam_role_arn: Role to assume with them.
        msk_iam_session_name: Name of that role's session, ``pat-events`` when None. It has to stay
            the same while a client lives: brokers refuse to renew a sign-in under another name.
        token_source: Where tokens for OAUTHBEARER come from: a function without arguments that
            returns a token and when it ends, in seconds since 1970, or ``module:function``. It is
            called in a thread of its own and given up after 8 s; connections use TLS unless
            ``security.protocol`` says otherwise.
        client_properties: Further librdkafka settings, such as ``security.protocol``.
            In the environment: ``PAT_EVENTS_CLIENT_PROPERTIES=a.b=c;d.e=f``, or a JSON object
            where a value has a semicolon, or a space at an end: ``{"sasl.password": "a;b"}``.
            Files that those of TLS name, such as ``ssl.certificate.location``, may be renewed
            while clients live.
            Without ``client.id`` clients are named ``pat-events-`` and the group they are in, the
            ``source`` a producer writes, or what they are for: ``producer``, ``admin``, ``reader``.
            ``partition.assignment.strategy`` is for joining a classic group of another client,
            such as aiokafka, while its members are replaced: each rebalance then stops all
            partitions of all members. Go on to ``group_protocol="consumer"`` member by member;
            back to ``cooperative-sticky`` all have to stop at once.
        client_properties_file: File with client properties, one a line or a JSON object, as secrets
            are mounted into containers; they win over ``client_properties``. When a password is
            refused the file is read again, and another one that stands there by now is used.
    """

    bootstrap_servers: str = field(
        metadata={
            "missing": "no broker is named: set PAT_EVENTS_BOOTSTRAP_SERVERS=host:port, or pass "
            "transport=KafkaTransport(KafkaConfig(bootstrap_servers=...))"
        }
    )
    linger_s: float = 0.005
    batch_bytes: int = 262_144
    compression: Compression = "lz4"
    group_protocol: GroupProtocol = "classic"
    msk_iam_region: str | None = None
    msk_iam_profile: str | None = None
    msk_iam_role_arn: str | None = None
    msk_iam_session_name: str | None = None
    token_source: Callable[[], tuple[str, float]] | str | None = None
    client_properties: Mapping[str, PropertyValue] = field(
        default_factory=dict, metadata={"parse": parse}
    )
    client_properties_file: Path | str | None = None

    def _check(self) -> None:
        if not self.bootstrap_servers.strip():
            raise ConfigError("bootstrap_servers is empty: give host:port of at least one broker")
        _refuse_impossible_addresses(self.bootstrap_servers)
        require_positive("batch_bytes", self.batch_bytes)
        require_seconds("linger_s", self.linger_s)
        # A copy: whoever passed it may change theirs.
        properties = ClientProperties.of(self.client_properties)
        if self.client_properties_file is not None:
            properties.take(_from_file(Path(self.client_properties_file)))
        object.__setattr__(self, "client_properties", properties)
        if self.msk_iam_region is not None:
            _check_region(self.msk_iam_region)
        self._check_sign_in()

    def _check_sign_in(self) -> None:
        given = [name for name in _MSK_IAM if getattr(self, name) is not None]
        if given and self.msk_iam_region is None:
            raise ConfigError(f"{given[0]} without msk_iam_region: name the cluster's region too")
        if self.msk_iam_session_name is not None and self.msk_iam_role_arn is None:
            raise ConfigError("msk_iam_session_name without msk_iam_role_arn: it is a role's")
        if self.token_source is not None:
            if self.msk_iam_region is not None:
                raise ConfigError("msk_iam_region contradicts token_source: remove one of them")
            _check_token_source(self.token_source)
        ours = "msk_iam_region" if self.msk_iam_region is not None else "token_source"
        if getattr(self, ours) is not None:
            _refuse_another_sign_in(ours, self.client_properties)


def _refuse_impossible_addresses(servers: str) -> None:
    """Refuse what the client would read as another port: 99999 as 34463, text as 0."""
    if "@" in servers:
        # It may be a password: it is not repeated.
        raise ConfigError(
            "bootstrap_servers has an @: a user and a password do not belong into an address, set "
            "the client properties sasl.username and sasl.password"
        )
    for address in servers.split(","):
        place = address.strip().rpartition("://")[2].partition("/")[0]
        host, colon, port = place.rpartition(":")
        if not colon or (":" in host and not host.endswith("]")):
            continue  # A host without a port, be it an address of IPv6.
        if not port.isdecimal() or not 0 < int(port) <= _MAX_PORT:
            raise ConfigError(
                f"bootstrap_servers names {address.strip()!r}: use host:port with a port from 1 to "
                f"{_MAX_PORT}"
            )


def _from_file(path: Path) -> ClientProperties:
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError) as error:
        # Not the error of a text that is no UTF-8, which repeats a part of it.
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise ConfigError(f"client_properties_file {path} cannot be read: {why}") from None
    return parse(f"client_properties_file {path}", text, lines=True)


def _check_region(region: str) -> None:
    if not _REGION.fullmatch(region):
        raise ConfigError(
            f"msk_iam_region is {region!r}: give the name of an AWS region, such as eu-west-1"
        )


def _check_token_source(source: object) -> None:
    if isinstance(source, str):
        module, colon, function = source.partition(":")
        if not (module and colon and function):
            raise ConfigError(f"token_source is {source!r}: give module:function, or a function")
    elif not callable(source):
        raise wrong_type("token_source", source, "a function, or module:function")


def _refuse_another_sign_in(ours: str, properties: Mapping[str, object]) -> None:
    others = [name for name in properties if "sasl." in name or name == "oauth_cb"]
    protocol = str(properties.get("security.protocol", "SASL_SSL"))
    if not protocol.upper().startswith("SASL_"):
        others.append("security.protocol")
    if others:
        raise ConfigError(
            f"{ours} contradicts the client properties {', '.join(sorted(others))}: it brings its "
            "own way to sign in, remove one or the other"
        )
