"""Settings of a producer or a consumer group: typed, checked once, from code or environment."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from pat_events.core.spelling import nearest
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

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
_SECRET: Final = (
    "password",
    "passphrase",
    "secret",
    "token",
    "key.pem",
    "jaas",
    "oauthbearer.config",
)
_CONNECT_S: Final = 10.0
_MAX_PORT: Final = 65_535
# How alike a variable must be to one of ours to be a slip; others may share the prefix.
_NEARLY: Final = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything a client needs to know; each field is ``PAT_EVENTS_<NAME>`` in the environment.

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
            seconds. librdkafka's own 300 s hides an outage for too long.
        connect_timeout_s: How long to wait for a broker at start, in seconds. With 0 a
            producer starts without asking; what cannot do without an answer, such as a
            consumer group or an operator's command, then waits up to 10 s.
        group_protocol: ``classic``, or ``consumer`` for KIP-848 (brokers 4.0 and later).
        msk_iam_region: AWS region of an MSK cluster that authenticates by IAM: connect
            by TLS with tokens signed with boto3's credentials. Needs the extra ``msk``.
        client_properties: Further librdkafka settings, such as ``security.protocol``.
            In the environment: ``PAT_EVENTS_CLIENT_PROPERTIES=a=b;c=d``.
    """

    bootstrap_servers: str
    catalog: Path | None = None
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
    client_properties: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse impossible values.

        Raises:
            ConfigError: names the field, the value and what to use instead.
        """
        if not self.bootstrap_servers.strip():
            raise ConfigError("bootstrap_servers is empty: give host:port of at least one broker")
        _refuse_impossible_ports(self.bootstrap_servers)
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ConfigError(
                    f"{name} is {getattr(self, name)!r}: use one of {', '.join(choices)}"
                )
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

    def __repr__(self) -> str:
        shown = {spec.name: getattr(self, spec.name) for spec in fields(self)}
        shown["client_properties"] = redact(self.client_properties)
        return f"Config({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


def env_variable(field_name: str) -> str:
    """Return the name of the environment variable of a field of ``Config``."""
    return _ENV_PREFIX + field_name.upper()


def redact(properties: Mapping[str, object]) -> dict[str, object]:
    """Return client properties with the secrets masked, fit for a log."""
    return {
        name: "***" if any(word in name.lower() for word in _SECRET) else value
        for name, value in properties.items()
    }


def _refuse_impossible_ports(servers: str) -> None:
    """Refuse what the client would read as another port: 99999 as 34463, text as 0."""
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
                raise ConfigError(f"{variable} is no setting: did you mean {near}?")


def _parse(name: str, declared: str, raw: str) -> object:
    variable = env_variable(name)
    try:
        if declared == "int":
            return int(raw)
        if declared == "float":
            return float(raw)
    except ValueError:
        raise ConfigError(f"{variable} is {raw!r}: a number is expected") from None
    if declared.startswith("Mapping"):
        return _pairs(variable, raw)
    return Path(raw) if declared.startswith("Path") else raw


def _pairs(variable: str, raw: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in raw.split(";") if part.strip()]
    if any(not equals or not name.strip() for name, equals, _ in pairs):
        # The text may hold a password: it is not repeated.
        raise ConfigError(f"{variable} cannot be read: write name=value;name=value")
    return {name.strip(): value.strip() for name, _, value in pairs}
