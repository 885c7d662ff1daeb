"""Test a script of your own without a model: answers that you choose, judges that you script.

import preamblelab as pl

def test_my_script(tmp_path):
    report = pl.compare(
        "Be brief.", models=["openai/any"], suite="smoke",
        store=tmp_path / "t.db", client=pl.testing.answers("no", "yes"),
    )
"""

from collections.abc import Callable, Mapping

from preamblelab.domain.experiments import Trial
from preamblelab.domain.preambles import BASELINE
from preamblelab.domain.records import Response, Status


def answers(
    baseline: str | Callable[[Trial], str],
    /,
    variant: str | Callable[[Trial], str] | None = None,
    *,
    status: Status = "ok",
    by_variant: Mapping[str, str | Callable[[Trial], str]] | None = None,
) -> Callable[[Trial], Response]:
    """A client that answers with texts of yours; hand it to `compare` or `run` as `client`.

    Args:
        baseline: the answer (or a function from trial to answer) under the baseline.
        variant: the answer under every variant; the baseline's when not given.
        status: the outcome of every call.
        by_variant: answers under single variants, by label; they go before `variant`.
    """

    def answer(trial: Trial) -> Response:
        label = trial.variant.label
        chosen = (by_variant or {}).get(label)
        if chosen is None:
            chosen = baseline if label == BASELINE or variant is None else variant
        text = chosen if isinstance(chosen, str) else chosen(trial)
        return Response(
            text=text,
            status=status,
            reason="" if status == "ok" else "as the test asked",
            route="custom",
            seconds=0.0,
            usd=0.0,
            prompt_tokens=sum(len(str(m["content"])) for m in trial.messages) // 4,
            completion_tokens=len(text) // 4,
            estimated=True,
        )

    return answer


def failing(reason: str = "server: down for a test") -> Callable[[Trial], Response]:
    """A client whose every call fails; its trials stay missing, and are asked again next time."""
    return lambda _: Response(status="failed", reason=reason, route="custom")
