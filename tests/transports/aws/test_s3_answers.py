"""What S3 answers when something is wrong: an outage, or for good."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pat_events import AwsConfig, S3Payloads
from pat_events.core.claim import Claim
from pat_events.errors import (
    ClaimCheckError,
    NotPermittedError,
    TopicMissingError,
    TransportError,
    TransportTimeoutError,
)

CLAIM = Claim("payloads", "a/b", 10, "0" * 64)


class Service(ThreadingHTTPServer):
    """S3 with one answer for everything."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.over = threading.Event()

    def says(self, status, code="", body=b"", *, length=None, is_silent=False):
        """Answer like this from now on."""
        if code:
            body = f"<Error><Code>{code}</Code><Message>It says so.</Message></Error>".encode()
        self.answer = status, body, len(body) if length is None else length
        self.is_silent = is_silent


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, body, length = self.server.answer
        if self.server.is_silent:
            self.server.over.wait(10)
            return
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_GET  # noqa: N815 - likewise

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def s3():
    server = Service()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def payloads(s3):
    """One for all: making its client takes longer than all it is asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        address = f"http://127.0.0.1:{s3.server_address[1]}"
        yield S3Payloads(
            AwsConfig(
                region="us-east-1", endpoint_url=address, client_attempts=1, read_timeout_s=0.3
            )
        )


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (503, "SlowDown", TransportError, "reading from bucket payloads in us-east-1: throttled"),
        (500, "InternalError", TransportError, "it failed"),
        (502, "", TransportError, "it failed"),
        (403, "AccessDenied", NotPermittedError, "grant s3:GetObject and s3:ListBucket on it"),
        (404, "NoSuchBucket", TopicMissingError, "there is no bucket payloads"),
        (403, "InvalidObjectState", TransportError, "reading from bucket payloads"),
    ],
)
def test_what_hits_every_payload_is_an_outage_to_a_reader(status, code, kind, words, s3, payloads):
    s3.says(status, code)
    with pytest.raises(kind, match=words) as caught:
        payloads.get(CLAIM)
    assert isinstance(caught.value, TransportError), "or the event would not be held"


def test_an_object_that_is_gone_is_not(s3, payloads):
    s3.says(404, "NoSuchKey")
    with pytest.raises(ClaimCheckError, match="s3://payloads/a/b is not there"):
        payloads.get(CLAIM)


def test_an_answer_that_is_cut_or_never_comes_is_an_outage(s3, payloads):
    s3.says(200, body=b"x" * 5, length=10)
    with pytest.raises(TransportError):
        payloads.get(CLAIM)
    s3.says(200, is_silent=True)
    with pytest.raises(TransportTimeoutError):
        payloads.get(CLAIM)


def test_a_payload_that_comes_in_drops_is_given_up_in_time(s3, payloads, monkeypatch):
    monkeypatch.setattr("pat_events.transports.aws.s3._READ_S", 0.0)
    s3.says(200, body=b"x" * 10)
    with pytest.raises(TransportTimeoutError, match="10 of 10 bytes came in 0 s"):
        payloads.get(CLAIM)


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (503, "SlowDown", TransportError, "uploading to bucket payloads in us-east-1: throttled"),
        (403, "AccessDenied", NotPermittedError, "grant s3:PutObject on it"),
        (404, "NoSuchBucket", TopicMissingError, "there is no bucket payloads"),
    ],
)
def test_a_refused_upload_names_the_bucket_and_what_to_do(status, code, kind, words, s3, payloads):
    s3.says(status, code)
    with pytest.raises(kind, match=words):
        payloads.put(CLAIM, b"x" * 10, "application/protobuf")
