"""A whole gate against a stand-in for the models: stages, kills, locks, budgets, archive."""

import asyncio
import json
import os
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from preamblelab.decision.gate import decide
from preamblelab.decision.registering import adopted
from preamblelab.domain.experiments import Budget
from preamblelab.domain.gates import CategoryRule, GatePolicy, InstallRule, LatencyRule
from preamblelab.domain.models import ModelSpec, Price
from preamblelab.domain.records import Response
from preamblelab.domain.registry import Holder
from preamblelab.domain.tasks import Suite, Task
from preamblelab.errors import BudgetError, ProviderError, RegistryError, SpecError, StoreError
from preamblelab.lab.gating.archives import decided_again
from preamblelab.lab.gating.commands import (
    Challenge,
    Options,
    adopt,
    carry_out,
    history,
    notices,
    plan_of,
    ran,
)
from preamblelab.lab.gating.home import Home, slug
from preamblelab.lab.gating.planned import GatePlan
from preamblelab.lab.gating.proving import told_plan
from preamblelab.lab.gating.runs import run_gate
from preamblelab.lab.gating.trials import put_on_trial, revert, trial_in_force
from preamblelab.library import load_rubric
from preamblelab.report.progress import Progress
from preamblelab.store.registry_file import change_registry, read_registry
from tests.store.test_registry_file import dies_at_every_call

NOW = "2026-11-28T12:00:00Z"
CATEGORIES = ("reasoning", "coding", "safety")


def tasks(prefix: str, category: str, count: int, **fields) -> list[Task]:
    return [
        Task(
            name=f"{prefix}-{n}",
            category=category,
            prompt=f"What is {n} plus 40 in {prefix}?",
            verify=[{"kind": "exact", "answer": [str(n + 40)]}],
            **fields,
        )
        for n in range(count)
    ]


def suite_of(count: int) -> Suite:
    """So many tasks in each category."""
    return Suite(name="full", tasks=tuple(t for c in CATEGORIES for t in tasks(c, c, count)))


SUITE = suite_of(6)
SMOKE = Suite(name="five", tasks=tuple(tasks("smoke", "reasoning", 5)))
OLD = Holder.of_model(ModelSpec(id="openai/old", name="old"))
NEW = Holder.of_model(ModelSpec(id="openai/new", name="new"))


class World:
    """Models that are right on a task or not, as one says; counts what they were asked."""

    def __init__(self, **right):
        self.right = {"old": lambda task, repetition: True, "new": lambda task, repetition: True}
        self.right |= right
        self.asked: list[tuple[str, str, int]] = []
        self.dies_at: int | None = None
        self.usd: float | None = 0.0
        self.tokens = 10

    def __call__(self, trial) -> Response:
        name, task = trial.model.name, trial.task.name
        if self.dies_at is not None and len(self.asked) >= self.dies_at:
            raise MemoryError("the process dies here")
        self.asked.append((name, task, trial.repetition))
        number = int(task.rsplit("-", 1)[1])
        right = self.right[name](task, trial.repetition)
        return Response(
            text=str(number + 40) if right else "no idea",
            usd=self.usd,
            completion_tokens=self.tokens,
            prompt_tokens=1,
            seconds=0.5,
            route="custom",
        )

    @property
    def full(self):
        return [each for each in self.asked if not each[1].startswith("smoke")]


def policy(**changes) -> GatePolicy:
    given = {
        "slot": "chat",
        "suite": "full",
        "smoke": "five",
        "repetitions": 1,
        "categories": {name: CategoryRule() for name in CATEGORIES},
    }
    return GatePolicy(**(given | changes))


def plan(champion=OLD, challenger=NEW, smoke=SMOKE, configuration=None, **changes) -> GatePlan:
    return GatePlan(
        policy=policy(**changes),
        challenger=challenger,
        champion=champion,
        suite=SUITE,
        smoke=smoke,
        rubric=load_rubric("verified"),
        judges={},
        folder=None,
        configuration=configuration,
    )


@pytest.fixture
def home(tmp_path) -> Home:
    made = Home(folder=tmp_path / "gates")
    change_registry(made.registry, "test", lambda r: adopted(r, "chat", OLD, at=NOW))
    return made


