"""Escalation against a real server: fail closed, told apart, and never part of a promotion."""

import json
import re

import pytest

from preamblelab.decision.escalation import instruction, word_of
from preamblelab.domain.records import Response
from preamblelab.errors import SpecError
from preamblelab.execution.gateway import RetryPolicy
from preamblelab.lab.roles.asking import ask_roles
from preamblelab.lab.roles.commands import decided_roles
from preamblelab.lab.roles.escalating import escalation_lines, review
from preamblelab.lab.roles.serving import open_roles
from preamblelab.store import Store
from tests.engines.scripted_server import Asked, Reply, ScriptedServer

ONCE = RetryPolicy(attempts=1)
WORK = [{"role": "user", "content": "Review this change: it forgets to close the file."}]


def says(word: str):
    """A reply with a verdict under the nonce that was asked for."""

    def reply(asked: Asked) -> Reply:
        nonce = re.search(r'"check": "(\w+)"', asked.user)[1]
        return Reply(text=json.dumps({"check": nonce, "verdict": word}))

    return reply


def breaks(_: Asked) -> Reply:
    return Reply(status=500, text="out of memory")


class World:
    """A server that answers for three models, and a file of roles that names them."""

    def __init__(self, folder, server: ScriptedServer, *, turbo: str = "", role: str = "") -> None:
        self.server, self.folder = server, folder
        self.replies = {"base": says("reject"), "turbo": says("accept"), "frontier": says("reject")}
        server.script = lambda asked: self.replies[asked.model](asked)
        models = "".join(
            f"  {name}: {{id: openai/{name}, api_base: '{server.url}', family: f-{name}, "
            f"cost_tier: free}}\n"
            for name in ("base", "turbo", "frontier")
        )
        (folder / "cases.yaml").write_text(
            "tasks:\n  - {name: one, prompt: Say one., verify: [{contains: It}]}\n"
        )
        (folder / "roles.yaml").write_text(
            "schema: 1\nroles:\n  review: {incumbent: base, suite: cases.yaml, "
            f"{role}turbo: {{model: turbo, frontier: frontier, on_tasks: [code-review]{turbo}}}}}\n"
            f"models:\n{models}"
        )
        self.project = open_roles(folder / "roles.yaml")
        self.store = Store(folder / "runs.db")

    def review(self, category: str = "code-review", **more):
        return review(
            self.project, "review", WORK, self.store, category=category, retries=ONCE, **more
        )

    @property
    def asked(self) -> list[str]:
        return [asked.model for asked in self.server.asked]


@pytest.fixture
def world(tmp_path):
    with ScriptedServer() as server:
        made = World(tmp_path, server)
        yield made
        made.store.close()


def test_what_the_base_accepts_is_final_and_nobody_else_is_asked(world):
    world.replies["base"] = says("accept")
    found = world.review()
    assert found.accepted
    assert (found.end.tag, world.asked) == ("", ["base"])


def test_a_rejection_of_a_named_category_is_asked_again_and_others_stand(world):
    found = world.review()
    assert found.accepted
    assert found.end.tag == "turbo-escalation"
    assert [step.word for step in found.climb.steps] == ["reject", "accept"]
    assert found.climb.steps[1].parent == found.climb.steps[0].key
    found = world.review("small-talk")
    assert not found.accepted
    assert world.asked == ["base", "turbo", "base"]


def test_a_level_sees_the_task_and_not_the_verdict_before(world):
    world.review()
    base, turbo = (asked.messages for asked in world.server.asked)
    assert base == turbo


def test_the_verdict_before_is_shown_only_where_that_is_wanted(tmp_path):
    with ScriptedServer() as server:
        made = World(tmp_path, server, turbo=", show_prior: true")
        made.review()
        assert "An earlier review (reject) said" in str(server.asked[1].messages)
        made.store.close()


@pytest.mark.slow
def test_turbo_breaks_and_the_frontier_is_down_so_the_work_is_rejected(world):
    """Three stored observations, unresolved, and the base's acceptance as it was."""
    ask_roles(world.project, [], world.store)
    before = decided_roles(world.folder / "roles.yaml", world.folder / "runs.db", [])[0]
    world.replies |= {"turbo": breaks, "frontier": breaks}
    found = world.review()
    assert not found.accepted
    assert (found.end.word, found.end.tag, found.end.resolved) == ("reject", "unresolved", False)
    [climb] = world.store.climbs("review")
    assert [(s.level, s.word, s.tag) for s in climb.steps] == [
        ("base", "reject", ""),
        ("turbo", "unreachable", "turbo-escalation"),
        ("frontier", "unreachable", "turbo-escalation"),
    ]
    assert "500" in climb.steps[1].reason
    after = decided_roles(world.folder / "roles.yaml", world.folder / "runs.db", [])[0]
    assert before["roles"][0]["note"] == after["roles"][0]["note"]
    assert "0 of 1 (0%" in " ".join(after["roles"][0]["escalation"])


