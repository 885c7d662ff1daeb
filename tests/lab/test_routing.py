"""Routing rules: what may stand, who answers, and what never leaves this host."""

import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from preamblelab.cli import main
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Response
from preamblelab.errors import ProviderError, SpecError
from preamblelab.execution.gateway import RetryPolicy
from preamblelab.lab.routing import Router, load_routing, written_rules
from preamblelab.lab.running import execute
from preamblelab.store import Store
from tests.engines.scripted_server import Reply, ScriptedServer
from tests.lab.plans import OWN, experiment

ONCE = RetryPolicy(attempts=1)
ASK = [{"role": "user", "content": "Is this safe?"}]


def finding(number: int, category: str, leader: str, status: str = "survived", **more):
    return {
        "id": f"F{number}", "category": category, "leader": leader, "status": status,
        "sentence": f"{category}: {leader} is ahead: {status}.", "basis": {}, **more,
    }  # fmt: skip


GAPS = [
    {"category": "drill", "first": "small", "second": "opus", "n_tasks": 9, "gap": -4.2,
     "low": -7.1, "high": -1.3, "level": 0.95},
    {"category": "drill", "first": "opus", "second": "small", "n_tasks": 9, "gap": 4.2,
     "low": 1.3, "high": 7.1, "level": 0.95},
]  # fmt: skip


@pytest.fixture
def project(tmp_path):
    rows = [
        finding(1, "talk", "opus"),
        finding(2, "write", "cloud"),
        finding(3, "code", "opus", "consistent, not proven"),
    ]
    document = {"schema": 1, "simulated": False, "findings": rows, "gaps": GAPS}
    (tmp_path / "findings.json").write_text(json.dumps(document))

    def write(rules: str, *, more: str = "", fallback: str = "[]", server: str = ""):
        (tmp_path / "routing.yaml").write_text(
            "findings: findings.json\n"
            "tiers: {cloud: [opus, sonnet]}\n"
            "models:\n"
            f"  opus: {{id: openai/opus{server}}}\n"
            f"  sonnet: {{id: openai/sonnet{server}}}\n"
            f"  small: {{id: openai/small{server}}}\n"
            f"{more}routing:\n  default: {{tier: cloud}}\n  fallback: {fallback}\n"
            f"  rules:\n{rules}"
        )
        return tmp_path / "routing.yaml"

    return write


def test_a_quality_rule_needs_a_finding_that_survived(project):
    stands = Router(
        project(
            "    - {category: talk, to: opus, because: quality, finding: F1}\n"
            "    - {category: write, to: {tier: cloud}, because: quality, finding: F2}\n"
        )
    ).check
    assert stands.exit_code == 0
    for rule, why in (
        ("{category: code, to: opus, because: quality, finding: F3}", "has not survived"),
        ("{category: talk, to: opus, because: quality}", "needs the finding"),
        ("{category: talk, to: opus, because: quality, finding: F9}", "no finding F9"),
        ("{category: talk, to: small, because: quality, finding: F1}", "opus leads, not small"),
        ("{category: other, to: opus, because: quality, finding: F1}", "category 'talk'"),
    ):
        check = Router(project(f"    - {rule}\n")).check
        assert check.exit_code == 3
        assert why in check.rules[0].words


def test_a_cost_rule_needs_none_and_its_price_in_quality_is_told(project):
    check = Router(project("    - {category: drill, to: small, because: cost}\n")).check
    assert check.exit_code == 0
    assert check.rules[0].words == (
        "small is −4.2 points (−7.1 to −1.3) against opus on 9 tasks: a cost choice, not a "
        "quality choice"
    )
    check = Router(project("    - {category: talk, to: small, because: latency}\n")).check
    assert "is not known" in check.rules[0].words
    assert "a latency choice" in check.rules[0].words


