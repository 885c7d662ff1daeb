"""Roles from a file: asked, decided, reported, applied, undone; and what a race leaves behind."""

import json
import random
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from preamblelab.cli import main
from preamblelab.domain.facts import ModelFacts
from preamblelab.domain.records import Response
from preamblelab.errors import RegistryError, SpecError
from preamblelab.lab.replicating import load_profiles
from preamblelab.lab.roles.asking import ask_roles
from preamblelab.lab.roles.commands import (
    applied_roles,
    checked_roles,
    decided_roles,
    reported_roles,
    role_history,
    rolled_back_role,
)
from preamblelab.lab.roles.deciding import decide_roles
from preamblelab.lab.roles.serving import open_roles
from preamblelab.lab.routing import read_routing
from preamblelab.report.roles import roles_markdown
from preamblelab.store import Store
from tests.store.test_registry_file import dies_at_every_call

MODELS = """
models:
  old: {id: ollama_chat/old, family: gemma, cost_tier: free}
  new: {id: ollama_chat/new, family: qwen, cost_tier: free}
  mid: {id: ollama_chat/mid, family: llama, cost_tier: free}
"""
SKILL = {"old": 0.35, "new": 0.95, "mid": 0.45}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tasks = "".join(
        f"  - {{name: case-{n}, category: {'coder' if n < 40 else 'draft'}, prompt: 'Say {n}.', "
        f"severity: {('low', 'normal', 'high')[n % 3]}, verify: [{{exact: '{n}'}}]}}\n"
        for n in range(43)
    )
    (tmp_path / "cases.yaml").write_text(f"tasks:\n{tasks}")
    return tmp_path


def roles(place, body: str = "", *, models: str = MODELS, policy: str = "") -> None:
    body = body or "{incumbent: old, challengers: [new], suite: cases.yaml, category: coder}"
    (place / "roles.yaml").write_text(f"schema: 1\nroles:\n  coder: {body}\n{models}{policy}")


def answer(trial) -> Response:
    """Right as often as the model is able; the same again for the same case."""
    name, number = trial.model.name, trial.task.name.removeprefix("case-")
    right = random.Random(f"{name} {number}").random() < SKILL[name]
    return Response(text=number if right else "?", status="ok", seconds=0.2, usd=0.001)


_ASKED: dict[str, bytes] = {}
"""Stores by what was asked: asking the same again gives the same, and takes most of the time."""


def asked(place, client=answer) -> None:
    path = place / "runs.db"
    text = (place / "roles.yaml").read_text()
    fresh = client is answer and not path.exists()
    if fresh and text in _ASKED:
        path.write_bytes(_ASKED[text])
        return
    with Store(path) as store:
        ask_roles(open_roles(place / "roles.yaml"), [], store, client=client)
    if fresh:
        _ASKED[text] = path.read_bytes()


def decided(place, **more):
    document, code = decided_roles(place / "roles.yaml", place / "runs.db", [], **more)
    return document["roles"][0], code


def test_a_challenger_is_measured_promoted_and_brought_back(place):
    roles(place)
    assert decided(place)[0]["note"] == "not asked yet: preamblelab roles run"
    asked(place)
    role, code = decided(place)
    assert (role["decisions"][0]["outcome"], code) == ("promote", 0)
    assert role["spend"]["usd"] == pytest.approx(0.08)
    [line], code = applied_roles(place / "roles.yaml", place / "runs.db", [])
    assert code == 0
    assert line.startswith("PROMOTE new@")
    staff = open_roles(place / "roles.yaml").staff("coder")
    assert (staff.incumbent, staff.challengers) == ("new", ("old",))
    history = role_history(place / "roles.yaml", [])
    assert [row["kind"] for row in history.data] == ["install", "promote"]
    assert rolled_back_role(place / "roles.yaml", "coder", "worse at night").startswith("old@")
    assert open_roles(place / "roles.yaml").staff("coder").incumbent == "old"
    assert role_history(place / "roles.yaml", []).data[-1]["reason"] == "worse at night"


def test_the_beaten_incumbent_is_retired_where_the_policy_says_so(place):
    body = "{incumbent: old, challengers: [new, mid], suite: cases.yaml, category: coder}"
    roles(place, body, policy="policy: {on_promote: retire}\n")
    asked(place)
    applied_roles(place / "roles.yaml", place / "runs.db", [])
    staff = open_roles(place / "roles.yaml").staff("coder")
    assert (staff.incumbent, staff.challengers) == ("new", ("mid",))