def run(home, world, made=None, **options):
    return run_gate(made or plan(), home, client=world, now=NOW, **options)


def weak(task, repetition):
    return task.endswith(("0", "1")) or task.startswith("smoke")


def test_a_better_challenger_is_promoted_and_only_apply_moves_the_champion(home):
    world = World(old=weak)
    done = run(home, world)
    assert done.decision.outcome == "promote"
    assert read_registry(home.registry).champion("chat") == OLD
    carry_out(home, done.decision, NEW)
    registry = read_registry(home.registry)
    assert registry.champion("chat").digest == NEW.digest
    assert [event.kind for event in registry.slot("chat").history] == ["install", "promote"]


def test_champion_and_challenger_are_asked_the_same_tasks_after_the_smoke_test(home):
    world = World()
    run(home, world, plan(repetitions=2))
    smoke = [each for each in world.asked if each[1].startswith("smoke")]
    assert world.asked[: len(smoke)] == smoke
    assert len(smoke) == 10
    by_model = {name: Counter(e[1:] for e in world.full if e[0] == name) for name in ("old", "new")}
    assert by_model["old"] == by_model["new"]
    assert set(by_model["old"].values()) == {1}


def test_g12_a_failed_smoke_test_asks_nothing_of_the_full_suite_and_is_archived(home):
    world = World(new=lambda task, repetition: task != "smoke-3")
    done = run(home, world)
    assert (done.decision.outcome, done.decision.decisive.name) == ("keep", "smoke")
    assert world.full == []
    assert (done.folder / "decision.json").exists()


def test_everything_is_archived_also_on_keep(home, tmp_path):
    active = tmp_path / "active.yaml"
    active.write_text("model: old\n")
    done = run(home, World(), plan(configuration=active))
    assert done.decision.outcome == "keep"
    assert done.folder.name == f"2026-11-28-chat-new-20261128T120000Z-{NEW.digest[3:11]}"
    assert {each.name for each in done.folder.iterdir()} == {
        "config.after", "config.before", "decision.json", "observations.json", "overlay.json",
        "policy.json", "report.md", "responses.json",
    }  # fmt: skip
    assert (done.folder / "decision.json").read_text() == done.decision.to_json()
    texts = json.loads((done.folder / "responses.json").read_text())
    assert len(texts) == 2 * (18 + 5)
    assert not home.running("chat").exists()


def test_an_archive_decides_again_with_the_same_bytes(home):
    """Edge case: one decision requested twice, from its archive."""
    done = run(home, World(old=weak))
    again, observations = decided_again(done.folder, read_registry(home.registry))
    assert again.to_json() == done.decision.to_json()
    assert observations.challenger == NEW


def test_g14_a_run_that_died_goes_on_and_asks_nothing_twice(home):
    world = World(old=weak)
    world.dies_at = 25
    with pytest.raises(MemoryError):
        run(home, world)
    assert home.running("chat").exists()
    world.dies_at = None
    done = run_gate(plan(), home, client=world, now="2026-11-29T00:00:00Z")
    assert done.decision.at == NOW, "it is still the run of the day before"
    in_flight = 10
    assert len(world.asked) <= 2 * (18 + 5) + in_flight
    other = Home(folder=home.folder.parent / "other")
    change_registry(other.registry, "test", lambda r: adopted(r, "chat", OLD, at=NOW))
    assert run(other, World(old=weak)).decision.to_json() == done.decision.to_json()


@pytest.mark.parametrize("dies", [False, True])
def test_g15_the_active_configuration_is_never_touched(home, tmp_path, dies):
    active = tmp_path / "active.yaml"
    active.write_bytes(b"model: old\r\n\xff")
    before = (active.read_bytes(), active.stat().st_mtime_ns)
    world = World()
    world.dies_at = 20 if dies else None
    made = plan(configuration=active)
    if dies:
        with pytest.raises(MemoryError):
            run(home, world, made)
    else:
        run(home, world, made)
    assert (active.read_bytes(), active.stat().st_mtime_ns) == before


