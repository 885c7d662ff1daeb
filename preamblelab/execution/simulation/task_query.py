"""What simulated models know about the safe search; the right function does what the task says."""

from typing import Final

from preamblelab.execution.simulation.knowledge import FunctionKnowledge, Known

_CODE: Final = '''\
import sqlite3


def escape_wildcards(text: str) -> str:
    """The text with every sign that LIKE treats specially made ordinary."""
    for sign in ("\\\\", "%", "_"):
        text = text.replace(sign, "\\\\" + sign)
    return text


def find_customers(
    connection: sqlite3.Connection, name_part: str, limit: int = 20
) -> list[tuple[int, str]]:
    """Ids and names of customers whose name contains name_part, ordered by name."""
    if not name_part.strip():
        raise ValueError(f"name_part must not be blank: {name_part!r}")
    if not 1 <= limit <= 100:
        raise ValueError(f"limit must lie from 1 to 100: {limit!r}")
    statement = (
        "SELECT id, name FROM customers WHERE name LIKE ? ESCAPE '\\\\' ORDER BY name LIMIT ?"
    )
    pattern = f"%{escape_wildcards(name_part)}%"
    return connection.execute(statement, (pattern, limit)).fetchall()
'''

QUERY: Final = Known(
    task="safe-query",
    mark="find_customers(connection, name_part",
    touchy=True,
    knowledge=FunctionKnowledge(
        language="python",
        code=_CODE,
        flaws=(
            (" ESCAPE '\\\\'", ""),
            ("1 <= limit <= 100", "0 <= limit <= 100"),
            ("name_part.strip()", "name_part"),
            (": {limit!r}", ""),
            (" ORDER BY name", ""),
            ('for sign in ("\\\\", "%", "_"):', 'for sign in ("%", "_"):'),
        ),
        imports="import sqlite3\n\n\n",
        cases=(
            "a quote in the name, which ends the string and begins an injection",
            "a % that must stand for itself",
            "an underscore, which LIKE takes for any sign",
            "a backslash, the escape character itself",
            "a blank name",
            "a limit below 1",
            "a limit above 100",
        ),
        strategies=(
            (
                "My approach is to send the value as a parameter of the statement "
                "and never as a part of its text."
            ),
            (
                "I will bind every value with a placeholder, escape the wildcards of "
                "LIKE, and check both inputs first."
            ),
        ),
        reasons=(
            "That is enough because the database never parses a bound value as SQL.",
            "Wildcards are escaped so that a % or a _ in a name finds only itself.",
            "Both inputs are checked first to make sure that no bad value reaches the database.",
        ),
        gap=(
            (
                "    if not 1 <= limit <= 100:\n"
                '        raise ValueError(f"limit must lie from 1 to 100: {limit!r}")\n'
            ),
            "    # TODO: check the limit\n",
        ),
    ),
)