def test_after_a_promotion_the_role_rests(place):
    """New against old the other way round, one day later: nobody flaps back."""
    roles(place, policy="policy: {cooldown_days: 30}\n")
    asked(place)
    applied_roles(place / "roles.yaml", place / "runs.db", [])
    asked(place)  # the same cases and answers, now with the other as incumbent
    role, code = decided(place)
    assert code == 10
    clauses = {rule["name"]: rule["said"] for rule in role["decisions"][0]["rules"]}
    assert clauses["P7 cooldown"] == "fail"
    assert clauses["P1 acceptance"] == "fail"


def test_a_role_does_not_flap_from_one_to_the_other_and_back(place):
    """Edge case: flapping. The cooldown holds, then a tie does; a gain goes back, on the record."""
    roles(place)
    asked(place)
    applied_roles(place / "roles.yaml", place / "runs.db", [])
    cases, places = (place / "cases.yaml").read_text(), place / "cases.yaml"

    def clauses(world: dict[str, float], say: str, cooldown: int) -> tuple[int, dict[str, str]]:
        """New cases, asked of models that are so good; the store keeps older answers apart."""
        places.write_text(cases.replace("Say ", f"{say} "))
        roles(place, policy=f"policy: {{cooldown_days: {cooldown}}}\n")

        def client(trial) -> Response:
            number = trial.task.name.removeprefix("case-")
            right = int(number) < 40 * world[trial.model.name]
            return Response(text=number if right else "?", status="ok", seconds=0.2, usd=0.001)

        asked(place, client)
        role, code = decided(place)
        [decision] = role["decisions"]
        assert decision["challenger"].startswith("old@")
        return code, {rule["name"]: rule["said"] for rule in decision["rules"]}

    better = {"old": 1.0, "new": 0.5}
    code, said = clauses(better, "Tell", cooldown=7)
    assert (code, said["P4 gain"], said["P7 cooldown"]) == (10, "pass", "fail")
    code, said = clauses({"old": 0.5, "new": 0.5}, "Name", cooldown=0)
    assert (code, said["P4 gain"], said["P7 cooldown"]) == (10, "fail", "pass")
    code, said = clauses(better, "Give", cooldown=0)
    assert (code, said["P4 gain"]) == (0, "pass")
    applied_roles(place / "roles.yaml", place / "runs.db", [])
    registry = open_roles(place / "roles.yaml").registry
    names = [registry.holders[e.holder].name for e in registry.slot("coder").history]
    assert names == ["old", "new", "old"]
    assert role_history(place / "roles.yaml", []).text.count("promote") == 2


def test_a_case_that_was_removed_is_neither_counted_nor_asked_again(place):
    """Edge case: a case removed since the incumbent ran."""
    roles(place)
    asked(place)
    lines = (place / "cases.yaml").read_text().splitlines(keepends=True)
    (place / "cases.yaml").write_text("".join(each for each in lines if "case-7," not in each))
    calls = []
    asked(place, lambda trial: calls.append(trial))
    assert calls == []
    role, _ = decided(place)
    assert role["decisions"][0]["missing"]["planned"] == 39
    assert role["decisions"][0]["measured"][0]["n"] == 39


def test_paid_against_paid_is_allowed_and_what_each_accepted_case_costs_is_told(place):
    """Edge case: paid vs paid."""
    roles(place, models=MODELS.replace("cost_tier: free", "cost_tier: paid"))

    def priced(trial) -> Response:
        return replace(answer(trial), usd=0.004 if trial.model.name == "new" else 0.001)

    asked(place, priced)
    role, code = decided(place)
    assert code == 0
    assert {r["said"] for r in role["decisions"][0]["rules"] if r["name"] == "P5 cost"} == {"pass"}
    text = reported_roles(place / "roles.yaml", place / "runs.db")[0]
    told = re.findall(r"Cost per accepted case, (\w+): ([\d.]+) usd", " ".join(text.split()))
    costs = {who: float(usd) for who, usd in told}
    assert costs["challenger"] > costs["incumbent"] > 0


def test_a_free_tier_of_a_cloud_is_free_and_still_no_place_for_private_work(place):
    """Edge case: a free-of-charge cloud. Price is the user's word; privacy is another question."""
    models = MODELS.replace("ollama_chat/new", "'ollama_chat/new:9b-cloud'")
    roles(place, models=models)
    asked(place)
    role, code = decided(place)
    assert code == 0
    assert {r["said"] for r in role["decisions"][0]["rules"] if r["name"] == "P5 cost"} == {"pass"}
    body = "{incumbent: old, challengers: [new], suite: cases.yaml, private: true}"
    roles(place, body, models=models)
    with pytest.raises(SpecError, match="private, and new does not run here"):
        asked(place, lambda trial: answer(trial))


