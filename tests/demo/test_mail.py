import email.policy
import hashlib
import mailbox
import os
from email.message import EmailMessage

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pat_events.demo.mail import OMITTED, email_received, read_mails, samples
from pat_events.errors import ConfigError
from pat_events.events import EmailProtocol

LIMIT = 1_000_000


def events():
    return [email_received(raw, LIMIT) for raw in samples()]


def by_subject(word):
    [found] = [event for event in events() if word in event.subject]
    return found


def mail(subject="Hello", size=10):
    message = EmailMessage()
    message["From"] = "Ada <ada@example.com>"
    message["To"] = "desk@example.net"
    message["Subject"] = subject
    message.set_content("x" * size)
    return message.as_bytes(policy=email.policy.SMTP)


def test_every_sample_says_who_sent_what_and_when():
    found = events()
    assert len(found) == 12
    for event in found:
        sender = getattr(event, "from")
        assert "@" in sender.address
        assert event.to
        assert event.subject
        assert event.received_at.seconds > 0
        assert event.protocol == EmailProtocol.EMAIL_PROTOCOL_SMTP
        assert event.size_bytes == len(event.raw_email)
        assert not event.metadata.attributes


def test_encoded_words_and_charsets_are_decoded():
    event = by_subject("会議のお知らせ")
    assert getattr(event, "from").name == "田中"
    assert "午後三時" in event.text_body


def test_an_attachment_is_described_by_its_content():
    event = by_subject("Time sheet")
    [attachment] = event.attachments
    assert attachment.filename == "timesheet-2026-10.csv"
    assert attachment.content_type == "text/csv"
    [part] = [
        part
        for part in email.message_from_bytes(event.raw_email).walk()
        if part.get_content_type() == "text/csv"
    ]
    content = part.get_payload(decode=True)
    assert attachment.size == len(content)
    assert attachment.checksum == hashlib.sha256(content).hexdigest()


def test_both_bodies_of_an_alternative_are_taken():
    event = by_subject("has shipped")
    assert "84,90 €" in event.text_body
    assert "<b>10-4482</b>" in event.html_body
    assert not event.attachments
    assert event.source_ip == "2001:db8::25"


def test_the_topmost_received_header_names_the_client():
    assert by_subject("[dev]").source_ip == "198.51.100.7"


def test_an_mbox_a_maildir_and_a_folder_hold_the_same_mails(tmp_path):
    mails = [mail(f"number {number}") for number in range(3)]
    box = mailbox.mbox(tmp_path / "box")
    maildir = mailbox.Maildir(tmp_path / "maildir")
    folder = tmp_path / "folder" / "below"
    folder.mkdir(parents=True)
    for number, raw in enumerate(mails):
        box.add(raw)
        maildir.add(raw)
        (folder / f"{number}.eml").write_bytes(raw)
    box.close()
    maildir.close()
    for path in (tmp_path / "box", tmp_path / "maildir", tmp_path / "folder"):
        subjects = {email_received(raw, LIMIT).subject for raw in read_mails(path)}
        assert subjects == {"number 0", "number 1", "number 2"}


def test_a_single_mail_can_be_named(tmp_path):
    (tmp_path / "one.eml").write_bytes(mail("only"))
    [raw] = read_mails(tmp_path / "one.eml")
    assert email_received(raw, LIMIT).subject == "only"


@pytest.mark.parametrize("name", ["absent", ".", "empty.eml", "folder", "maildir", "pipe"])
def test_a_path_without_mails_is_refused_by_name(tmp_path, name):
    path = tmp_path / "there"
    (path / "folder").mkdir(parents=True)
    (path / "empty.eml").touch()
    (path / "folder" / "empty.eml").touch()
    mailbox.Maildir(path / "maildir").close()
    os.mkfifo(path / "pipe")
    with pytest.raises(ConfigError, match=str(path / name)):
        read_mails(path / name)


def test_the_letters_of_a_suffix_may_be_large(tmp_path):
    (tmp_path / "0.EML").write_bytes(mail())
    assert list(read_mails(tmp_path)) == [mail()]


@pytest.mark.parametrize("kind", ["maildir", "folder"])
def test_a_mail_that_goes_while_others_are_read_is_skipped(tmp_path, kind):
    maildir = mailbox.Maildir(tmp_path / "maildir")
    (tmp_path / "folder").mkdir()
    for number in range(3):
        maildir.add(mail(f"number {number}"))
        (tmp_path / "folder" / f"{number}.eml").write_bytes(mail(f"number {number}"))
    for new in ("folder/dangling.eml", "maildir/new/dangling"):
        (tmp_path / new).symlink_to("nowhere")
    mails = read_mails(tmp_path / kind)
    first = next(mails)
    files = [file for file in (tmp_path / kind).rglob("*") if file.is_file()]
    next(file for file in files if file.read_bytes() != first).unlink()
    assert len(list(mails)) == 1


def test_what_makes_an_event_too_large_is_left_out_and_named():
    event = email_received(mail(size=50_000), 20_000)
    assert event.ByteSize() < 20_000
    assert not event.raw_email
    assert event.metadata.attributes[OMITTED] == "raw_email,text_body"
    assert event.subject == "Hello"
    assert event.size_bytes > 50_000


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [b"From", b"To", b"Subject", b"Date", b"Content-Type", b"Received", b"Message-ID"]
            ),
            st.one_of(
                st.binary(max_size=60),
                st.sampled_from(
                    [
                        b"=?x?q?=?=",
                        b"multipart/mixed; boundary=",
                        b"text/plain; charset=\xff",
                        b"<@[]",
                    ]
                ),
            ),
        ),
        max_size=8,
    ),
    st.binary(max_size=200),
)
def test_no_bytes_make_it_raise(headers, body):
    raw = b"".join(name + b": " + value + b"\r\n" for name, value in headers) + b"\r\n" + body
    event = email_received(raw, LIMIT)
    assert event.email_id
    assert type(event).FromString(event.SerializeToString()) == event
