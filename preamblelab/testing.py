"""Test a script of your own without a model: answers that you choose, judges that you script.

import preamblelab as pl

def test_my_script(tmp_path):
    report = pl.compare(
        "Be brief.", models=["openai/any"], suite="smoke",
        store=tmp_path / "t.db", client=pl.testing.answers("no", "yes"),
    )
"""

import json
import re
from collections.abc import Callable, Mapping

from preamblelab.domain.experiments import Trial
from preamblelab.domain.preambles import BASELINE
from preamblelab.domain.records import Request, Response, Status


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


def judge(
    share: float | Callable[[str], float], /, *, control: int = 0
) -> Callable[[Request], Response]:
    """A judge that gives every criterion the same share of its points; for `judge_check`.

    Args:
        share: from 0 to 1, or a function from the judged answer to it.
        control: what it gives to the line that no answer can earn.
    """

    def answer(request: Request) -> Response:
        prompt = str(request.messages[-1]["content"])
        nonce, text = _judged(prompt)
        given = share if isinstance(share, int | float) else share(text)
        marks: dict[str, list[dict[str, object]]] = {}
        name = ""
        for line in prompt.partition("\n\nTASK\n")[0].splitlines():
            criterion = re.match(r"- 0 to ([0-9.]+): ", line)
            if criterion is not None:
                quote = " ".join(text.split()[:4])
                points = round(given * float(criterion[1]))
                marks[name].append({"evidence": quote, "points": points})
            elif line.endswith(":"):
                name = line.removesuffix(":")
                marks[name] = []
        marks.pop("control", None)
        verdict = {"check": nonce, "control": control, "marks": marks}
        return Response(text=json.dumps(verdict), route="custom", usd=0.0)

    return answer


def _judged(prompt: str) -> tuple[str, str]:
    """Nonce and judged answer of a judge's prompt."""
    found = re.search(
        r"NONCE\n(\w+)\n\nRESPONSE\nRESPONSE \1\n(.*)\nRESPONSE \1", prompt, re.DOTALL
    )
    if found is None:
        raise ValueError("this is no prompt for a judge")
    return found[1], found[2]