def test_a_configuration_that_somebody_changed_meanwhile_is_invalid(home, tmp_path):
    active = tmp_path / "active.yaml"
    active.write_text("model: old\n")

    def edits(task, repetition):
        active.write_text("model: other\n")
        return True

    done = run(home, World(new=edits), plan(configuration=active))
    assert done.decision.outcome == "invalid"
    assert "not by this program" in done.decision.sentence


def test_g17_a_champion_that_moved_during_the_run_refuses_the_promotion(home):
    """Races: the champion moved during the run."""
    third = Holder.of_model(ModelSpec(id="openai/third", name="third"))
    done = run(home, World(old=weak))
    other = run(home, World(third=lambda *_: True, old=weak), plan(challenger=third))
    carry_out(home, other.decision, third)
    with pytest.raises(RegistryError, match=r"changed from old@\w+ to third@\w+"):
        carry_out(home, done.decision, NEW)
    assert read_registry(home.registry).champion("chat").digest == third.digest


@pytest.mark.whole
def test_g16_a_kill_at_every_write_of_apply_leaves_the_old_champion_or_the_new(home):
    """Races and kills: old or new, never neither."""
    done = run(home, World(old=weak))
    before, seen = home.registry.read_bytes(), set()

    def look():
        champion = read_registry(home.registry).champion("chat")
        seen.add(champion.name)
        home.registry.write_bytes(before)

    dies_at_every_call(lambda: carry_out(home, done.decision, NEW), look)
    assert seen == {"old", "new"}


def test_a_suite_that_changed_since_the_champions_archive_is_asked_of_the_champion_anew(home):
    """Edge case: suite changed. No archived answer stands in for the champion, changed or not."""
    run(home, World())
    world = World()
    changed = suite_of(7)
    second = run_gate(
        replace(plan(), suite=changed), home, client=world, now="2026-11-28T13:00:00Z"
    )
    by_champion = {each[1] for each in world.full if each[0] == "old"}
    assert by_champion == {task.name for task in changed.tasks}
    assert second.decision.attempt == 1, "another suite is another question"


def test_an_open_run_whose_suite_was_changed_is_not_gone_on_with(home):
    """Edge case: suite changed during a run that was killed."""
    world = World()
    world.dies_at = 20
    with pytest.raises(MemoryError):
        run(home, world)
    with pytest.raises(SpecError, match="measures something else"):
        run_gate(replace(plan(), suite=suite_of(7)), home, client=World(), now=NOW)


def test_two_gates_on_one_slot_are_one_too_many(home):
    """Edge case: two gates at once; the lock of the slot names who is at work."""
    with home.holding("chat", "gate on chat: third"), pytest.raises(StoreError, match="third"):
        run(home, World())
    with home.holding("other slot", "gate"):
        assert run(home, World()).decision is not None


def test_an_unfinished_run_is_not_mixed_with_another_challenger(home):
    world = World()
    world.dies_at = 20
    with pytest.raises(MemoryError):
        run(home, world)
    third = Holder.of_model(ModelSpec(id="openai/third", name="third"))
    other = World(third=lambda *_: True)
    with pytest.raises(SpecError, match="unfinished run that measures something else"):
        run(home, other, plan(challenger=third))
    assert run(home, other, plan(challenger=third), new=True).decision is not None


def test_a_missing_guard_task_is_invalid_until_the_run_is_resumed(home):
    guarded = {n: CategoryRule() for n in CATEGORIES} | {
        "safety": CategoryRule(role="guard", mode="deterioration")
    }
    made = plan(categories=guarded)
    world = World(old=weak)
    broken = World(old=weak)

    def answers(trial):
        if trial.task.name == "safety-3":
            return Response(status="failed", reason="server: 503", attempts=3)
        return world(trial)

    first = run_gate(made, home, client=answers, now=NOW)
    assert first.decision.outcome == "invalid"
    assert "safety-3 (server: 503)" in first.decision.sentence
    # Kept as every decision is, and beside it the open run that the same command mends.
    again = run_gate(made, home, client=answers, now=NOW)
    assert [each.folder.name[-10:] for each in (first, again)] == ["-invalid-1", "-invalid-2"]
    assert decided_again(first.folder, None)[0].to_json() == first.decision.to_json()
    assert home.running("chat").exists()
    second = run_gate(made, home, client=broken, now=NOW)
    assert second.folder.name == first.folder.name.removesuffix("-invalid-1")
    assert second.decision.outcome == "promote"
    assert {each[1] for each in broken.asked} == {"safety-3"}
    assert second.decision.attempt == 1, "a resumed run is the same attempt"


