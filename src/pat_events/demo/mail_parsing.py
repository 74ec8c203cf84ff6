"""Mails taken apart within bounds.

The standard library follows the grammar of a header to its end: a subject of 280 KB can take 3 GB,
a To of some thousand quotes a minute. So a header is parsed as far as a sane one goes, and what is
beyond stays as it came.
"""

from __future__ import annotations

import email.policy
from email.headerregistry import (
    ContentDispositionHeader,
    ContentTransferEncodingHeader,
    ContentTypeHeader,
    HeaderRegistry,
    MIMEVersionHeader,
)
from email.parser import BytesParser
from email.utils import getaddresses
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from email.message import EmailMessage

# Characters of one header: text, and the MIME headers, whose parser takes ten times as long.
MAX_HEADER: Final = 8_000
_MAX_MIME_HEADER: Final = 2_000
# Characters of all headers of a mail together; each counts as some more than it has.
_MAX_HEADERS: Final = 64_000
_HEADER_COST: Final = 20
# The library compares each line with the boundary of every multipart it is inside.
_MAX_MULTIPARTS: Final = 20
# Characters of addresses in a mail: some 3,000 recipients.
_MAX_ADDRESSES: Final = 100_000

_MIME: Final = {
    "content-type": ContentTypeHeader,
    "content-disposition": ContentDispositionHeader,
    "content-transfer-encoding": ContentTransferEncodingHeader,
    "mime-version": MIMEVersionHeader,
}


class ParsedMail:
    """A mail, its headers decoded as far as the limits go.

    Attributes:
        message: The mail; its MIME headers are read once each, whoever asks.
        headers: Name and text of each header, in their order.
        left_raw: Names of the headers that were not decoded.
    """

    def __init__(self, raw: bytes) -> None:
        decoder = _Decoder()
        parser = BytesParser(policy=email.policy.default.clone(header_factory=decoder))
        try:
            message = parser.parsebytes(raw)
        except Exception:  # noqa: BLE001 -- parts within parts within parts: RecursionError
            message = parser.parsebytes(raw, headersonly=True)
        self.message: EmailMessage = message
        self._decoder = decoder
        self._raw = [(name, str(value)) for name, value in self.message.raw_items()]
        self.headers = [(name, decoder.text(name, value)) for name, value in self._raw]

    @property
    def left_raw(self) -> list[str]:
        """Names of the headers that were not decoded, in lower case."""
        return sorted(self._decoder.left_raw)

    def addresses(self, name: str) -> list[tuple[str, str]]:
        """Return display name and address of everybody in the headers of a name.

        None of them where there are too many, or where they are no addresses at all.
        """
        texts = [_unfolded(text) for key, text in self._raw if key.lower() == name]
        if sum(len(text) + 1 for text in texts) <= _MAX_ADDRESSES:
            try:
                found = getaddresses(texts)
            except Exception:  # noqa: BLE001 -- comments within comments: RecursionError
                found = []
            else:
                return [(self._decoder.text(name, who), where) for who, where in found if where]
        self._decoder.left_raw.add(name)
        return []


class _Decoder:
    """Makes headers out of their text: the header factory of a policy, for one mail."""

    def __init__(self) -> None:
        self.left_raw: set[str] = set()
        self._registry = HeaderRegistry(use_default_map=False)
        for name, kind in _MIME.items():
            self._registry.map_to_type(name, kind)  # type: ignore[arg-type]
        self._known: dict[tuple[str, str], Any] = {}
        self._left = _MAX_HEADERS
        self._multiparts = 0

    def text(self, name: str, value: str) -> str:
        """Return the text of a header, decoded or as it came."""
        unfolded = _unfolded(value)
        decoded = self(name, unfolded)
        # Of a MIME header that is too long the beginning was returned.
        return unfolded if type(decoded) is str else str(decoded)

    def __call__(self, name: str, value: str) -> Any:  # noqa: ANN401 -- classes made at run time
        """Return the header; its beginning as plain text where it cannot be decoded."""
        name = name.lower()
        key = (name, value)
        if key not in self._known:
            self._known[key] = self._decode(name, value)
        return self._known[key]

    def _decode(self, name: str, value: str) -> Any:  # noqa: ANN401 -- as above
        longest = _MAX_MIME_HEADER if name in _MIME else MAX_HEADER
        cost = len(value) + _HEADER_COST
        if len(value) > longest or cost > self._left:
            self.left_raw.add(name)
            return value[:longest]
        self._left -= cost
        try:
            header: Any = self._registry(name, value)
            text = str(header)
        except Exception:  # noqa: BLE001 -- the parser raises whatever it stumbles over
            self.left_raw.add(name)
            return value
        if name == "content-type" and text.lower().startswith("multipart/"):
            self._multiparts += 1
            if self._multiparts > _MAX_MULTIPARTS:
                self.left_raw.add(name)
                return self._registry(name, "text/plain")
        return header


def _unfolded(value: str) -> str:
    return value.replace("\r", "").replace("\n", "")