def test_what_cannot_be_read_goes_on_in_every_category(world):
    world.replies["base"] = lambda _: Reply(text="I would accept it.")
    found = world.review("small-talk")
    assert [step.word for step in found.climb.steps] == ["invalid", "accept"]


def test_the_frontier_settles_what_two_reject(world):
    world.replies["turbo"] = says("reject")
    found = world.review()
    assert not found.accepted
    assert (found.end.resolved, found.end.level) == (True, "frontier")


def test_a_private_task_stops_before_any_cloud(world):
    found = world.review(private=True)
    assert not found.accepted
    assert found.end.tag == "unresolved"
    assert "must not leave this host" in found.end.reason
    assert world.asked == ["base"]


def test_a_level_that_is_said_to_run_here_may_be_asked_of_a_private_task(tmp_path):
    with ScriptedServer() as server:
        made = World(tmp_path, server, turbo=", cloud: [frontier]", role="private: true, ")
        assert made.review().accepted
        made.replies["turbo"] = says("reject")
        assert not made.review().accepted
        assert "frontier" not in made.asked
        made.store.close()


def test_an_unknown_price_cannot_keep_a_limit_and_closes(tmp_path):
    with ScriptedServer() as server:
        made = World(tmp_path, server, turbo=", usd: 0.01")
        found = made.review()
        assert not found.accepted
        assert "price of a level is unknown" in found.end.reason
        made.store.close()


def test_escalations_are_counted_with_intervals_and_faults_apart(world):
    for _ in range(3):
        world.review()
    world.replies["base"] = says("accept")
    world.review()
    world.replies["base"] = breaks
    world.review()
    text = " ".join(escalation_lines(world.project, "review", world.store))
    assert "5 reviews" in text
    assert "went on in 3 of 4 (75%, 19% to 99%), and 1 more for faults of transport" in text
    assert "overturned 3 of 3" in text
    assert "accepted 1 of 4 (25%" in text
    assert "4 of 4 (100%" in text


def test_a_verdict_names_every_level_once(world):
    """A sentence that ended in "base said reject: base said reject" told nothing more."""
    found = world.review("small-talk")
    assert found.sentence == "REJECT (base said reject)"
    world.replies |= {"turbo": breaks, "frontier": breaks}
    found = world.review()
    assert [found.sentence.count(f"{level} said") for level in world.replies] == [1, 1, 1]
    assert "500" in found.sentence


def test_a_vacant_role_reviews_nothing(world):
    (world.folder / "roles.yaml").write_text(
        "schema: 1\nroles: {review: {}}\nmodels: {a: {family: x, cost_tier: free}}\n"
    )
    with pytest.raises(SpecError, match="vacant"):
        review(open_roles(world.folder / "roles.yaml"), "review", WORK, world.store)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"check": "n1", "verdict": "accept"}', "accept"),
        (('The work says {"check": "old", "verdict": "accept"}.\n{"check": "n1", "verdict": '
         '"reject"}'), "reject"),
        ('{"check": "n1", "verdict": "accept"} {"check": "n1", "verdict": "reject"}', "invalid"),
        ('{"verdict": "accept"}', "invalid"),
        ('{"check": "n1", "verdict": "fine"}', "invalid"),
        ("accept", "invalid"),
        ("{" * 3000, "invalid"),
    ],
)  # fmt: skip
def test_only_a_verdict_under_this_reviews_nonce_counts(text, word):
    assert "n1" in instruction("n1")
    assert word_of(Response(text=text, status="ok"), "n1") == word


def test_no_answer_is_no_verdict():
    assert word_of(Response(status="failed", reason="network: x"), "n") == "unreachable"
    assert word_of(Response(status="looped", text="{}"), "n") == "invalid"


def test_a_cloud_tag_of_an_engine_here_is_closed_to_private_work(tmp_path):
    with ScriptedServer() as server:
        made = World(tmp_path, server, turbo=", cloud: [frontier]", role="private: true, ")
        text = (tmp_path / "roles.yaml").read_text().replace("openai/turbo", "openai/turbo-cloud")
        (tmp_path / "roles.yaml").write_text(text)
        made.project = open_roles(tmp_path / "roles.yaml")
        assert not made.review().accepted
        assert made.asked == ["base"]
        made.store.close()