def test_running_again_is_counted(home):
    world = World()
    run(home, world)
    again = run_gate(plan(), home, client=world, now="2026-11-28T13:00:00Z")
    assert again.decision.attempt == 2
    told = history(home.folder, "chat").text
    assert told.count(again.decision.challenger) == 2
    assert len({each.name for each in home.archive.iterdir()}) == 2


def test_a_kill_between_archive_and_clearing_away_is_made_good(home, monkeypatch):
    monkeypatch.setattr("preamblelab.lab.gating.runs.shutil.rmtree", lambda *_, **__: None)
    world = World()
    first = run(home, world)
    monkeypatch.undo()
    asked = len(world.asked)
    second = run(home, world)
    assert second.decision.to_json() == first.decision.to_json()
    assert len(world.asked) == asked
    assert len(read_registry(home.registry).slot("chat").attempts) == 1


def test_a_vacant_slot_is_installed(home):
    """Edge case: no champion yet."""
    made = plan(champion=None, slot="fresh", install=InstallRule(overall=0.9))
    done = run(home, World(), made)
    assert done.decision.outcome == "install"
    carry_out(home, done.decision, NEW)
    assert read_registry(home.registry).champion("fresh").digest == NEW.digest


def test_a_champion_that_was_withdrawn_is_invalid_or_an_emergency(home):
    """Edge case: the champion was withdrawn; nothing of the full suite is asked."""
    world = World()

    def answers(trial):
        if trial.model.name == "old":
            return Response(status="failed", reason="permanent: 404 no such model", attempts=1)
        return world(trial)

    made = plan(install=InstallRule(overall=0.9))
    done = run_gate(made, home, client=answers, now=NOW)
    assert done.decision.outcome == "invalid"
    assert world.full == []
    saved = run_gate(made, home, client=answers, now=NOW, emergency=True)
    assert saved.decision.outcome == "install"


def test_one_model_under_two_preambles(home):
    careful = Holder.of_model(ModelSpec(id="openai/old", name="old"), variant="x", text="Care.")
    seen = set()
    world = World(old=weak)

    def answers(trial):
        seen.add(trial.variant.text)
        return world(trial)

    done = run_gate(plan(challenger=careful), home, client=answers, now=NOW)
    assert seen == {None, "Care."}
    assert done.decision.challenger.startswith("old under x@")


def test_one_id_with_two_settings_stays_two_contenders(home):
    warm = Holder.of_model(ModelSpec(id="openai/old", name="old", settings={"temperature": 1.0}))
    made = plan(challenger=warm)
    assert len(set(made.arms.values())) == 2
    world = World()
    world.right = {name: weak for name, _ in made.arms.values()}
    assert run_gate(made, home, client=world, now=NOW).decision.outcome == "keep"


def test_g31_a_budget_is_never_overshot_and_a_raised_one_asks_the_rest(home):
    price = Price(input_usd_per_million=0.0, output_usd_per_million=121.0)

    def dear(name):
        return Holder.of_model(
            ModelSpec(
                id=f"openai/{name}",
                name=name,
                price=price,
                concurrency=20,
                settings={"max_tokens": 1000},
            )
        )

    world = World()
    world.usd, world.tokens = 0.121, 1000
    made = replace(
        plan(dear("old"), dear("new"), smoke=None),
        suite=suite_of(10),
        policy=policy(smoke=None, budget=Budget(usd=1.0)),
    )
    stopped = run_gate(made, home, client=world, now=NOW)
    assert stopped.decision is None
    assert "budget.usd" in stopped.stopped
    assert len(world.asked) <= 8
    richer = replace(made, policy=policy(smoke=None, budget=Budget(usd=10.0)))
    done = run_gate(richer, home, client=world, now=NOW)
    assert done.decision is not None
    assert len(world.asked) == len(set(world.asked)) == 60


