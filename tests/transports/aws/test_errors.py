"""What AWS answers, as errors that name the resource and what to do."""

from __future__ import annotations

import pytest
from botocore import exceptions as b
from botocore import parsers, session
from botocore.parsers import ResponseParserError

from pat_events.errors import (
    AuthenticationError,
    NotPermittedError,
    RecordTooLargeError,
    SchemaError,
    TopicMissingError,
    TransportError,
    TransportTimeoutError,
    TransportUnavailableError,
)
from pat_events.transports.aws.batching import Taken
from pat_events.transports.aws.errors import Resource, of_batch, of_code, of_exception

QUEUE = Resource("queue emails", "eu-west-1", "sqs:SendMessage")
AGAIN, FOR_GOOD, MAYBE_ONE = (True, False), (False, False), (False, True)


@pytest.mark.parametrize(
    ("code", "status", "kind", "what", "words"),
    [
        ("ThrottlingException", 400, TransportError, AGAIN, "throttled"),
        ("RequestThrottled", 403, TransportError, AGAIN, "throttled"),
        ("KMS.ThrottlingException", 400, TransportError, AGAIN, "throttled"),
        ("TooManyRequestsException", 429, TransportError, AGAIN, "throttled"),
        ("InternalFailure", 0, TransportError, AGAIN, "it failed"),
        ("ServiceUnavailable", 503, TransportError, AGAIN, "it failed"),
        ("Whatever", 502, TransportError, AGAIN, "it failed"),
        ("SlowDown", 503, TransportError, AGAIN, "throttled"),
        ("RequestTimeout", 400, TransportError, AGAIN, "it failed"),
        ("NoSuchBucket", 404, TopicMissingError, FOR_GOOD, "there is no queue emails"),
        ("EntityTooLarge", 400, RecordTooLargeError, MAYBE_ONE, "too large"),
        (
            "AWS.SimpleQueueService.NonExistentQueue",
            400,
            TopicMissingError,
            FOR_GOOD,
            "there is no queue emails in eu-west-1 .*: create it, or correct its name, region",
        ),
        ("ResourceNotFoundException", 400, TopicMissingError, FOR_GOOD, "there is no"),
        ("InvalidAddress", 404, TopicMissingError, FOR_GOOD, "name, region or account"),
        ("NotFound", 404, TopicMissingError, FOR_GOOD, "there is no"),
        ("InvalidAccountIdException", 0, TopicMissingError, FOR_GOOD, "name, region or account"),
        ("AccessDenied", 403, NotPermittedError, FOR_GOOD, "grant sqs:SendMessage on it"),
        ("KMS.AccessDeniedException", 400, NotPermittedError, FOR_GOOD, "kms:GenerateDataKey"),
        ("KmsAccessDenied", 400, NotPermittedError, FOR_GOOD, "kms:GenerateDataKey"),
        ("KmsThrottled", 400, TransportError, AGAIN, "throttled"),
        ("KmsDisabled", 400, TransportError, FOR_GOOD, "its KMS key cannot be used .*: enable it"),
        ("KmsInvalidState", 400, TransportError, FOR_GOOD, "its KMS key cannot be used"),
        ("KMS.NotFoundException", 400, TransportError, FOR_GOOD, "its KMS key cannot be used"),
        ("KMS.OptInRequired", 403, TransportError, FOR_GOOD, "its KMS key cannot be used"),
        ("KMSDisabled", 400, TransportError, FOR_GOOD, "its KMS key cannot be used"),
        ("NotAuthorizedForSourceException", 0, NotPermittedError, FOR_GOOD, "not permitted"),
        ("ExpiredToken", 403, AuthenticationError, FOR_GOOD, "valid credentials"),
        ("InvalidClientTokenId", 403, AuthenticationError, FOR_GOOD, "valid credentials"),
        ("UnrecognizedClientException", 400, AuthenticationError, FOR_GOOD, "AWS_PROFILE"),
        ("InvalidSignatureException", 400, AuthenticationError, FOR_GOOD, "set the clock right"),
        ("SignatureDoesNotMatch", 403, AuthenticationError, FOR_GOOD, "set the clock right"),
        ("InvalidMessageContents", 400, SchemaError, MAYBE_ONE, "it was refused"),
        ("MalformedDetail", 0, SchemaError, MAYBE_ONE, "it was refused"),
        (
            "AWS.SimpleQueueService.BatchRequestTooLong",
            400,
            RecordTooLargeError,
            MAYBE_ONE,
            "set PAT_EVENTS_CLAIM_CHECK_BUCKET, or keep .* set PAT_EVENTS_CLAIM_CHECK_ABOVE_BYTES",
        ),
        ("SomethingNew", 400, TransportError, MAYBE_ONE, "it was refused"),
    ],
)
def test_a_code_is_an_error_and_whether_to_try_again(code, status, kind, what, words):
    refused = of_code(QUEUE, code, "because", status)
    assert type(refused.error) is kind
    assert (refused.again, refused.may_be_one) == what
    assert f"({code}: because)" in str(refused.error)
    assert "queue emails in eu-west-1" in str(refused.error)
    with pytest.raises(kind, match=words):
        raise refused.error


