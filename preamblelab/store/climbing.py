"""Steps of asking once more: beside the answers, in no experiment, and so in no score of one."""

from preamblelab.domain.steps import Climb, Step
from preamblelab.store.connection import Connection
from preamblelab.store.packing import pack, unpack

_PUT = """
INSERT INTO steps (ladder, climb, place, subject, about, level, word, tag, response_key, parent,
    reason, usd, seconds, simulated, created)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (ladder, climb, place) DO NOTHING
"""
_GET = """
SELECT climb, subject, about, simulated, level, word, response_key, parent, tag, reason, usd,
    seconds
FROM steps WHERE ladder = ?1 AND (?2 IS NULL OR subject = ?2) ORDER BY id
"""


class Climbing(Connection):
    """What levels of a ladder said, question by question."""

    def put_climb(self, climb: Climb) -> None:
        """Store the steps of a climb durably; those that are there stay as they are.

        A climb may be stored after each step, so that a crash loses none that was paid for.
        """
        created = self._clock()
        rows = [
            (
                climb.ladder, climb.name, place, climb.subject, climb.about, step.level, step.word,
                step.tag, step.key, step.parent, pack(step.reason), step.usd, step.seconds,
                int(climb.simulated), created,
            )
            for place, step in enumerate(climb.steps)
        ]  # fmt: skip
        with self._writing("store a step") as connection:
            connection.executemany(_PUT, rows)

    def climbs(self, ladder: str, subject: str | None = None) -> list[Climb]:
        """The climbs of one ladder, oldest first.

        Args:
            ladder: `preamble`, `review`.
            subject: only those of this model or role.
        """
        found: dict[str, Climb] = {}
        with self._reading("read the steps") as connection:
            rows = connection.execute(_GET, (ladder, subject)).fetchall()
        for name, of, about, simulated, level, word, key, parent, tag, reason, usd, seconds in rows:
            step = Step(
                level=level, word=word, key=key, parent=parent, tag=tag, reason=unpack(reason),
                usd=usd, seconds=seconds,
            )  # fmt: skip
            before = found[name].steps if name in found else ()
            found[name] = Climb(
                ladder=ladder,
                name=name,
                subject=of,
                about=about,
                steps=(*before, step),
                simulated=bool(simulated),
            )
        return list(found.values())