def test_wrong_rules_are_refused_with_their_line(project):
    twice = "    - {category: talk, to: opus, because: cost}\n" * 2
    with pytest.raises(SpecError, match=r"routing.yaml:\d+: .*two rules for category 'talk'"):
        Router(project(twice))
    with pytest.raises(SpecError, match="no tier 'local'"):
        Router(project("    - {category: talk, to: {tier: local}, because: cost}\n"))
    with pytest.raises(SpecError, match="belongs to a quality rule"):
        Router(project("    - {category: talk, to: opus, because: cost, finding: F1}\n"))
    with pytest.raises(SpecError, match="private, and opus runs in a cloud"):
        Router(project("    - {category: safety, to: opus, because: privacy}\n"))
    with pytest.raises(SpecError, match="nobody may run anywhere"):
        Router(project("    - {category: safety, to: nobody, because: privacy}\n"))


def test_a_private_category_is_never_answered_by_a_cloud(project):
    """The local engine is down; the server that stands for the cloud gets no call at all."""
    with ScriptedServer() as cloud:
        server = f", api_base: '{cloud.url}'"
        path = project(
            "    - {category: safety, to: here, because: privacy}\n",
            fallback="[cloud, here-too]",
            server=server,
            more="  here: {id: openai/here, api_base: 'http://127.0.0.1:9/v1'}\n"
            "  here-too: {id: openai/here, api_base: 'http://127.0.0.1:9/v1'}\n"
            "places: {cloud: cloud, small: cloud}\n",
        )
        router = Router(path, retries=ONCE)
        assert router.explain("safety").models == ("here", "here-too")
        with pytest.raises(ProviderError, match="no cloud was asked"):
            router.ask("safety", ASK)
        assert cloud.asked == []
        assert router.ask("anything else", ASK).model == "opus"
        assert len(cloud.asked) == 1


def test_a_proxy_on_this_host_is_no_local_model_unless_the_user_says_so(project):
    rule = "    - {category: safety, to: proxied, because: privacy}\n"
    model = "  proxied: {id: litellm_proxy/x, api_base: 'http://127.0.0.1:4000'}\n"
    with pytest.raises(SpecError, match="proxied runs in a cloud"):
        Router(project(rule, more=model))
    Router(project(rule, more=f"{model}places: {{proxied: local}}\n"))
    cloud_tag = "  proxied: {id: 'ollama_chat/gpt-oss:120b-cloud'}\n"
    with pytest.raises(SpecError, match="proxied runs in a cloud"):
        Router(project(rule, more=cloud_tag))


def test_a_withdrawn_model_falls_back_and_that_is_recorded(project):
    def script(asked):
        gone = asked.model == "opus"
        return Reply(status=404, text="no such model") if gone else Reply()

    with ScriptedServer(script) as server:
        path = project(
            "    - {category: talk, to: opus, because: quality, finding: F1}\n",
            fallback="[sonnet]",
            server=f", api_base: '{server.url}'",
        )
        router = Router(path, retries=ONCE)
        answer = router.ask("talk", ASK)
        assert answer.model == "sonnet"
        assert [(e.kind, e.model) for e in answer.events] == [("fallback", "opus")]
        assert "404" in answer.events[0].reason
        assert (
            json.loads(path.with_suffix(".state.json").read_text())["events"][0]["model"] == "opus"
        )
        server.script = lambda _: Reply(status=404, text="gone")
        with pytest.raises(ProviderError, match=r"opus: .*sonnet: "):
            Router(path, retries=ONCE).ask("talk", ASK)


def test_an_unknown_category_goes_to_the_default_and_is_counted(project):
    with ScriptedServer() as server:
        path = project("    - {category: talk, to: small, because: cost}\n",
                       server=f", api_base: '{server.url}'")  # fmt: skip
        for _ in range(2):
            answer = Router(path, retries=ONCE).ask("poetry", ASK)
            assert answer.model == "opus"
            assert not answer.route.known
    assert json.loads(path.with_suffix(".state.json").read_text())["unknown"] == {"poetry": 2}


