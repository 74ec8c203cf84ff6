"""E-mails as they lie on disk, and the event each of them makes.

What strangers send is broken in every way there is: nothing in a mail may raise here.
"""

from __future__ import annotations

import codecs
import errno
import hashlib
import ipaddress
import logging
import mailbox
import os
import re
from contextlib import suppress
from email.utils import parsedate_to_datetime
from importlib import resources
from itertools import chain
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any, Final

from pat_events.core.shown import one_line
from pat_events.demo.mail_parsing import MAX_HEADER, ParsedMail
from pat_events.errors import ConfigError
from pat_events.events import Attachment, EmailAddress, EmailProtocol, EmailReceived

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from email.message import EmailMessage

_log = logging.getLogger("pat_events.demo")

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
# Encodings of Python that no mail is in; decoding the first two takes quadratic time.
_NO_CHARSETS: Final = {"punycode", "idna", "unicode_escape", "raw_unicode_escape"}
# Several times what providers take.
_MAX_MAIL_BYTES: Final = 100_000_000
_SHOWN_MAX: Final = 40
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
        name = one_line(str(error.filename or path))
        raise ConfigError(f"{name} cannot be read: {error.strerror}") from error


def _mails(path: Path) -> Iterator[bytes]:
    if not path.exists():
        raise ConfigError(f"{path} does not exist: name an mbox, a Maildir or a folder of .eml")
    if path.is_dir():
        if (path / "cur").is_dir() and (path / "new").is_dir():
            return _box(_Maildir(path, create=False))
        files = sorted(file for file in path.rglob("*.[eE][mM][lL]") if file.is_file())
        if not files:
            raise ConfigError(f"{path} is no Maildir and holds no .eml file")
        return _folder(files)
    if not path.is_file():
        raise ConfigError(f"{path} is no file: name an mbox, a Maildir or a folder of .eml")
    with path.open("rb") as file:
        is_mbox = file.read(5) == b"From "
    return _box(_Mbox(path, create=False)) if is_mbox else _folder([path])


class _Maildir(mailbox.Maildir):
    def get_bytes(self, key: str) -> bytes:
        return _read(Path(self._path, self._lookup(key)))  # type: ignore[attr-defined]


class _Mbox(mailbox.mbox):
    def get_bytes(self, key: str, from_: bool = False) -> bytes:  # noqa: FBT001, FBT002 -- as its base
        raw: bytes = self.get_file(key, from_).read(_MAX_MAIL_BYTES + 1)
        return raw if len(raw) <= _MAX_MAIL_BYTES else _skipped(f"mail {key} of {self._path}")


def _box(box: mailbox.mbox | mailbox.Maildir) -> Iterator[bytes]:
    try:
        for key in sorted(box.iterkeys()):
            # Where it has gone since: somebody reads this mail.
            with suppress(KeyError, FileNotFoundError):
                yield box.get_bytes(key)
    finally:
        box.close()


def _folder(files: Iterable[Path]) -> Iterator[bytes]:
    for file in files:
        with suppress(FileNotFoundError):
            yield _read(file)


def _read(path: Path) -> bytes:
    """Return what a file holds; nothing for what is no mail."""
    try:
        # Opening a pipe would wait for whoever writes to it, and a device may never end.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            stat = os.fstat(file.fileno())
            if S_ISREG(stat.st_mode) and stat.st_size <= _MAX_MAIL_BYTES:
                return file.read()
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
    return _skipped(path)


def _skipped(what: object) -> bytes:
    name = one_line(str(what))
    _log.warning("%s is skipped: no regular file of at most %d bytes", name, _MAX_MAIL_BYTES)
    return b""


def email_received(raw: bytes, max_event_bytes: int) -> EmailReceived:
    """Return the event of a mail; never raises for what the mail contains.

    Where the event would be too large, fields are left out until it is not, and the
    attribute ``demo.omitted`` names them.
    """
    digest = hashlib.sha256(raw).hexdigest()
    event = EmailReceived(email_id=f"mail-{digest[:16]}", size_bytes=len(raw))
    try:
        _fill(event, ParsedMail(raw))
    except Exception as error:  # noqa: BLE001 -- see the module: the raw mail still goes on
        event.metadata.attributes[UNPARSED] = _clean(f"{type(error).__name__}: {error}")[:200]
    event.raw_email = raw
    _shrink(event, max_event_bytes - _ENVELOPE_BYTES)
    return event


def _fill(event: EmailReceived, mail: ParsedMail) -> None:
    headers = [(_clean(name), _clean(text)) for name, text in mail.headers]
    event.message_id = _header(headers, "message-id")
    event.subject = _header(headers, "subject")
    for name, field in (("to", event.to), ("cc", event.cc), ("bcc", event.bcc)):
        field.extend(_addresses(mail, name))
    for address in _addresses(mail, "from")[:1]:
        getattr(event, "from").CopyFrom(address)
    for name, text in headers:
        event.headers[name] = text
    _fill_arrival(event, headers)
    _fill_parts(event, mail.message)
    if mail.left_raw:
        names = ", ".join(name[:_SHOWN_MAX] for name in mail.left_raw[:_SHOWN_MAX])
        event.metadata.attributes[UNPARSED] = _clean(f"left as they came: {names}")[:200]


def _fill_arrival(event: EmailReceived, headers: list[tuple[str, str]]) -> None:
    """Take from the topmost Received header what the last server knew of the client."""
    received = _header(headers, "received")[:MAX_HEADER]
    by = received.find(" by ")
    for found in _CLIENT_IP.finditer(received if by < 0 else received[:by]):
        with suppress(ValueError):
            event.source_ip = str(ipaddress.ip_address(found[1]))
    if _SMTP.search(received):
        event.protocol = EmailProtocol.EMAIL_PROTOCOL_SMTP
    for date in (received.rpartition(";")[2], _header(headers, "date")[:MAX_HEADER]):
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
        charset = codecs.lookup(part.get_content_charset("utf-8")).name
        if charset not in _NO_CHARSETS:
            return _clean(content.decode(charset, "replace"))
    except (LookupError, ValueError):
        pass
    return content.decode("utf-8", "replace")


def _addresses(mail: ParsedMail, name: str) -> list[EmailAddress]:
    return [
        EmailAddress(address=_clean(address), name=_clean(who))
        for who, address in mail.addresses(name)
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
