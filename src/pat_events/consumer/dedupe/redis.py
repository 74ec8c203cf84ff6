"""Claims in Redis, or what speaks like it (Valkey, ElastiCache, MemoryDB)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pat_events.consumer.dedupe.store import ClosableStore, DedupeAnswer
from pat_events.core.checks import require_number, require_positive, require_text
from pat_events.errors import ConfigError, DedupeStoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

_MISSING: Final = (
    "RedisDedupe needs a package that is not installed: pip install 'pat-events[redis]'"
)
# A key holds who has claimed it, or that it is done. Each script is one round trip, and one step of
# the server for all keys.
_CLAIM: Final = """
local answers = {}
for i, key in ipairs(KEYS) do
  local found = redis.call('GET', key)
  if found == 'done' then
    answers[i] = 1
  elseif not found or found == ARGV[1] then
    redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
    answers[i] = 0
  elseif string.sub(found, 1, 6) == 'claim ' then
    answers[i] = 2
  else
    answers[i] = 3
  end
end
return answers
"""
_COMPLETE: Final = """
for _, key in ipairs(KEYS) do
  redis.call('SET', key, 'done', 'PX', ARGV[1])
end
"""
_RELEASE: Final = """
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then
    redis.call('DEL', key)
  end
end
"""
_ANSWERS: Final = {0: DedupeAnswer.OURS, 1: DedupeAnswer.DONE, 2: DedupeAnswer.BUSY}


class RedisDedupe(ClosableStore):
    """Keeps claims in Redis: for all processes of a group.

    Each question about up to some 1,000 events is one round trip. All keys of a group are in one
    slot of a cluster. What Redis forgets is handled again: give it ``maxmemory-policy noeviction``,
    and persistence that fits what twice costs.

    Args:
        redis: Its address, such as ``"redis://cache:6379/0"`` or ``"rediss://..."`` for TLS; or a
            client of redis-py that has time limits of its own, such as a ``RedisCluster``.
        prefix: What every key begins with.
        timeout_s: How long each call may take, in seconds; it is tried twice. Of an address alone.

    Raises:
        ConfigError: an impossible value, or redis-py is not installed.
    """

    waits = True

    def __init__(
        self,
        redis: str | Any,  # noqa: ANN401 - clients have several classes
        *,
        prefix: str = "pat-events ",
        timeout_s: float = 2.0,
    ) -> None:
        require_text("prefix of RedisDedupe", prefix)
        require_number("timeout_s of RedisDedupe", timeout_s)
        require_positive("timeout_s of RedisDedupe", timeout_s)
        self._prefix = prefix.encode()
        self._client = _client(redis, timeout_s) if isinstance(redis, str) else redis
        if not hasattr(self._client, "register_script"):
            raise ConfigError(
                f"redis of RedisDedupe is {redis!r}: give an address such as 'redis://cache:6379', "
                "or a client of redis-py"
            )
        self._claim = self._client.register_script(_CLAIM)
        self._complete = self._client.register_script(_COMPLETE)
        self._release = self._client.register_script(_RELEASE)

    def claim_many(self, keys: Sequence[bytes], owner: str, claim_s: float) -> list[DedupeAnswer]:
        """Claim these events; see ``DedupeStore``.

        Raises:
            DedupeStoreError: a key holds what was not written by this.
        """
        answers = self._claim(self._keys(keys), [b"claim " + owner.encode(), _ms(claim_s)])
        try:
            return [_ANSWERS[each] for each in answers]
        except (KeyError, TypeError):
            raise DedupeStoreError(
                "keys in Redis hold what was not written by RedisDedupe"
            ) from None

    def complete_many(self, keys: Sequence[bytes], ttl_s: float) -> None:
        """Remember that these were handled; see ``DedupeStore``."""
        self._complete(self._keys(keys), [_ms(ttl_s)])

    def release_many(self, keys: Sequence[bytes], owner: str) -> None:
        """Give up claims; see ``DedupeStore``."""
        self._release(self._keys(keys), [b"claim " + owner.encode()])

    def close(self) -> None:
        """Close its connections; see ``ClosableStore``."""
        self._client.close()

    def _keys(self, keys: Sequence[bytes]) -> list[bytes]:
        prefix = self._prefix
        return [prefix + key for key in keys]


def _client(address: str, timeout_s: float) -> Any:  # noqa: ANN401 - needs an extra
    try:
        from redis import Redis  # noqa: PLC0415 - needs an extra
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.exceptions import ConnectionError as RedisConnectionError  # noqa: PLC0415
        from redis.exceptions import TimeoutError as RedisTimeoutError  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415
    except ImportError as missing:
        raise ConfigError(_MISSING) from missing
    try:
        return Redis.from_url(
            address,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            socket_keepalive=True,
            # Once more, as the server may have closed a connection that nobody used.
            retry=Retry(NoBackoff(), 1, (RedisConnectionError, RedisTimeoutError)),
            protocol=2,
        )
    except ValueError as error:  # Which may show the password that is in the address.
        raise ConfigError(
            "redis of RedisDedupe is no address of Redis: write redis://host:port/database, or "
            "rediss:// for TLS"
        ) from error


def _ms(seconds: float) -> int:
    return max(1, int(seconds * 1000))
