"""Server-sent events from raw bytes, as fast as splitting allows."""

from typing import Final

DONE: Final = b"[DONE]"


class EventReader:
    """Takes bytes as they come and gives the data of each complete event.

    Comments, `event:`, `id:` and `retry:` lines are left out. Several data lines of one event are
    joined by a line feed, as the standard says, unless each is a JSON object of its own: some
    servers forget the blank line between events.
    """

    __slots__ = ("_parts", "_started")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._started = False

    def feed(self, block: bytes) -> list[bytes]:
        """The data of the events that are complete with this block."""
        if not self._started:
            self._started = True
            block = block.removeprefix(b"\xef\xbb\xbf")
        if b"\r" in block:
            # JSON never holds a raw carriage return, so each one ends a line with the feed.
            block = block.replace(b"\r", b"")
        if b"\n" not in block:
            # To join a long line at every block would take quadratic time.
            self._parts.append(block)
            return []
        events = (
            b"".join((*self._parts, block)).split(b"\n\n") if self._parts else block.split(b"\n\n")
        )
        self._parts = [events.pop()] if events[-1] else []
        found: list[bytes] = []
        for event in events:
            if event[:6] == b"data: " and b"\n" not in event:
                found.append(event[6:])
            elif event:
                found += _data_of(event)
        return found

    def finish(self) -> list[bytes]:
        """The data of an event that the end of the stream completes without a blank line."""
        rest = b"".join(self._parts)
        self._parts = []
        return _data_of(rest) if rest.strip() else []


def _data_of(event: bytes) -> list[bytes]:
    lines = [
        line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")
    ]
    if len(lines) < 2:
        return lines
    alone = all(
        (line.startswith(b"{") and line.rstrip().endswith(b"}")) or line == DONE for line in lines
    )
    return lines if alone else [b"\n".join(lines)]