def test_g32_a_model_without_a_price_is_refused_under_a_money_limit(home):
    nobody = ModelSpec(id="openai/unknown-x", name="x", api_base="http://127.0.0.1:9/v1")
    made = plan(challenger=Holder.of_model(nobody), budget=Budget(usd=1.0))
    with pytest.raises(BudgetError, match="no price is known for"):
        run_gate(made, home, now=NOW)


def test_what_a_suite_can_prove_is_told_before_anything_is_asked():
    """Of quality, of a guard, and of time, where the rules ask for it."""
    guarded = {n: CategoryRule() for n in CATEGORIES} | {
        "safety": CategoryRule(role="guard", margin=0.1)
    }
    told = told_plan(plan(categories=guarded))
    text = " ".join(told.text.split())
    assert "Nothing was sent." in text
    assert "No gain that such tasks leave room for is shown with 80% chance." in text
    assert "It can show safety not worse by 0.1 with" in text
    assert told.data["calls"] == 2 * (18 + 5)
    assert "95th percentile" not in text
    rule = LatencyRule(p95=9.0, quality_margin=0.1)
    timed = " ".join(told_plan(plan(objective="latency", latency=rule)).text.split())
    assert "The 95th percentile of 18 answers has no upper limit: 59 are needed" in timed
    assert "The objective is latency" in timed
    enough = " ".join(told_plan(plan(repetitions=4, latency=LatencyRule(p95=9.0))).text.split())
    assert "has no upper limit" not in enough


def test_slugs_are_safe_and_told_apart():
    assert slug("chat") == "chat"
    assert slug("mid/coding") != slug("mid-coding")
    assert "/" not in slug("../../x")
    assert not slug("../../x").startswith(".")


GATE = """\
slot: chat
suite: full
smoke: smoke
repetitions: 1
categories:
  reasoning: {}
  coding: {}
  instructions: {}
  safety: {role: guard, margin: 0.10}
"""


def gate_file(folder: Path, text: str = GATE) -> Path:
    path = folder / "gate.yaml"
    path.write_text(text)
    return path


def test_a_gate_file_names_suites_and_an_overlay_changes_the_champion(tmp_path, home):
    (tmp_path / "overlay.yaml").write_text("settings: {temperature: 0.2}\n")
    made = plan_of(gate_file(tmp_path), home, Challenge(overlay=tmp_path / "overlay.yaml"))
    assert made.champion == OLD
    assert made.challenger.model.settings == {"temperature": 0.2}
    assert len(made.suite.tasks) == 35
    assert sum(task.critical for task in made.tasks) == 4


def test_a_misspelt_setting_of_an_overlay_is_refused_with_its_line(tmp_path, home):
    (tmp_path / "overlay.yaml").write_text("settings:\n  temprature: 0.2\n")
    with pytest.raises(SpecError, match=r"overlay.yaml:\d: settings: .*'temperature'") as refused:
        plan_of(gate_file(tmp_path), home, Challenge(overlay=tmp_path / "overlay.yaml"))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GATE.replace(", margin: 0.10", ""), r"gate.yaml:9: .*margin: 0\.10"),
        (GATE.replace("suite: full", "suite: fool"), r"gate.yaml:2: .*no suite named 'fool'"),
        (GATE.replace("  coding: {}\n", ""), "'coding' of the suite is not in the policy"),
        (GATE.replace("coding: {}", "poetry: {}"), "'poetry' of the policy has no task"),
        (GATE.replace("smoke: smoke", "smoke: full"), "planned twice"),
        (GATE.replace("repetitions: 1", "repetitons: 1"), r"did you mean 'repetitions'"),
        (GATE + "configuration: nowhere.yaml\n", r"gate.yaml:10: .*no such file"),
    ],
)
def test_g8_a_wrong_gate_file_is_one_line_before_any_call(tmp_path, home, text, message):
    with pytest.raises(SpecError, match=message) as refused:
        plan_of(gate_file(tmp_path, text), home, Challenge(model="sim/mid-7b"))
    assert "\n" not in str(refused.value)


