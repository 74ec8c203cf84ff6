"""Bytes near valid ones: what a seeded generator makes of a corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

MAX_BYTES: Final = 200_000
_NUMBERS: Final = (0, 1, 2, 3, 5, 0x7F, 0x80, 0xC0, 0xFE, 0xFF)


def mutate(rng: Random, corpus: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    """Return one of the corpus, changed in one to six places.

    Args:
        rng: Decides everything.
        corpus: Valid inputs.
        tokens: What has a meaning to the parser, or troubled one before.
    """
    data = bytearray(rng.choice(corpus))
    for _ in range(rng.randint(1, 6)):
        start = rng.randint(0, len(data))
        end = min(len(data), start + rng.choice((0, 1, 1, 2, 4, 16, 200)))
        data[start:end] = _replacement(rng, bytes(data[start:end]), corpus, tokens)
    return bytes(data[:MAX_BYTES])


def _replacement(
    rng: Random, part: bytes, corpus: Sequence[bytes], tokens: Sequence[bytes]
) -> bytes:
    token, other = rng.choice(tokens), rng.choice(corpus)
    start = rng.randint(0, len(other))
    flipped = bytes([part[0] ^ (1 << rng.randrange(8))]) + part[1:] if part else b""
    repeated = rng.choice((token, token, part or token))
    return rng.choice(
        (
            b"",
            flipped,
            bytes([rng.choice(_NUMBERS)]),
            rng.randbytes(rng.choice((1, 2, 4, 10))),
            part + token,
            part + other[start : start + rng.choice((1, 8, 64, 1_000))],
            repeated * min(rng.choice((2, 10, 300, 20_000)), MAX_BYTES // len(repeated)),
        )
    )
