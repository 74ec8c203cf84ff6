"""Settings that are handed on to the client: read from a variable, and shown without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pat_events.core.checks import wrong_type
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from typing import Self

PropertyValue: TypeAlias = str | int | float | bool | Callable[..., Any]

# The names whose values are shown. All others are not: the name of a secret may be misspelt.
_SHOWN: Final = frozenset(
    {
        "acks",
        "allow.auto.create.topics",
        "broker.address.family",
        "check.crcs",
        "client.dns.lookup",
        "client.id",
        "client.rack",
        "compression.level",
        "debug",
        "enable.metrics.push",
        "enable.sasl.oauthbearer.unsecure.jwt",
        "enable.ssl.certificate.verification",
        "group.instance.id",
        "group.remote.assignor",
        "https.ca.location",
        "isolation.level",
        "log_level",
        "max.in.flight",
        "max.in.flight.requests.per.connection",
        "metadata.recovery.strategy",
        "sasl.kerberos.principal",
        "sasl.kerberos.service.name",
        "sasl.mechanism",
        "sasl.mechanisms",
        "sasl.oauthbearer.client.id",
        "sasl.oauthbearer.method",
        "sasl.oauthbearer.scope",
        "sasl.username",
        "security.protocol",
        "ssl.ca.location",
        "ssl.certificate.location",
        "ssl.cipher.suites",
        "ssl.crl.location",
        "ssl.endpoint.identification.algorithm",
        "ssl.key.location",
        "ssl.keystore.location",
    }
)
_SHOWN_ENDS: Final = (".ms", ".bytes", ".kbytes", ".messages", ".max", ".enable", ".disable")
# How the names of librdkafka begin. What begins otherwise may be the
# rest of a password that has a semicolon.
_NAME: Final = re.compile(
    r"""(acks|debug|error_cb|log_level|logger|oauth_cb|partitioner|retries|stats_cb|throttle_cb
    |(allow|api|auto|batch|bootstrap|broker|builtin|check|client|compression|connections|consume
    |coordinator|default|delivery|enable|fetch|group|heartbeat|https|internal|isolation|linger|log
    |max|message|metadata|offset|partition|plugin|produce|queue|queued|queuing|receive|reconnect
    |request|retry|sasl|security|session|socket|ssl|statistics|sticky|test|topic|transaction
    |transactional)(\.[a-z0-9_]+)+)""",
    re.VERBOSE,
)


class ClientProperties(dict[str, PropertyValue]):
    """Properties of the client; ``repr`` shows only values that are known to be no secrets."""

    @classmethod
    def of(cls, properties: Mapping[str, PropertyValue]) -> Self:
        """Return a copy.

        Raises:
            ConfigError: this is no mapping, or a value is neither text nor number nor callable.
        """
        if not isinstance(properties, Mapping):
            raise ConfigError(
                f"client_properties is of type {type(properties).__name__}: give a mapping of "
                "names to values"
            )
        for name, value in properties.items():
            if not isinstance(name, str):
                raise wrong_type("the name of a client property", name, "text (str)")
            if not (isinstance(value, str | int | float) or callable(value)):
                # The value may be a secret: it is not repeated.
                raise ConfigError(
                    f"client property {name!r} is of type {type(value).__name__}: give text or a "
                    "number"
                )
        return cls(properties)

    def __repr__(self) -> str:
        shown = {
            name: value if name in _SHOWN or name.endswith(_SHOWN_ENDS) else "***"
            for name, value in self.items()
        }
        return repr(shown)


def parse(variable: str, raw: str, *, lines: bool = False) -> dict[str, PropertyValue]:
    """Read ``name=value;name=value``, with ``lines`` one of them a line, or a JSON object.

    Raises:
        ConfigError: it is neither; never repeats what may be a part of a secret.
    """
    if raw.lstrip().startswith("{"):
        return _from_json(variable, raw)
    pairs: list[tuple[str, PropertyValue]] = []
    parts = raw.splitlines() if lines else raw.split(";")
    for number, part in enumerate(filter(str.strip, parts), start=1):
        name, equals, value = (text.strip() for text in part.partition("="))
        if not equals or not _NAME.fullmatch(name):
            raise ConfigError(
                f"{variable}: part {number} does not begin with the name of a client property and "
                "'='; write name=value;name=value, or a JSON object where a value has a "
                'semicolon: {"name": "value"}'
            )
        pairs.append((name, value))
    return _unique(variable, pairs)


def _from_json(variable: str, raw: str) -> dict[str, PropertyValue]:
    try:
        found: dict[str, PropertyValue] = json.loads(
            raw, object_pairs_hook=lambda pairs: _unique(variable, pairs)
        )
    except (ValueError, RecursionError) as error:
        # The place, and nothing of the text.
        place = f": {error}" if isinstance(error, json.JSONDecodeError) else ""
        raise ConfigError(f"{variable} begins with '{{' and is no JSON object{place}") from None
    return found


def _unique(variable: str, pairs: list[tuple[str, PropertyValue]]) -> dict[str, PropertyValue]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ConfigError(f"{variable} sets a property twice")
    return found
