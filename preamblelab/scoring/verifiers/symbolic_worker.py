"""The program that runs apart: questions as JSON lines come in, replies go out.

It is started by its path and imports nothing of preamblelab, so that it starts fast and wherever
preamblelab lies.
"""

import json
import logging
import sys
import warnings
from typing import Any

MEMORY_BYTES = 2 * 1024**3


def main() -> None:
    """Answer questions until the input ends."""
    _limit_memory()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    from math_verify import parse, verify

    replies = sys.stdout
    sys.stdout = sys.stderr  # what a library prints must not be taken for a reply

    def relation(wanted: str, found: str) -> str:
        # Limits of time are the parent's: alarms would only be a second, weaker bound.
        ours = _mathematics(parse(f"${wanted}$", parsing_timeout=None))
        if not ours:
            return "wanted_unread"
        theirs = _mathematics(parse(f"${found}$", parsing_timeout=None))
        if not theirs:
            return "unread"
        same = verify(ours, theirs, timeout_seconds=None, strict=True)
        return "equal" if same else "different"

    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        try:
            reply = {"relation": relation(question["wanted"], question["found"])}
        except (Exception, RecursionError) as error:  # noqa: BLE001 - a stranger's text; it is data
            reply = {"relation": "failed", "reason": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(reply), file=replies, flush=True)


def _mathematics(parsed: list[Any]) -> list[Any]:
    """What was understood, without the raw texts that the parser adds."""
    return [each for each in parsed if not isinstance(each, str)]


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # not on Windows: there the limit of time stands alone
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    main()