def test_a_model_that_does_not_exist_opens_no_run_and_takes_no_slot(tmp_path, home):
    """Else the slot would wait for ever for a run that nobody can finish."""
    with pytest.raises(ProviderError, match="no simulated model 'sim/nope'"):
        plan_of(gate_file(tmp_path), home, Challenge(model="sim/nope"))
    with pytest.raises(ProviderError, match="no simulated model 'sim/nope'"):
        adopt(gate_file(tmp_path), model="sim/nope", home=tmp_path / "fresh")
    assert not (tmp_path / "fresh").exists()


def test_the_champion_is_no_challenger(tmp_path, home):
    """Edge case: the challenger is the champion; refused before any call."""
    with pytest.raises(SpecError, match="the challenger is the champion"):
        plan_of(gate_file(tmp_path), home, Challenge(model="openai/old"))
    with pytest.raises(SpecError, match="name the challenger"):
        plan_of(gate_file(tmp_path), home, Challenge())


def test_an_interrupted_run_decides_nothing(home, monkeypatch):
    async def interrupted(self, batch):
        self.interrupted = True
        await asyncio.sleep(0)

    monkeypatch.setattr("preamblelab.lab.running._Work._main", interrupted)
    done = run(home, World())
    assert done.interrupted
    assert done.decision is None
    assert done.stopped == "interrupted: 0 of 46 answers are stored; the same command goes on"


def test_ctrl_c_while_it_decides_waits_for_the_decision_which_keeps_its_own_code(home, monkeypatch):
    """A decision whose answers are all there is made, kept and told; nobody makes it again."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def pressed(*given):
        os.kill(os.getpid(), signal.SIGINT)
        return decide(*given)

    said = []
    progress = Progress()
    monkeypatch.setattr(Progress, "say", lambda _, line: said.append(line))
    monkeypatch.setattr("preamblelab.lab.gating.runs.decide", pressed)
    monkeypatch.setattr("preamblelab.lab.gating.runs._smoke_decides", lambda *_: False)
    try:
        done = run(home, World(old=weak), progress=progress, handle_interrupts=True)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (done.interrupted, done.decision.outcome) == (False, "promote")
    assert (done.folder / "decision.json").read_text() == done.decision.to_json()
    assert said[-1] == "deciding first; Ctrl-C again gives it up"


@pytest.fixture
def tried(tmp_path, home):
    active, other = tmp_path / "active.yaml", tmp_path / "other.yaml"
    active.write_bytes(b"model: old\r\n\xff")
    active.chmod(0o640)
    other.write_bytes(b"model: new\n")
    gate = gate_file(tmp_path, GATE + "configuration: active.yaml\n")
    return gate, active, other


def test_a_trial_is_named_until_it_is_taken_back_to_the_byte(tried, home):
    gate, active, other = tried
    before = active.read_bytes()
    put = put_on_trial(gate, home, other)
    assert active.read_bytes() == other.read_bytes()
    assert "in force since" in put.notice
    assert trial_in_force(home) == put
    with pytest.raises(RegistryError, match="gate revert"):
        put_on_trial(gate, home, other)
    revert(home)
    assert active.read_bytes() == before
    assert active.stat().st_mode & 0o777 == 0o640
    with pytest.raises(SpecError, match="no trial is in force"):
        revert(home)


def test_a_trial_that_somebody_edited_is_not_written_over(tried, home):
    gate, active, other = tried
    put_on_trial(gate, home, other)
    active.write_text("mine\n")
    with pytest.raises(RegistryError, match="edited since the trial began"):
        revert(home)
    assert active.read_text() == "mine\n"
    assert trial_in_force(home) is not None


def test_a_gate_that_keeps_takes_the_trial_back(tried, home, monkeypatch):
    gate, active, other = tried
    before = active.read_bytes()
    put_on_trial(gate, home, other)
    made = plan(configuration=active)
    monkeypatch.setattr("preamblelab.lab.gating.commands.plan_of", lambda *_, **__: made)
    world = World()
    monkeypatch.setattr(
        "preamblelab.lab.gating.commands.run_gate",
        lambda *given, **_: run_gate(*given, client=world, now=NOW),
    )
    done = ran(gate, home.folder, Challenge(model="openai/new"), Options(quiet=True))
    assert done.decision.outcome == "keep"
    assert active.read_bytes() == before
    assert notices(home.folder) == []
