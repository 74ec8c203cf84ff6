"""A mail costs time and memory by its length, whatever grammar its headers are written in.

Without bounds each of these takes minutes or gigabytes: the limit of time is no measurement.
"""

import logging
import mailbox
import os
import time

import pytest

from pat_events.demo.mail import UNPARSED, email_received, read_mails
from pat_events.demo.pipeline import read_every_text
from pat_events.events import EmailProtocol

pytestmark = pytest.mark.timeout(120)

LIMIT = 10_000_000
BODY = b"\r\n\r\nthe body\r\n"
SIZE = 280_000


def long(unit, size=SIZE):
    return unit * (size // len(unit))


def event_of(headers, body=BODY):
    return email_received(b"X-First: 1\r\n" + headers + body, LIMIT)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("subject", long(b"=?utf-8?q?aaaa?=\r\n ")),
        ("subject", b"=?punycode?q?" + long(b"a-b0") + b"?="),
        ("to", long(b"a@b.c, ")),
        ("to", long(b'"')),
        ("to", long(b"a.")),
        ("from", long(b"\\")),
        ("message-id", b"<" + long(b"a.") + b">"),
        ("date", long(b"(a)")),
        ("content-type", b"text/plain" + long(b";\r\n a*1=utf-8''x")),
        ("content-type", b"text/plain" + long(b"; p=x")),
        ("content-disposition", b"inline" + long(b"; p=x")),
        ("content-transfer-encoding", long(b"8bit;")),
        ("mime-version", b"1.0" + long(b"(a)")),
    ],
    ids=lambda value: value[:24].decode() if isinstance(value, bytes) else value,
)
def test_a_header_beyond_its_limit_stays_as_it_came(name, value):
    event = event_of(name.encode() + b": " + value)
    assert event.headers[name].strip() == value.replace(b"\r\n", b"").decode().strip()
    assert event.metadata.attributes[UNPARSED] == f"left as they came: {name}"
    assert event.text_body.strip() == "the body" or name == "content-disposition"


@pytest.mark.parametrize(
    "header",
    [
        b"Received: from [1.2.3.4] by x with esmtp; Mon, 1 Jan 2026 00:00:00 +%d\r\n",
        b"Content-Type: text/plain; charset=utf-8; a=%d\r\n",
        b"Content-Disposition: inline; a=%d\r\n",
        b"Cc: ada%d@example.com\r\n",
        b"X: =?utf-8?q?a%d?=\r\n",
    ],
    ids=lambda header: header[:10].decode(),
)
def test_headers_without_number_do_not_cost_the_mail(header):
    event = event_of(b"Subject: first\r\n" + b"".join(header % n for n in range(20_000)))
    assert (event.subject, event.text_body.strip()) == ("first", "the body")
    assert header.partition(b":")[0].decode().lower() in event.metadata.attributes[UNPARSED]


def test_the_first_of_many_received_headers_says_where_a_mail_came_from():
    line = b"Received: from [%s] by x with esmtp; Mon, 2 Nov 2026 08:00:00 +0000\r\n"
    event = event_of(line % b"192.0.2.1" + long(line % b"192.0.2.2", 1_000_000))
    assert event.source_ip == "192.0.2.1"
    assert event.protocol == EmailProtocol.EMAIL_PROTOCOL_SMTP
    assert event.received_at.seconds == 1_793_606_400


def test_some_thousand_recipients_are_all_taken():
    event = event_of(
        b"To: " + b",\r\n ".join(b'"N, %d" <n%d@example.com>' % (n, n) for n in range(2_000))
    )
    assert len(event.to) == 2_000
    assert (event.to[1_999].name, event.to[1_999].address) == ("N, 1999", "n1999@example.com")


@pytest.mark.parametrize("unit", [b"(", b":", b"<", b"["])
def test_addresses_nested_without_end_do_not_cost_the_body(unit):
    event = event_of(b"To: " + unit * 5_000 + b"\r\nSubject: still there")
    assert (event.subject, event.text_body.strip()) == ("still there", "the body")
    assert not event.to


@pytest.mark.parametrize("charset", [b"punycode", b"idna", b"unicode_escape", b"no-such", b"\xff"])
def test_a_body_is_not_decoded_by_what_is_no_charset(charset):
    body = long(b"ab0-", 1_000_000)
    event = event_of(b"Content-Type: text/plain; charset=" + charset + b"\r\n", b"\r\n" + body)
    assert event.text_body == body.decode()


@pytest.mark.parametrize(
    "part",
    [
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n",
        b"Content-Type: message/rfc822; x=%d; y=%d\r\n\r\n",
    ],
    ids=["multipart", "message"],
)
def test_parts_within_parts_do_not_cost_the_headers(part):
    nested = b"".join(part % (n, n) for n in range(300))
    event = event_of(b"Subject: outside\r\n" + nested, long(b"\r\n", 1_000_000))
    assert event.subject == "outside"


@pytest.fixture(params=["folder", "maildir"])
def mails(request, tmp_path):
    """A folder or Maildir with one mail, and the folder where its mails lie."""
    mailbox.Maildir(tmp_path / "maildir").close()
    (tmp_path / "folder").mkdir()
    path = tmp_path / request.param
    inside = path / "new" if request.param == "maildir" else path
    (inside / "5.eml").write_bytes(b"Subject: sound\r\n\r\n")
    return path, inside


@pytest.mark.parametrize("kind", ["pipe", "loop", "device", "huge"])
def test_what_is_no_mail_is_skipped_with_a_warning(mails, kind, caplog):
    path, inside = mails
    stranger = inside / "1.eml"
    if kind == "pipe":
        os.mkfifo(stranger)
    elif kind == "huge":
        with stranger.open("wb") as file:
            file.truncate(2**33)
    else:
        stranger.symlink_to(stranger if kind == "loop" else "/dev/zero")
    with caplog.at_level(logging.WARNING, "pat_events.demo"):
        assert list(read_mails(path)) == [b"Subject: sound\r\n\r\n"]
    if path.name == "maildir" or kind == "huge":
        assert "1.eml is skipped: no regular file of at most" in caplog.text


@pytest.mark.parametrize("unit", [b";p%d=x", b";a*%d=x"])
def test_the_processor_reads_a_mail_again_within_the_same_bounds(unit):
    parameters = b"".join(unit % number for number in range(20_000))
    began = time.process_time()
    read_every_text(b"Content-Type: text/plain" + parameters + BODY)
    # 6.6 s and more without bounds; of this process alone, however busy the machine is.
    assert time.process_time() - began < 2


def test_parts_within_parts_without_end_are_no_more_than_a_mail_to_the_processor():
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" for _ in range(3000)
    )
    read_every_text(nested)