@pytest.mark.slow
def test_a_kill_at_every_write_of_apply_leaves_the_old_incumbent_or_the_new(place, monkeypatch):
    """Races and kills: roles as gates, old or new and never neither."""
    roles(place)
    asked(place)
    file, registry = place / "roles.yaml", place / "roles.registry.json"
    with Store(place / "runs.db", read_only=True) as store:
        states = decide_roles(open_roles(file), store)
    # Decided once: the writes are what is tried here.
    monkeypatch.setattr("preamblelab.lab.roles.commands.decide_roles", lambda *_, **__: states)
    seen = set()

    def look():
        staff = open_roles(file).staff("coder")
        seen.add(staff.incumbent)
        assert staff.incumbent in {"old", "new"}
        assert len(staff.challengers) == 1
        registry.unlink(missing_ok=True)

    calls = dies_at_every_call(lambda: applied_roles(file, place / "runs.db", []), look)
    assert seen == {"old", "new"}
    assert calls > 8


def test_only_one_of_two_promotions_at_once_is_carried_out(place, monkeypatch):
    """Edge case: two promotions race."""
    roles(place)
    asked(place)
    import preamblelab.lab.roles.commands as commands

    decide = commands.decide_roles

    def meanwhile(*arguments, **options):
        states = decide(*arguments, **options)
        monkeypatch.setattr(commands, "decide_roles", decide)
        applied_roles(place / "roles.yaml", place / "runs.db", [])
        return states

    monkeypatch.setattr(commands, "decide_roles", meanwhile)
    with pytest.raises(RegistryError, match="registry changed while role 'coder' was decided"):
        applied_roles(place / "roles.yaml", place / "runs.db", [])
    registry = open_roles(place / "roles.yaml").registry
    assert [event.kind for event in registry.slot("coder").history] == ["install", "promote"]


def test_the_literal_rule_is_shown_and_never_applied(place):
    roles(place, "{incumbent: old, challengers: [new], suite: cases.yaml, category: draft}")
    asked(place)
    role, code = decided(place)
    assert code == 11
    assert "role has 3 cases, 20 needed" in role["decisions"][0]["sentence"]
    literal, code = decided(place, literal=True)
    assert literal["decisions"][0]["outcome"] in {"promote", "keep"}
    assert applied_roles(place / "roles.yaml", place / "runs.db", []) == ([], 11)


def test_no_challengers_is_a_health_check(place):
    """Edge cases: no challengers; a role of one family is warned of."""
    roles(place, "{incumbent: old, suite: cases.yaml, category: coder}")
    asked(place)
    role, code = decided(place)
    assert code == 0
    assert role["decisions"] == []
    assert role["note"].startswith("no active challengers; old was accepted on ")
    assert role["warnings"] == ["single family: all of gemma"]


def test_reports_are_dated_never_overwritten_and_made_from_the_document(place):
    roles(place)
    text, written = reported_roles(place / "roles.yaml", place / "runs.db")
    assert "Latest run: none yet." in text
    assert written is None
    asked(place)
    today = datetime.now(UTC).date().isoformat()
    written = [reported_roles(place / "roles.yaml", place / "runs.db")[1] for _ in range(3)]
    assert [each.markdown.name for each in written] == [
        f"local-model-benchmark-{today}{end}.md" for end in ("", "-2", "-3")
    ]
    document = json.loads(written[0].document.read_text())
    markdown = written[0].markdown.read_text()
    assert markdown == roles_markdown(document)
    assert markdown.startswith("---\nschema: 1\nrun: ")
    assert document["roles"][0]["decisions"][0]["digest"] in markdown.split("---")[1]
    for word in (
        "P6 diversity",
        "review pain",
        "severity-weighted pass",
        "gemma",
        "Spent: 80 calls",
    ):
        assert word in markdown
    # The same run is the same attempt, however often it is reported.
    assert document["roles"][0]["decisions"][0]["attempt"] == 1
    assert len(open_roles(place / "roles.yaml").registry.slot("coder").attempts) == 1
    assert written[0].document.read_bytes() == written[2].document.read_bytes()


