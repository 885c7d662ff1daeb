"""Plans of interim looks: recorded once, before the first call, and never changed."""

import json
from collections.abc import Mapping
from typing import Any

from preamblelab.store.connection import Connection
from preamblelab.store.packing import load_mapping
from preamblelab.store.rows import LookPlan


class Stopping(Connection):
    """When an experiment is looked at while it runs."""

    def put_look_plan(
        self, experiment: str, plan: Mapping[str, Any], *, marking: str, answered: int
    ) -> None:
        """Record the looks at an experiment; a plan that is there stays as it is.

        Args:
            experiment: its name.
            plan: looks, margin, error and order of tasks, as plain values.
            marking: address of the marking that the looks read.
            answered: trials of the variants that other experiments had answered before.
        """
        number = self._experiment_id(experiment)
        with self._writing("record a plan of looks") as connection:
            connection.execute(
                "INSERT INTO look_plans VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (experiment_id) DO NOTHING",
                (number, json.dumps(dict(plan)), marking, answered, self._clock()),
            )

    def look_plan(self, experiment: str) -> LookPlan | None:
        """The recorded looks; None where there are none, or no such experiment."""
        with self._reading("read a plan of looks") as connection:
            row = connection.execute(
                "SELECT p.plan, p.marking, p.answered, p.created FROM look_plans p "
                "JOIN experiments e ON e.id = p.experiment_id WHERE e.name = ?",
                (experiment,),
            ).fetchone()
        if row is None:
            return None
        return LookPlan(plan=load_mapping(row[0]), marking=row[1], answered=row[2], created=row[3])