def test_what_is_too_long_for_its_queue_is_too_large_whatever_the_code():
    said = "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."
    refused = of_code(QUEUE, "InvalidParameterValue", said)
    assert type(refused.error) is RecordTooLargeError


def test_what_is_over_the_limit_of_its_bus_may_be_one_entry_of_the_call_and_names_the_setting():
    said = "Total size of the entries in the request is over the limit."
    refused = of_code(QUEUE, "ValidationException", said, 400)
    assert type(refused.error) is RecordTooLargeError
    assert refused.may_be_one
    assert "PAT_EVENTS_AWS_ENTRY_BYTES (entry_bytes)" in str(refused.error)


@pytest.mark.parametrize(
    ("error", "kind", "again"),
    [
        (b.EndpointConnectionError(endpoint_url="http://x"), TransportUnavailableError, True),
        (b.ConnectionClosedError(endpoint_url="http://x"), TransportUnavailableError, True),
        (b.SSLError(endpoint_url="http://x", error="e"), TransportUnavailableError, True),
        (b.ReadTimeoutError(endpoint_url="http://x"), TransportTimeoutError, True),
        (b.ConnectTimeoutError(endpoint_url="http://x"), TransportTimeoutError, True),
        (b.HTTPClientError(error="e"), TransportUnavailableError, True),
        (b.NoCredentialsError(), AuthenticationError, False),
        (
            b.CredentialRetrievalError(provider="p", error_msg="e"),
            AuthenticationError,
            False,
        ),
        (b.TokenRetrievalError(provider="p", error_msg="e"), AuthenticationError, False),
        (ResponseParserError("<html>"), TransportError, True),
        (b.IncompleteReadError(actual_bytes=1, expected_bytes=2), TransportError, True),
    ],
)
def test_an_exception_of_boto3_is_an_error_and_whether_to_try_again(error, kind, again):
    refused = of_exception(QUEUE, error)
    assert type(refused.error) is kind
    assert refused.again is again
    assert refused.error.__cause__ is error
    assert "queue emails in eu-west-1" in str(refused.error)


def test_what_an_answer_says_is_shown_in_one_line():
    error = b.ClientError(
        {
            "Error": {"Code": "AccessDenied", "Message": "no\nnever"},
            "ResponseMetadata": {"HTTPStatusCode": 403},
        },
        "SendMessageBatch",
    )
    assert "(AccessDenied: no\\nnever)" in str(of_exception(QUEUE, error).error)


def test_what_is_none_of_boto3s_is_raised():
    with pytest.raises(ZeroDivisionError):
        of_exception(QUEUE, ZeroDivisionError())


def test_what_is_none_of_the_senders_faults_is_tried_again_whatever_its_code():
    answer = {
        "Successful": [{"Id": "2", "MessageId": "m"}],
        "Failed": [
            {"Id": "0", "Code": "New", "SenderFault": False},
            {"Id": "1", "Code": "New", "SenderFault": True},
        ],
    }
    ours, theirs, taken, unheard = of_batch(QUEUE, answer, 4)
    assert (ours.again, theirs.again, unheard.again) == (True, False, True)
    assert taken == Taken("m")
    assert "the answer does not say what became of it" in str(unheard.error)


def test_an_answer_that_is_none_of_awss_is_tried_again_whatever_reading_it_raises():
    model = session.get_session().get_service_model("sns").operation_model("PublishBatch")
    parser = parsers.create_parser("query")
    with pytest.raises(KeyError) as raised:
        parser.parse(
            {"status_code": 200, "headers": {}, "body": b"<html>busy</html>"}, model.output_shape
        )
    refused = of_exception(QUEUE, raised.value)
    assert (type(refused.error), refused.again) == (TransportError, True)
    assert "the answer makes no sense (KeyError" in str(refused.error)


def test_an_answer_without_ids_does_not_say_what_became_of_it():
    for answer in ({"Successful": [{"Id": "0"}]}, {"Failed": [{"Code": "New"}]}):
        (unheard,) = of_batch(QUEUE, answer, 1)
        assert unheard.again
