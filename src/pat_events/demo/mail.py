"""E-mails as they lie on disk, and the event each of them makes.

What strangers send is broken in every way there is: nothing in a mail may raise here.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import ipaddress
import mailbox
import re
from contextlib import suppress
from email.utils import getaddresses, parsedate_to_datetime
from importlib import resources
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from pat_events.errors import ConfigError
from pat_events.events import Attachment, EmailAddress, EmailProtocol, EmailReceived

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from email.message import EmailMessage
    from pathlib import Path

# Attribute that says which fields were left out to keep the event small enough.
OMITTED: Final = "demo.omitted"
# Attribute that says why a mail could not be taken apart.
UNPARSED: Final = "demo.unparsed"

# What the envelope's headers add to the payload, generously.
_ENVELOPE_BYTES: Final = 2_048
# Biggest first, and first what repeats what is elsewhere in the event.
_DROPPED_FIRST: Final = (
    "raw_email",
    "html_body",
    "text_body",
    "headers",
    "attachments",
    "to",
    "cc",
    "bcc",
    "subject",
    "from",
    "message_id",
)
_CLIENT_IP: Final = re.compile(r"\[(?:IPv6:)?([0-9a-fA-F.:]+)\]")
_SMTP: Final = re.compile(r"\bwith\s+(?:utf8)?e?smtps?a?\b", re.IGNORECASE)


def samples() -> list[bytes]:
    """Return the mails that come with the package, in the order of their names."""
    folder = resources.files("pat_events.demo") / "samples"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".eml")), key=lambda f: f.name)
    return [file.read_bytes() for file in files]


def read_mails(path: Path) -> Iterator[bytes]:
    """Return the mails of an mbox, a Maildir, a folder of .eml files or one such file.

    Raises:
        ConfigError: there is nothing like that, it holds no mail, or it cannot be read.
    """
    mails = _readable(path)
    first = next(mails, None)
    if first is None:
        raise ConfigError(f"{path} holds no mail")
    return chain([first], mails)


def _readable(path: Path) -> Iterator[bytes]:
    try:
        yield from filter(None, _mails(path))  # An empty file is no mail.
    except OSError as error:
        raise ConfigError(f"{error.filename or path} cannot be read: {error.strerror}") from error


def _mails(path: Path) -> Iterator[bytes]:
    if not path.exists():
        raise ConfigError(f"{path} does not exist: name an mbox, a Maildir or a folder of .eml")
    if path.is_dir():
        if (path / "cur").is_dir() and (path / "new").is_dir():
            return _maildir(path)
        files = sorted(file for file in path.rglob("*.[eE][mM][lL]") if file.is_file())
        if not files:
            raise ConfigError(f"{path} is no Maildir and holds no .eml file")
        return _folder(files)
    if not path.is_file():
        raise ConfigError(f"{path} is no file: name an mbox, a Maildir or a folder of .eml")
    with path.open("rb") as file:
        is_mbox = file.read(5) == b"From "
    return _mbox(path) if is_mbox else iter([path.read_bytes()])


def _mbox(path: Path) -> Iterator[bytes]:
    box = mailbox.mbox(path, create=False)
    try:
        for key in box.iterkeys():
            yield box.get_bytes(key)
    finally:
        box.close()


def _maildir(path: Path) -> Iterator[bytes]:
    box = mailbox.Maildir(path, create=False)
    for key in sorted(box.iterkeys()):
        try:
            raw = box.get_bytes(key)
        except (KeyError, FileNotFoundError):
            continue  # It has gone since: somebody reads this mail.
        yield raw


def _folder(files: Iterable[Path]) -> Iterator[bytes]:
    for file in files:
        try:
            raw = file.read_bytes()
        except FileNotFoundError:
            continue
        yield raw


def email_received(raw: bytes, max_event_bytes: int) -> EmailReceived:
    """Return the event of a mail; never raises for what the mail contains.

    Where the event would be too large, fields are left out until it is not, and the
    attribute ``demo.omitted`` names them.
    """
    digest = hashlib.sha256(raw).hexdigest()
    event = EmailReceived(email_id=f"mail-{digest[:16]}", size_bytes=len(raw))
    try:
        _fill(event, email.message_from_bytes(raw, policy=email.policy.default))
    except Exception as error:  # noqa: BLE001 -- see the module: the raw mail still goes on
        event.metadata.attributes[UNPARSED] = _clean(f"{type(error).__name__}: {error}")[:200]
    event.raw_email = raw
    _shrink(event, max_event_bytes - _ENVELOPE_BYTES)
    return event


def _fill(event: EmailReceived, message: EmailMessage) -> None:
    headers = _headers(message)
    event.message_id = _header(headers, "message-id")
    event.subject = _header(headers, "subject")
    for name, field in (("to", event.to), ("cc", event.cc), ("bcc", event.bcc)):
        field.extend(_addresses(text for key, text in headers if key.lower() == name))
    for address in _addresses([_header(headers, "from")])[:1]:
        getattr(event, "from").CopyFrom(address)
    for name, text in headers:
        event.headers[name] = text
    _fill_arrival(event, headers)
    _fill_parts(event, message)


def _headers(message: EmailMessage) -> list[tuple[str, str]]:
    """Return the headers decoded, or as they came where they cannot be."""
    found = []
    for name, raw in message.raw_items():
        text: object = raw
        # The parser of structured headers raises whatever it stumbles over.
        with suppress(Exception):
            text = message.policy.header_fetch_parse(name, raw)
        found.append((_clean(name), _clean(str(text))))
    return found


def _fill_arrival(event: EmailReceived, headers: list[tuple[str, str]]) -> None:
    """Take from the topmost Received header what the last server knew of the client."""
    received = _header(headers, "received")
    by = received.find(" by ")
    for found in _CLIENT_IP.finditer(received if by < 0 else received[:by]):
        with suppress(ValueError):
            event.source_ip = str(ipaddress.ip_address(found[1]))
    if _SMTP.search(received):
        event.protocol = EmailProtocol.EMAIL_PROTOCOL_SMTP
    for date in (received.rpartition(";")[2], _header(headers, "date")):
        with suppress(Exception):
            event.received_at.FromDatetime(parsedate_to_datetime(date.strip()))
            return


def _fill_parts(event: EmailReceived, message: EmailMessage) -> None:
    for part in message.walk():
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        name = _quietly(part.get_filename)
        if name is None and not _quietly(part.is_attachment):
            if kind == "text/plain" and not event.text_body:
                event.text_body = _text(part)
                continue
            if kind == "text/html" and not event.html_body:
                event.html_body = _text(part)
                continue
        content = part.get_payload(decode=True)
        content = content if isinstance(content, bytes) else b""
        event.attachments.append(
            Attachment(
                id=f"{event.email_id}-{len(event.attachments) + 1}",
                filename=_clean(str(name or "")),
                content_type=_clean(kind),
                size=len(content),
                checksum=hashlib.sha256(content).hexdigest(),
            )
        )


def _text(part: EmailMessage) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    try:
        return _clean(content.decode(part.get_content_charset("utf-8"), "replace"))
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


def _addresses(texts: Iterable[str]) -> list[EmailAddress]:
    return [
        EmailAddress(address=_clean(address), name=_clean(name))
        for name, address in getaddresses(list(texts))
        if address
    ]


def _header(headers: list[tuple[str, str]], name: str) -> str:
    """Return the first header of that name: the one the last server put on top."""
    return next((text for key, text in headers if key.lower() == name), "")


def _quietly(read: Callable[[], Any]) -> Any:  # noqa: ANN401 -- whatever the parser returns
    with suppress(Exception):
        return read()
    return None


def _clean(text: str) -> str:
    """Replace the lone surrogates that stand for undecoded bytes: no event can carry them."""
    return text.encode("utf-8", "replace").decode()


def _shrink(event: EmailReceived, limit: int) -> None:
    omitted: list[str] = []
    for field in _DROPPED_FIRST:
        if event.ByteSize() <= limit:
            break
        if field in {descriptor.name for descriptor, _ in event.ListFields()}:
            event.ClearField(field)
            omitted.append(field)
            event.metadata.attributes[OMITTED] = ",".join(omitted)
