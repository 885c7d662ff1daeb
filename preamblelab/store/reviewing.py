"""What is still open in an experiment, and what its answers say about delivery."""

import hashlib
import json
from typing import Any, Final

from preamblelab.domain.base import canonical_json, text_digest
from preamblelab.store.marking import Marking
from preamblelab.store.naming import TRIAL_COLUMNS
from preamblelab.store.rows import PlannedTrial

BEGINNING: Final = 300
"""Characters of an answer by which answers are compared."""

_UNANSWERED: Final = f"""
SELECT {TRIAL_COLUMNS} FROM trials t LEFT JOIN responses r ON r.key = t.response_key
WHERE t.experiment_id = ?1 AND t.ordinal > ?2 AND r.key IS NULL
ORDER BY t.ordinal LIMIT ?3
"""  # noqa: S608 - our own constants

# Distinct models first: a join of an experiment's answers with all answers is their square.
_MESSAGES: Final = """
SELECT m.digest, m.body FROM messages m WHERE m.digest IN (
    SELECT r.messages_digest FROM responses r
    WHERE r.role = 'subject' AND (r.model_id, r.endpoint) IN (
        SELECT DISTINCT mine.model_id, mine.endpoint FROM trials t
        JOIN responses mine ON mine.key = t.response_key WHERE t.experiment_id = ?1))
"""

_ANSWERS: Final = f"""
SELECT names.model, r.messages_digest, substr(x.text, 1, {BEGINNING}),
    r.prompt_tokens, r.estimated
FROM (SELECT DISTINCT t.model, mine.model_id, mine.endpoint FROM trials t
    JOIN responses mine ON mine.key = t.response_key WHERE t.experiment_id = ?1) names
JOIN responses r ON r.model_id = names.model_id AND r.endpoint = names.endpoint
    AND r.role = 'subject'
JOIN texts x ON x.response_id = r.id
"""  # noqa: S608 - our own constants


class Reviewing(Marking):
    """Questions that a run and the delivery review put to the store."""

    def unanswered(self, experiment: str) -> list[PlannedTrial]:
        """Trials without an answer, in the order in which they are asked.

        Raises:
            SpecError: there is no such experiment.
        """
        return list(self._pages(_UNANSWERED, self._experiment_id(experiment)))

    def count_unmarked(self, experiment: str, marking: str) -> int:
        """How many answered trials this marking has not marked in all dimensions."""
        return sum(1 for _ in self.unmarked(experiment, marking))

    def delivery_rows(self, experiment: str) -> list[dict[str, Any]]:
        """Every stored answer of the experiment's models, as the delivery review reads it.

        Answers of other experiments count as well: a model that never sees its preamble shows it
        most clearly across preambles. Answers of the same id at another endpoint do not: another
        server may treat system messages otherwise.

        Returns:
            Per answer: model, system (digest; empty without a system message),
            system_characters, question (digest of all other messages), question_characters,
            beginning (digest of the first characters; empty for a shorter answer) and
            prompt_tokens (None for an estimate).
        """
        number = self._experiment_id(experiment)
        with self._reading("review the delivery") as connection:
            bodies = connection.execute(_MESSAGES, (number,)).fetchall()
            answers = connection.execute(_ANSWERS, (number,)).fetchall()
        parts = {digest: _parts(json.loads(body)) for digest, body in bodies}
        return [
            {
                "model": model,
                **parts[messages],
                "beginning": _beginning(text),
                "prompt_tokens": None if estimated else prompt_tokens,
            }
            for model, messages, text, prompt_tokens, estimated in answers
            if messages in parts
        ]


def _parts(messages: list[dict[str, Any]]) -> dict[str, Any]:
    system = "\n".join(str(m.get("content", "")) for m in messages if m.get("role") == "system")
    rest = [m for m in messages if m.get("role") != "system"]
    return {
        "system": text_digest(system) if system else "",
        "system_characters": len(system),
        "question": text_digest(canonical_json(rest)),
        "question_characters": sum(len(str(m.get("content", ""))) for m in rest),
    }


def _beginning(text: str | bytes) -> str:
    """The digest of a long enough beginning; a text kept as bytes is compared as bytes."""
    if len(text) < BEGINNING:
        return ""
    raw = text.encode() if isinstance(text, str) else text
    return hashlib.blake2b(raw, digest_size=16).hexdigest()
