"""Settings of a producer or a consumer group: typed, checked once, from code or environment."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from pat_events.core.checks import (
    require_bounded,
    require_int,
    require_number,
    require_text,
    wrong_type,
)
from pat_events.core.client_properties import ClientProperties, parse
from pat_events.core.spelling import nearest
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from pat_events.core.client_properties import PropertyValue

Compression: TypeAlias = Literal["none", "gzip", "snappy", "lz4", "zstd"]
CodecName: TypeAlias = Literal["protobuf", "avro"]
GroupProtocol: TypeAlias = Literal["classic", "consumer"]

CODEC_NAMES: Final[tuple[str, ...]] = get_args(CodecName)
_ENV_PREFIX: Final = "PAT_EVENTS_"
_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "compression": get_args(Compression),
    "codec": CODEC_NAMES,
    "group_protocol": get_args(GroupProtocol),
}
_POSITIVE: Final = (
    "batch_bytes",
    "buffer_events",
    "buffer_bytes",
    "max_event_bytes",
    "publish_timeout_s",
    "delivery_timeout_s",
)
_TYPES: Final = {"str": require_text, "int": require_int, "float": require_number}
# eu-west-1, us-gov-east-1, eusc-de-east-1
_REGION: Final = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")
_MSK_IAM: Final = ("msk_iam_profile", "msk_iam_role_arn", "msk_iam_session_name")
_CONNECT_S: Final = 10.0
_MAX_PORT: Final = 65_535
# How alike a variable must be to one of ours to be a slip; others may share the prefix.
_NEARLY: Final = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything a client needs to know; each field is ``PAT_EVENTS_<NAME>`` in the environment.

    A variable that is empty counts as not set. ``repr`` shows no secret, nor does that of
    ``client_properties``, which holds them as they are.

    Attributes:
        bootstrap_servers: ``host:port`` of one or more brokers, separated by commas.
        catalog: Catalogue file; the packaged one when None.
        codec: How payloads are written. Reading follows each record's content type.
        source: ``ce_source`` of what is published; the catalogue's per event when None.
        tenant_id: Tenant of events that name none.
        linger_s: How long a batch waits for company, in seconds. 5 ms costs less than one
            broker round trip and lets batches form at low rates; 0 sends at once, and only
            what waits behind a request shares the next.
        batch_bytes: Largest batch per partition, in bytes. The topics' ``max.message.bytes``
            (1,048,588 by default) limits a batch as well as an event: stay below it.
        compression: ``lz4`` by default: it halves typical events at a cost the
            calling thread does not see (native threads compress).
        buffer_events: Most events waiting for the broker. Each takes about 3 kB besides
            its payload, and twice the size of the headers given to ``publish``: with large ones
            this is the setting that bounds the memory an outage can take.
        buffer_bytes: Most bytes of payload waiting for the broker; keys and headers are not
            counted.
        max_event_bytes: Largest payload plus headers, refused before sending.
            Stay below the topics' ``max.message.bytes`` (1,048,588 by default).
        publish_timeout_s: Longest wait for room in the buffer, in seconds.
        delivery_timeout_s: An event not acknowledged after this long failed, in
            seconds; it may still be delivered. librdkafka's own 300 s hides an outage too long.
        connect_timeout_s: How long to wait for a broker at start, in seconds. With 0 a
            producer starts without asking; what cannot do without an answer, such as a
            consumer group or an operator's command, then waits up to 10 s.
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
            ``partition.assignment.strategy`` is for joining a classic group of another client,
            such as aiokafka, while its members are replaced: each rebalance then stops all
            partitions of all members. Go on to ``group_protocol="consumer"`` member by member;
            back to ``cooperative-sticky`` all have to stop at once.
        client_properties_file: File with client properties, one a line or a JSON object, as secrets
            are mounted into containers; they win over ``client_properties``. When a password is
            refused the file is read again, and another one that stands there by now is used.
    """

    bootstrap_servers: str
    catalog: Path | str | None = None
    codec: CodecName = "protobuf"
    source: str | None = None
    tenant_id: str | None = None
    linger_s: float = 0.005
    batch_bytes: int = 262_144
    compression: Compression = "lz4"
    buffer_events: int = 100_000
    buffer_bytes: int = 268_435_456
    max_event_bytes: int = 1_000_000
    publish_timeout_s: float = 30.0
    delivery_timeout_s: float = 120.0
    connect_timeout_s: float = _CONNECT_S
    group_protocol: GroupProtocol = "classic"
    msk_iam_region: str | None = None
    msk_iam_profile: str | None = None
    msk_iam_role_arn: str | None = None
    msk_iam_session_name: str | None = None
    token_source: Callable[[], tuple[str, float]] | str | None = None
    client_properties: Mapping[str, PropertyValue] = field(default_factory=dict)
    client_properties_file: Path | str | None = None

    def __post_init__(self) -> None:
        """Refuse impossible values.

        Raises:
            ConfigError: names the field, the value and what to use instead.
        """
        self._check_types()
        if not self.bootstrap_servers.strip():
            raise ConfigError("bootstrap_servers is empty: give host:port of at least one broker")
        _refuse_impossible_addresses(self.bootstrap_servers)
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ConfigError(
                    f"{name} is {getattr(self, name)!r}: use one of {', '.join(choices)}"
                )
        self._check_numbers()
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

    def _check_numbers(self) -> None:
        for name in _POSITIVE:
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(
                    f"{name} is {getattr(self, name)}: it must be more than 0, and finite"
                )
        for name in ("linger_s", "connect_timeout_s"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(
                    f"{name} is {getattr(self, name)}: it must be 0 or more seconds, and finite"
                )
        for name in ("linger_s", "connect_timeout_s", "publish_timeout_s", "delivery_timeout_s"):
            require_bounded(name, getattr(self, name))
        if self.buffer_bytes < self.max_event_bytes:
            raise ConfigError(
                f"buffer_bytes ({self.buffer_bytes}) is below max_event_bytes "
                f"({self.max_event_bytes}): the largest event would never fit"
            )
        if self.delivery_timeout_s <= self.linger_s:
            raise ConfigError(
                f"delivery_timeout_s ({self.delivery_timeout_s}) must be longer than linger_s "
                f"({self.linger_s}), or every event fails"
            )

    def _check_types(self) -> None:
        for spec in fields(self):
            declared, _, optional = str(spec.type).partition(" | ")
            value = getattr(self, spec.name)
            if declared in _TYPES and not (optional and value is None):
                _TYPES[declared](spec.name, value)
        if self.catalog is not None:
            object.__setattr__(self, "catalog", _path("catalog", self.catalog))
        # A copy: whoever passed it may change theirs.
        properties = ClientProperties.of(self.client_properties)
        if self.client_properties_file is not None:
            path = _path("client_properties_file", self.client_properties_file)
            object.__setattr__(self, "client_properties_file", path)
            properties |= _from_file(path)
        object.__setattr__(self, "client_properties", properties)

    @property
    def answer_timeout_s(self) -> float:
        """How long to wait for an answer that is needed, in seconds; see ``connect_timeout_s``."""
        return self.connect_timeout_s or _CONNECT_S

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **overrides: object) -> Self:
        """Read ``PAT_EVENTS_*``; keyword arguments that are not None win over the environment.

        Raises:
            ConfigError: a value cannot be read, a variable looks like a misspelt one, or
                no broker is named.
        """
        environ = os.environ if environ is None else environ
        environ = {name: value for name, value in environ.items() if value.strip()}
        _refuse_misspelt(environ, [env_variable(spec.name) for spec in fields(cls)])
        values: dict[str, object] = {}
        for spec in fields(cls):
            raw = environ.get(env_variable(spec.name))
            if raw is not None:
                values[spec.name] = _parse(spec.name, str(spec.type), raw)
        values.update({name: value for name, value in overrides.items() if value is not None})
        if "bootstrap_servers" not in values:
            raise ConfigError(
                f"no broker is named: set {env_variable('bootstrap_servers')}=host:port, or pass "
                "Config(bootstrap_servers=...)"
            )
        return cls(**values)  # type: ignore[arg-type]


