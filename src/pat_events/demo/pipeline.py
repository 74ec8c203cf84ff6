"""The two services of the demo: what they check, and how."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from pat_events import Handlers, RetryPolicy
from pat_events.demo.mail import OMITTED
from pat_events.demo.mail_parsing import ParsedMail
from pat_events.events import EmailProcessed, EmailReceived, EmailValidated, ProcessingStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from pat_events import Context

# Short: somebody is watching. A service would wait longer between attempts.
_RETRY: Final = RetryPolicy(attempts=3, first_delay_s=0.05, max_delay_s=0.2)
_SPAM_LIMIT: Final = 5.0
_SHOUTING_FROM: Final = 8
# The EICAR test file: what every scanner must report, and harmless. In two parts, or a scanner
# would report this file as well.
_EICAR: Final = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}" + b"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
_RUNNABLE: Final = (".exe", ".scr", ".js", ".vbs", ".bat", ".cmd", ".com", ".pif")
_BAIT: Final = re.compile(
    r"\b(viagra|lottery|winner|you have won|act now|wire transfer|crypto giveaway)\b", re.IGNORECASE
)
_PROFILE: Final = "demo"


def processor(*, repaired: bool = False) -> Handlers:
    """Return the handlers that check what was received.

    Args:
        repaired: A text in an encoding that does not exist is read as Latin-1.
    """
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=_RETRY)
    def process(event: EmailReceived, ctx: Context) -> None:
        began = time.monotonic()
        processed = EmailProcessed(
            email_id=event.email_id, status=ProcessingStatus.PROCESSING_STATUS_SUCCESS
        )
        if not repaired:
            read_every_text(event.raw_email)
        _check(event, processed)
        processed.processing_duration_ms = int((time.monotonic() - began) * 1000)
        processed.processed_at.GetCurrentTime()
        ctx.publish(processed)

    return handlers


def validator() -> Handlers:
    """Return the handlers that judge what was processed."""
    handlers = Handlers()

    @handlers.on(EmailProcessed, retry=_RETRY)
    def validate(event: EmailProcessed, ctx: Context) -> None:
        validated = EmailValidated(
            email_id=event.email_id, validation_profile=_PROFILE, overall_valid=True
        )
        for rule in _RULES:
            passed, message = rule.judge(event)
            validated.results.add(
                rule_id=rule.rule_id, rule_name=rule.name, passed=passed, message=message
            )
            validated.overall_valid = validated.overall_valid and passed
        validated.validated_at.GetCurrentTime()
        ctx.publish(validated)

    return handlers


def read_every_text(raw: bytes) -> None:
    """Read every text of a mail as it declares itself.

    Raises:
        ValueError: a text is in an encoding that does not exist, so nothing could check it.
    """
    for part in ParsedMail(raw).message.walk():
        if part.get_content_maintype() != "text" or part.is_multipart():
            continue
        charset = part.get_content_charset("utf-8")
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes):
            continue
        try:
            content.decode(charset, "replace")
        except (LookupError, ValueError) as error:
            raise ValueError(
                f"a text part declares the charset {charset[:40]!r}, which does not exist: its "
                "text cannot be checked"
            ) from error


def _check(event: EmailReceived, processed: EmailProcessed) -> None:
    result = processed.result
    # What the receiving server found; without its word nothing counts as proven.
    verdicts = _lower(event, "authentication-results")
    result.dkim_valid = "dkim=pass" in verdicts
    result.spf_valid = "spf=pass" in verdicts or _lower(event, "received-spf").startswith("pass")
    result.dmarc_valid = "dmarc=pass" in verdicts
    processed.applied_rules.append("authentication-results")
    result.spam_score = _spam_score(event, processed)
    result.spam_check_passed = result.spam_score < _SPAM_LIMIT
    if event.raw_email:
        if _EICAR in _decoded(event.raw_email):
            result.virus_signatures.append("EICAR-Test-File")
        processed.applied_rules.append("eicar")
    else:
        processed.status = ProcessingStatus.PROCESSING_STATUS_PARTIAL
        processed.error_code = "content-omitted"
        processed.error_message = (
            f"not in the event, so not scanned: {event.metadata.attributes[OMITTED]}"
        )
    result.virus_check_passed = bool(event.raw_email) and not result.virus_signatures


def _spam_score(event: EmailReceived, processed: EmailProcessed) -> float:
    text = f"{event.subject}\n{event.text_body}\n{event.html_body}"
    letters = [letter for letter in event.subject if letter.isalpha()]
    shouts = len(letters) >= _SHOUTING_FROM and all(letter.isupper() for letter in letters)
    runnable = any(a.filename.lower().endswith(_RUNNABLE) for a in event.attachments)
    marks = {
        "bait": 1.5 * len({found.lower() for found in _BAIT.findall(text)}),
        "shouting": 1.5 * shouts,
        "no-message-id": 1.0 * (not event.message_id),
        "no-date": 0.5 * ("date" not in {name.lower() for name in event.headers}),
        "runnable-attachment": 3.0 * runnable,
        "unauthenticated": 0.5 * (not processed.result.dkim_valid),
    }
    processed.applied_rules.extend(name for name, mark in marks.items() if mark)
    return sum(marks.values())


def _decoded(raw: bytes) -> bytes:
    message = ParsedMail(raw).message
    parts = (part.get_payload(decode=True) for part in message.walk() if not part.is_multipart())
    return b"\n".join(part for part in parts if isinstance(part, bytes))


def _lower(event: EmailReceived, name: str) -> str:
    return next((text for key, text in event.headers.items() if key.lower() == name), "").lower()


class _Rule(NamedTuple):
    rule_id: str
    name: str
    judge: Callable[[EmailProcessed], tuple[bool, str]]


def _complete(event: EmailProcessed) -> tuple[bool, str]:
    passed = event.status == ProcessingStatus.PROCESSING_STATUS_SUCCESS
    return passed, "every check ran" if passed else event.error_message


def _not_spam(event: EmailProcessed) -> tuple[bool, str]:
    result = event.result
    return result.spam_check_passed, f"score {result.spam_score:.1f}, limit {_SPAM_LIMIT:.1f}"


def _no_virus(event: EmailProcessed) -> tuple[bool, str]:
    found = ", ".join(event.result.virus_signatures)
    passed = event.result.virus_check_passed
    return passed, found or ("no signature matched" if passed else "not scanned")


def _authenticated(event: EmailProcessed) -> tuple[bool, str]:
    result = event.result
    checks = {"dkim": result.dkim_valid, "spf": result.spf_valid, "dmarc": result.dmarc_valid}
    failed = [name for name, valid in checks.items() if not valid]
    return not failed, f"not proven: {', '.join(failed)}" if failed else "dkim, spf and dmarc pass"


_RULES: Final = (
    _Rule("PAT-001", "complete", _complete),
    _Rule("PAT-002", "not spam", _not_spam),
    _Rule("PAT-003", "no virus", _no_virus),
    _Rule("PAT-004", "sender authenticated", _authenticated),
)
