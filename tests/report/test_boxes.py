"""What a notebook shows of decisions, choices and checks: tables, and no markup of others."""

import pandas as pd

from preamblelab.decision.choosing import COLUMNS, Choice
from preamblelab.decision.records import Decision, RuleResult
from preamblelab.report.judge_checks import JudgeCheck

HOSTILE = "<script>alert(1)</script>\u202e"
SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;"


def test_a_decision_is_its_sentence_and_its_rules() -> None:
    rule = RuleResult(name="coverage", said="passed", words=f"all of {HOSTILE}", leads_to="keep")
    html = decision(rule)._repr_html_()
    assert "KEEP a in slot" in html
    assert f"<td style='text-align:left'>all of {SHOWN}\\u202e</td>" in html
    assert html.count("<tr>") == 2


def decision(rule: RuleResult) -> Decision:
    return Decision(
        outcome="keep", slot="s", challenger="b", challenger_digest="2", champion="a",
        champion_digest="1", run="r", at="2026-01-01", rules=(rule,),
    )  # fmt: skip


def test_a_choice_is_its_sentence_and_all_variants() -> None:
    row = (HOSTILE, 1.25, 0.5, 0.99, 2, True, True)
    choice = Choice(
        variant=HOSTILE, expected=1.25, sd=0.5, p_positive=0.99, tested=True,
        table=pd.DataFrame([row], columns=list(COLUMNS)), sentence="Use it.",
    )  # fmt: skip
    html = choice._repr_html_()
    assert "<b>Use it.</b>" in html
    assert SHOWN in html
    assert "<script" not in html


def test_the_check_of_a_judge_stands_in_a_box() -> None:
    html = JudgeCheck(judges=(), marks=(), rubric="r", suite=HOSTILE, repeats=2)._repr_html_()
    assert html.startswith('<div class="preamblelab-box">')
    assert SHOWN in html
    assert "<script" not in html
