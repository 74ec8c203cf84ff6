"""DynamoDB by moto, behind a port of its own: real calls of boto3, answered one after another."""

from __future__ import annotations

import logging
import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tools.stack.localstack import client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TABLE = "dedupe"


@contextmanager
def dynamodb() -> Iterator[str]:
    """Serve it; yields the address. One thread: a condition and its write are one step."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from moto.core.request import Request  # noqa: PLC0415 - loads for a second
        from moto.dynamodb.responses import DynamoHandler  # noqa: PLC0415
        from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: PLC0415
        from werkzeug.wrappers import Response  # noqa: PLC0415

    class Asked(Request):
        from_wsgi_server = True

    class Handler(WSGIRequestHandler):
        # Else a connection for each call.
        protocol_version = "HTTP/1.1"

    def serve(environ, start_response):
        request = Asked(environ)
        status, headers, body = DynamoHandler.dispatch(request, request.url, request.headers)
        headers = {name: it for name, it in headers.items() if name.lower() != "connection"}
        return Response(body, status, headers)(environ, start_response)

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, serve, request_handler=Handler)
    thread = threading.Thread(target=server.serve_forever, name="dynamodb", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_table(address: str) -> Callable[[], None]:
    """Make the table that ``DynamoDbDedupe`` needs; returns what removes it."""
    made = client("dynamodb", address)
    made.create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def remove() -> None:
        made.delete_table(TableName=TABLE)
        made.close()

    return remove
