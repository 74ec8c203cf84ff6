"""A small HTTP server for probes and for Prometheus."""

from __future__ import annotations

import json
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final, Protocol

from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

    from pat_events.telemetry.health import Health

# A client that says nothing keeps its thread so long, in seconds.
_CLIENT_S: Final = 5.0


class Probed(Protocol):
    """What can tell its health: a consumer."""

    def health(self) -> Health:
        """Return whether it works."""


class HealthServer:
    """Serves ``/live``, ``/ready`` and, for Prometheus, ``/metrics``, in a thread of its own.

    ``/live`` and ``/ready`` answer 200 where all of the consumers are, else 503; the body is JSON
    and says why. ``/metrics`` is what prometheus_client has in its registry, where it is installed;
    else there is none (404). ::

        with HealthServer(group, port=8080):
            group.run()

    Args:
        consumers: Whose health it tells.
        port: Where it listens; 0 for a free one, which ``port`` then tells.
        host: Of which address; of all when empty. It asks nobody who they are.

    Raises:
        ConfigError: it cannot listen there.
    """

    def __init__(self, *consumers: Probed, port: int = 8080, host: str = "") -> None:
        for consumer in consumers:
            if not hasattr(consumer, "health"):
                raise ConfigError(f"{consumer!r} has no health: give consumers")
        try:
            self._server = ThreadingHTTPServer((host, port), partial(_Request, consumers))
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"the health server cannot listen at {host or '*'}:{port}: {error}; give another "
                "port, or 0 for a free one"
            ) from error
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="pat-events health", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Request(BaseHTTPRequestHandler):
    timeout = _CLIENT_S

    def __init__(self, consumers: Sequence[Probed], *args: object) -> None:
        self._consumers = consumers
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer."""
        path = self.path.split("?")[0]
        answer = {"/live": self._live, "/ready": self._ready, "/metrics": self._metrics}.get(path)
        if answer is None:
            self._send(404, "text/plain", b"there are /live, /ready and /metrics\n")
        else:
            answer()

    def _live(self) -> None:
        self._send_health(lambda health: health.live)

    def _ready(self) -> None:
        self._send_health(lambda health: health.ready)

    def _send_health(self, is_well: Callable[[Health], bool]) -> None:
        all_health = [consumer.health() for consumer in self._consumers]
        body = json.dumps([health._asdict() for health in all_health], indent=1) + "\n"
        self._send(200 if all(map(is_well, all_health)) else 503, "application/json", body.encode())

    def _metrics(self) -> None:
        try:
            from prometheus_client import REGISTRY  # noqa: PLC0415 - an extra
            from prometheus_client.exposition import choose_encoder  # noqa: PLC0415
        except ImportError:
            self._send(404, "text/plain", b"install the extra 'prometheus'\n")
            return
        encode, content_type = choose_encoder(self.headers.get("Accept", ""))
        self._send(200, content_type, encode(REGISTRY))

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing: probes come every few seconds."""