def test_names_and_reasons_cannot_become_markup(place):
    evil = "../../x`|<script>"
    models = MODELS.replace("  new:", f"  '{evil}':")
    roles(
        place,
        f"{{incumbent: old, challengers: ['{evil}'], suite: cases.yaml, category: coder}}",
        models=models,
    )
    SKILL[evil] = 0.9
    asked(place)
    written = reported_roles(place / "roles.yaml", place / "runs.db")[1]
    assert written.markdown.parent == place / "reports"
    assert "<script>" not in written.markdown.read_text()


def test_an_edited_case_is_asked_again_of_everybody(place):
    """Edge case: a case was edited since the incumbent ran."""
    roles(place)
    asked(place)
    calls = []

    def counting(trial):
        calls.append((trial.model.name, trial.task.name))
        return answer(trial)

    asked(place, counting)
    assert calls == []
    text = (place / "cases.yaml").read_text().replace("Say 7.", "Say 7, please.")
    (place / "cases.yaml").write_text(text)
    asked(place, counting)
    assert sorted(calls) == [("new", "case-7"), ("old", "case-7")]


def test_a_withdrawn_incumbent_is_told_and_replaced_only_on_demand(place):
    """Edge case: the incumbent was withdrawn."""
    roles(place, policy="policy: {install: {acceptance: 0.5}}\n")

    def gone(trial):
        if trial.model.name == "old":
            return Response(status="failed", reason="permanent: 404 no such model")
        return answer(trial)

    asked(place, gone)
    role, code = decided(place)
    assert code == 3
    assert "degraded" in role["decisions"][0]["sentence"]
    assert applied_roles(place / "roles.yaml", place / "runs.db", []) == ([], 3)
    role, code = decided(place, emergency=True)
    assert (role["decisions"][0]["outcome"], code) == ("install", 0)
    applied_roles(place / "roles.yaml", place / "runs.db", [], emergency=True)
    assert open_roles(place / "roles.yaml").staff("coder").incumbent == "new"


WRONG = {
    "its own challenger": ("{incumbent: old, challengers: [old]}", MODELS),
    "not under 'models'": ("{incumbent: old, challengers: [nobody]}", MODELS),
    "Field required|is missing|cost_tier": (
        "{incumbent: old}", "models: {old: {family: gemma}}\n",
    ),
    "are one model": (
        "{incumbent: a, challengers: [b]}",
        ("models:\n  a: {family: x, cost_tier: free, digest: 'sha256:1'}\n"
        "  b: {family: x, cost_tier: free, digest: 'sha256:1'}\n"),
    ),
    "quantisations of one model": (
        "{incumbent: 'q:7b-q4_K_M', challengers: ['q:7b-q8_0']}",
        ("models:\n  q:7b-q4_K_M: {family: x, cost_tier: free}\n"
        "  q:7b-q8_0: {family: y, cost_tier: free}\n"),
    ),
    "unknown field 'challenger'|did you mean": ("{incumbent: old, challenger: [new]}", MODELS),
}  # fmt: skip


@pytest.mark.parametrize("why", WRONG)
def test_wrong_files_are_refused_with_their_line(place, why):
    """Edge cases: an incumbent that challenges itself; two tags or quantisations of one model."""
    body, models = WRONG[why]
    roles(place, body, models=models)
    with pytest.raises(SpecError, match=rf"roles.yaml:\d+: .*({why})"):
        open_roles(place / "roles.yaml")


def test_unknown_family_and_price_are_warned_and_count_against(place):
    """Edge case: unknown price and family."""
    models = MODELS.replace("family: qwen, cost_tier: free", "family: unknown, cost_tier: unknown")
    roles(place, models=models)
    told = checked_roles(place / "roles.yaml")
    assert told.data[0]["warnings"] == [
        "single family: all of gemma",
        "new: family unknown, which blocks its promotion",
        "new: price unknown, which counts as paid",
    ]
    asked(place)
    clauses = {r["name"]: r["said"] for r in decided(place)[0]["decisions"][0]["rules"]}
    assert (clauses["P5 cost"], clauses["P6 diversity"]) == ("fail", "fail")


def test_a_vacant_role_is_installed(place):
    """Edge case: a vacant role."""
    body = "{challengers: [new], suite: cases.yaml, category: coder}"
    roles(place, body, policy="policy: {install: {acceptance: 0.8}}\n")
    asked(place)
    role, code = decided(place)
    assert (role["incumbent"], role["decisions"][0]["outcome"], code) == (None, "install", 0)
    applied_roles(place / "roles.yaml", place / "runs.db", [])
    assert open_roles(place / "roles.yaml").staff("coder").incumbent == "new"