def test_rules_are_written_from_findings_that_survived_only(project, tmp_path):
    project("    - {category: talk, to: opus, because: cost}\n")
    text = written_rules(tmp_path / "findings.json", default="small", tiers={"cloud": ["opus"]})
    (tmp_path / "made.yaml").write_text(text + "models: {opus: {id: x/y}, small: {id: x/z}}\n")
    check = load_routing(tmp_path / "made.yaml").check
    assert [(rule.category, rule.to) for rule in check.rules] == [
        ("talk", "opus"), ("write", "tier cloud"),
    ]  # fmt: skip
    assert check.exit_code == 0


def test_the_commands_say_what_stands_and_a_pipeline_sees_it(
    project, tmp_path, monkeypatch, capsys
):
    def run(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["preamblelab", "routing", *words])
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0)

    path = str(project("    - {category: code, to: opus, because: quality, finding: F3}\n"))
    assert run("check", path) == 3
    assert "REFUSED" in capsys.readouterr().out
    assert run("explain", path, "code") == 0
    assert "does not stand: the default answers" in capsys.readouterr().out
    path = str(project("    - {category: drill, to: small, because: cost}\n"))
    assert run("check", path) == 0
    assert "a cost choice, not a quality" in " ".join(capsys.readouterr().out.split())
    findings = str(tmp_path / "findings.json")
    assert run("write", findings, "--default", "cloud", "--group", "cloud=opus,sonnet") == 0
    assert "default: {tier: cloud}" in capsys.readouterr().out
    twice = "    - {category: talk, to: opus, because: cost}\n" * 2
    assert run("check", str(project(twice))) == 2
    assert "two rules for category 'talk'" in capsys.readouterr().err
    path = str(project("    - {category: drill, to: small, because: cost}\n"))
    (tmp_path / "findings.json").unlink()
    assert run("check", path) == 2
    said = capsys.readouterr().err
    assert "no findings can be read (No such file or directory)" in said
    assert said.count("findings.json") == 1


def test_a_finding_expires_with_its_basis_is_used_for_a_while_and_then_lapses(tmp_path):
    """The same experiment with another temperature is another arm: the finding spoke of the old."""

    def run(name: str, **settings):
        def answer(trial):
            draw = random.Random(f"{name}{trial.task.name}{trial.model.name}").gauss(0, 1)
            return Response(text=f"{draw}", status="ok", seconds=0.1)

        models = tuple(
            ModelSpec(id=f"openai/{m}", name=m, size="mid", settings=settings) for m in "ab"
        )
        with Store(tmp_path / "runs.db") as store:
            execute(experiment(None, name=name, models=models), store, scorers=OWN, client=answer)

    run("measured", temperature=0.0, seed=1)
    run("in-use", temperature=0.7, seed=1)
    from preamblelab.lab.replicating import stored_run

    manifest = stored_run("measured", tmp_path / "runs.db").manifest
    row = finding(1, "general", "a", basis=manifest.basis("general", ["a", "b"]))
    findings = {"schema": 1, "simulated": False, "findings": [row], "gaps": []}
    (tmp_path / "findings.json").write_text(json.dumps(findings))
    (tmp_path / "routing.yaml").write_text(
        "findings: findings.json\ngrace_days: 5\nmodels: {a: {id: x/a}, b: {id: x/b}}\n"
        "routing:\n  default: b\n  rules:\n"
        "    - {category: general, to: a, because: quality, finding: F1}\n"
    )
    day = datetime(2026, 3, 1, tzinfo=UTC)

    def router(days: int) -> Router:
        return Router(tmp_path / "routing.yaml", now=lambda: day + timedelta(days=days))

    assert router(0).checked("measured", tmp_path / "runs.db").rules[0].said == "pass"
    stale = router(0)
    assert stale.checked("in-use", tmp_path / "runs.db").rules[0].said == "stale"
    assert "a changed, b changed; used for 5 more days" in stale.check.rules[0].words
    later = router(4).explain("general")
    assert later.models == ("a",)
    assert "expired" in later.warning
    over = router(6).explain("general")
    assert over.models == ("b",)
    assert "its grace is over" in over.warning
    assert router(7).checked("measured", tmp_path / "runs.db").rules[0].said == "pass"
    assert router(8).explain("general").models == ("a",)