def env_variable(field_name: str) -> str:
    """Return the name of the environment variable of a field of ``Config``."""
    return _ENV_PREFIX + field_name.upper()


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


def _refuse_misspelt(environ: Mapping[str, str], known: list[str]) -> None:
    for variable in environ:
        if variable.startswith(_ENV_PREFIX) and variable not in known:
            near = nearest(variable, known, cutoff=_NEARLY)
            if near:
                raise ConfigError(f"unknown setting {variable}: did you mean {near}?")


def _from_file(path: Path) -> dict[str, PropertyValue]:
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError) as error:
        # Not the error of a text that is no UTF-8, which repeats a part of it.
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise ConfigError(f"client_properties_file {path} cannot be read: {why}") from None
    return parse(f"client_properties_file {path}", text, lines=True)


def _parse(name: str, declared: str, raw: str) -> object:
    variable = env_variable(name)
    try:
        if declared == "int":
            return int(raw)
        if declared == "float":
            return float(raw)
    except ValueError:
        raise ConfigError(f"{variable} is {raw!r}: a number is expected") from None
    return parse(variable, raw) if declared.startswith("Mapping") else raw


def _path(name: str, value: object) -> Path:
    if not value:
        raise ConfigError(f"{name} is empty: give the path of a file, or None")
    try:
        return Path(value)  # type: ignore[arg-type]
    except TypeError:
        raise wrong_type(name, value, "a path (str or Path)") from None


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