def test_what_the_cases_can_show_is_told_before_anything_is_asked(place):
    roles(place)
    assert checked_roles(place / "roles.yaml").data[0]["can_show"] == (
        "equal results leave ±0.06 open"
    )
    roles(place, "{incumbent: old, challengers: [new], suite: cases.yaml, category: draft}")
    assert checked_roles(place / "roles.yaml").data[0]["can_show"] == "nothing: 20 cases are needed"


def test_the_commands_say_and_return_the_same(place, monkeypatch, capsys):
    roles(place)
    asked(place)

    def run(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["preamblelab", "roles", *words])
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0)

    assert run("check", "roles.yaml") == 0
    assert run("decide", "roles.yaml", "--store", "runs.db") == 0
    assert "PROMOTE new@" in capsys.readouterr().out
    assert run("report", "roles.yaml", "--store", "runs.db") == 0
    assert run("apply", "roles.yaml", "--store", "runs.db") == 0
    # Now `old` challenges, within the cooldown: what decide says is what apply ends with.
    assert run("decide", "roles.yaml", "--store", "runs.db") == 10
    assert run("apply", "roles.yaml", "--store", "runs.db") == 10
    assert "Nobody qualifies: nothing changed." in capsys.readouterr().out
    assert run("history", "roles.yaml", "--format", "json") == 0
    assert run("rollback", "roles.yaml", "coder") == 0
    assert run("review", "roles.yaml", "coder", "nothing.txt") == 2
    assert "nothing.txt: no such file" in capsys.readouterr().err
    assert run("rollback", "roles.yaml", "nobody") == 2
    assert "did you mean" in (err := capsys.readouterr().err) or "known: coder" in err


def test_the_files_of_the_pages_can_be_read(place):
    """What docs/roles.md and docs/replication.md show is what a user may write."""
    docs = Path(__file__).resolve().parents[2] / "docs"
    blocks = [
        block
        for page in ("roles.md", "replication.md")
        for block in re.findall(r"```yaml\n(.*?)```", (docs / page).read_text("utf-8"), re.DOTALL)
    ]
    for block in blocks:
        (place / block.split("\n")[0].removeprefix("# ")).write_text(block)
    assert open_roles(place / "roles.yaml").staff("coder").challengers == ("granite", "gemma")
    assert read_routing(place / "routing.yaml").routing.rules[0].finding == "F2"
    assert len(load_profiles(place / "profiles.yaml").profiles) == 2


def served(place, **digests: str) -> None:
    """What a server told of the weights behind tags."""
    with Store(place / "runs.db") as store:
        for name, digest in digests.items():
            facts = ModelFacts(model=f"ollama_chat/{name}", digest=digest)
            store.put_facts(f"ollama_chat/{name}", "ollama_chat", facts)


def test_other_weights_behind_the_incumbents_tag_are_warned_of(place):
    roles(place)
    asked(place)
    applied_roles(place / "roles.yaml", place / "runs.db", [])
    served(place, new="sha256:2")
    warnings = " ".join(decided(place)[0]["warnings"])
    assert "the incumbent new is not what was promoted" in warnings


def test_one_model_under_two_tags_cannot_challenge_itself(place):
    """Edge case: one model under two tags."""
    roles(place)
    asked(place)
    served(place, new="sha256:1", old="sha256:1")
    with pytest.raises(SpecError, match="'old' and 'new' are one model by their server"):
        decided(place)


def test_a_pinned_digest_that_is_not_served_is_warned_of(place):
    models = MODELS.replace("family: qwen,", "family: qwen, digest: 'sha256:7',")
    roles(place, models=models)
    asked(place)
    served(place, new="sha256:8")
    assert (
        "new: the server has sha256:8, and the file pins sha256:7" in decided(place)[0]["warnings"]
    )


def test_the_cases_of_a_private_role_are_sent_to_nobody_elsewhere(place):
    """A tag that an engine here serves from a cloud is a cloud."""
    body = "{incumbent: old, challengers: [new], suite: cases.yaml, private: true}"
    roles(place, body)
    asked(place)
    roles(place, body, models=MODELS.replace("ollama_chat/new", "'ollama_chat/new:9b-cloud'"))
    with pytest.raises(SpecError, match="private, and new does not run here"):
        asked(place, lambda trial: answer(trial))
