"""The claim check: an event whose payload is an object elsewhere, and what it says of that.

A record carries it as CloudEvents' ``dataref``, with length and SHA-256 of the payload in two
attributes beside it; it has no payload of its own then.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from pat_events.core import headers as h
from pat_events.core.shown import one_line
from pat_events.errors import ClaimCheckError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pat_events.core.record import HeaderValues

#: What to do where an event is larger than its bus takes.
TOO_LARGE_ADVICE: Final = (
    "set PAT_EVENTS_CLAIM_CHECK_BUCKET, or keep large bodies in S3 and send their key"
)
_SCHEME: Final = "s3://"
# None of them means anything else in a URI, so that a key is written in one as it is.
_KEY: Final = re.compile(r"[A-Za-z0-9/!_.*'()=+@:~,-]{1,1024}")
# A key is a text to S3, and a path to what may stand before it.
_DOTS: Final = re.compile(r"(^|/)\.\.?(/|$)|//|^/")
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ID: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_PREFIX_MAX: Final = 512
# Of a length: what may be read is decided by whoever reads.
_DIGITS_MAX: Final = 15
_SHOWN_MAX: Final = 300


class Location(NamedTuple):
    """A place that payloads may be read from: a bucket, and what its keys begin with."""

    bucket: str
    prefix: str = ""

    @classmethod
    def of(cls, text: str) -> Location:
        """Return what ``bucket`` or ``bucket/prefix`` means."""
        bucket, _, prefix = text.removeprefix(_SCHEME).partition("/")
        return cls(bucket, prefix)

    def check(self) -> None:
        """Refuse what can be no place.

        Raises:
            ConfigError: names the part.
        """
        if not _BUCKET.fullmatch(self.bucket):
            raise ConfigError(f"{self.bucket[:100]!r} is no name of an S3 bucket")
        prefix = self.prefix
        if prefix and (
            len(prefix) > _PREFIX_MAX or not _KEY.fullmatch(prefix) or _DOTS.search(prefix)
        ):
            raise ConfigError(
                f"{prefix[:100]!r} cannot begin the keys of a claim check: use at most "
                f"{_PREFIX_MAX} letters, digits and !_.*'()=+@:~,- in parts separated by single "
                "slashes"
            )


class Claim(NamedTuple):
    """Where a payload is, and what it has to be: ``length`` bytes with this SHA-256 (hex)."""

    bucket: str
    key: str
    length: int
    sha256: str

    @property
    def uri(self) -> str:
        """The reference, ``s3://bucket/key``."""
        return f"{_SCHEME}{self.bucket}/{self.key}"

    @property
    def headers(self) -> dict[str, bytes]:
        """What a record says of it."""
        return {
            h.CE_DATAREF: self.uri.encode(),
            h.CE_DATAREF_LENGTH: b"%d" % self.length,
            h.CE_DATAREF_SHA256: self.sha256.encode(),
        }

    def refuse_another(self, payload: bytes) -> None:
        """Refuse what is not the payload that the event was published with.

        Raises:
            ClaimCheckError: length or SHA-256 is another.
        """
        if len(payload) != self.length:
            raise ClaimCheckError(
                f"{self.uri} has {len(payload)} bytes, the event says {self.length}: it was "
                "replaced after the event was published"
            )
        if hashlib.sha256(payload).hexdigest() != self.sha256:
            raise ClaimCheckError(
                f"{self.uri} has another SHA-256 than the event says: it was replaced after the "
                "event was published"
            )


def claim_for(location: Location, values: HeaderValues, payload: bytes) -> Claim:
    """Return where a record's payload is to go.

    The same event goes to the same object, whoever publishes it again and when. One that has
    changed under its id goes to another: what was sent before must find its own.
    """
    sha256 = hashlib.sha256(payload).hexdigest()
    event_id = h.text(values, h.CE_ID) or ""
    if not _ID.fullmatch(event_id):
        event_id = hashlib.sha256(event_id.encode()).hexdigest()
    day = _DAY.match(h.text(values, h.CE_TIME) or "")
    type_name = h.text(values, h.CE_TYPE) or "untyped"
    shown_day = day[0] if day else "undated"
    key = f"{location.prefix}{type_name}/{shown_day}/{event_id}-{sha256[:16]}"
    return Claim(location.bucket, key, len(payload), sha256)


def read_claim(values: HeaderValues, allowed: Iterable[Location], max_bytes: int) -> Claim:
    """Return what the headers of a record say of its payload.

    Args:
        values: The headers.
        allowed: Where payloads may be read from.
        max_bytes: Longest payload that is read.

    Raises:
        ClaimCheckError: that is no reference, one to elsewhere or to too much.
    """
    uri = h.text(values, h.CE_DATAREF) or ""
    shown = one_line(uri, _SHOWN_MAX)
    bucket, _, key = uri.removeprefix(_SCHEME).partition("/")
    is_s3 = uri.startswith(_SCHEME) and _BUCKET.fullmatch(bucket)
    if not is_s3 or not _KEY.fullmatch(key) or _DOTS.search(key):
        raise ClaimCheckError(f"dataref {shown!r} is no s3://bucket/key that is followed")
    places = tuple(allowed)
    if not places:
        raise ClaimCheckError(
            f"its payload is in {shown}, and no claim check is configured: set "
            f"PAT_EVENTS_CLAIM_CHECK_READ_FROM={bucket}, or claim_check_read_from of Config"
        )
    if not any(bucket == place.bucket and key.startswith(place.prefix) for place in places):
        raise ClaimCheckError(
            f"its payload is in {shown}, where this consumer does not read: if it should, name the "
            "place in PAT_EVENTS_CLAIM_CHECK_READ_FROM"
        )
    length = values.get(h.CE_DATAREF_LENGTH) or b""
    sha256 = (h.text(values, h.CE_DATAREF_SHA256) or "").lower()
    if not (length.isdigit() and len(length) <= _DIGITS_MAX and _SHA256.fullmatch(sha256)):
        raise ClaimCheckError(
            f"its payload is in {shown}, without datareflength and datarefsha256 to check it by"
        )
    if int(length) > max_bytes:
        raise ClaimCheckError(
            f"its payload in {shown} has {int(length)} bytes, {max_bytes} are read (buffer_bytes)"
        )
    return Claim(bucket, key, int(length), sha256)
