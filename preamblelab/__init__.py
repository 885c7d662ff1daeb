"""Does this preamble help this model, how much, and should I ship it?

    import preamblelab as pl

    report = pl.compare("You are a careful engineer. ...", models=["sim/mid-4b"])
    print(report)

Every name below is brought in when it is first used: `import preamblelab` itself loads nothing
heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "BASELINE": "domain.preambles",
    "Budget": "domain.experiments",
    "Decision": "decision.records",
    "Evidence": "domain.evidence_records",
    "EvidenceMaker": "scoring.evidence.maker",
    "Experiment": "domain.experiments",
    "GatePolicy": "domain.gates",
    "Holder": "domain.registry",
    "ModelSpec": "domain.models",
    "Observation": "decision.records",
    "Observations": "decision.records",
    "Policy": "lab.policies",
    "Preamble": "domain.preambles",
    "PreambleRules": "decision.candidate_rules",
    "PreamblelabError": "errors",
    "Rating": "domain.records",
    "Registry": "domain.registry",
    "RegistryError": "errors",
    "Report": "report.reports",
    "Response": "domain.records",
    "Rubric": "domain.rubrics",
    "Store": "store",
    "Suite": "domain.tasks",
    "Task": "domain.tasks",
    "Trial": "domain.experiments",
    "admit": "lab.gating.commands",
    "adopt": "lab.gating.commands",
    "analyze": "lab.reporting",
    "ask_roles": "lab.roles.asking",
    "category_findings": "stats.replication",
    "choose": "lab.deciding",
    "choose_preamble": "decision.choosing",
    "compare": "lab.usecases",
    "components": "stats.noise",
    "decide": "decision.gate",
    "decide_roles": "lab.roles.deciding",
    "effects": "stats.effects",
    "factor_effects": "stats.factors",
    "judge_agreement": "stats.agreement",
    "judge_check": "lab.judge_check",
    "leader_chance": "stats.replication",
    "load_experiment": "library",
    "load_models": "library",
    "load_policy": "lab.policies",
    "load_preamble": "library",
    "load_routing": "lab.routing",
    "load_rubric": "library",
    "load_suite": "library",
    "noise_floor": "stats.noise",
    "open_roles": "lab.roles.serving",
    "overall_effect": "stats.overall",
    "plan_design": "stats.planning",
    "policy_from": "lab.proposing",
    "power": "stats.planning",
    "rank_tiers": "stats.tiers",
    "read_scores": "stats.tables",
    "replicated": "lab.replicating",
    "review": "lab.roles.escalating",
    "run": "lab.usecases",
    "run_tiers": "stats.replication",
    "score": "lab.usecases",
    "scorer": "scoring.scorers",
    "segment_effects": "stats.segments",
    "simulate_scores": "stats.simulate",
    "tiers_by_repetition": "stats.tiers",
    "verdicts": "stats.verdicts",
    "win_table": "stats.wins",
    "win_table_from_counts": "stats.wins",
}

__all__ = ["__version__", "testing", *sorted(_HOME)]  # noqa: PLE0604 - names of the table above

if TYPE_CHECKING:
    from preamblelab import testing as testing
    from preamblelab.decision.candidate_rules import PreambleRules as PreambleRules
    from preamblelab.decision.choosing import choose_preamble as choose_preamble
    from preamblelab.decision.gate import decide as decide
    from preamblelab.decision.records import Decision as Decision
    from preamblelab.decision.records import Observation as Observation
    from preamblelab.decision.records import Observations as Observations
    from preamblelab.domain.evidence_records import Evidence as Evidence
    from preamblelab.domain.experiments import Budget as Budget
    from preamblelab.domain.experiments import Experiment as Experiment
    from preamblelab.domain.experiments import Trial as Trial
    from preamblelab.domain.gates import GatePolicy as GatePolicy
    from preamblelab.domain.models import ModelSpec as ModelSpec
    from preamblelab.domain.preambles import BASELINE as BASELINE
    from preamblelab.domain.preambles import Preamble as Preamble
    from preamblelab.domain.records import Rating as Rating
    from preamblelab.domain.records import Response as Response
    from preamblelab.domain.registry import Holder as Holder
    from preamblelab.domain.registry import Registry as Registry
    from preamblelab.domain.rubrics import Rubric as Rubric
    from preamblelab.domain.tasks import Suite as Suite
    from preamblelab.domain.tasks import Task as Task
    from preamblelab.errors import PreamblelabError as PreamblelabError
    from preamblelab.errors import RegistryError as RegistryError
    from preamblelab.lab.deciding import choose as choose
    from preamblelab.lab.gating.commands import admit as admit
    from preamblelab.lab.gating.commands import adopt as adopt
    from preamblelab.lab.judge_check import judge_check as judge_check
    from preamblelab.lab.policies import Policy as Policy
    from preamblelab.lab.policies import load_policy as load_policy
    from preamblelab.lab.proposing import policy_from as policy_from
    from preamblelab.lab.replicating import replicated as replicated
    from preamblelab.lab.reporting import analyze as analyze
    from preamblelab.lab.roles.asking import ask_roles as ask_roles
    from preamblelab.lab.roles.deciding import decide_roles as decide_roles
    from preamblelab.lab.roles.escalating import review as review
    from preamblelab.lab.roles.serving import open_roles as open_roles
    from preamblelab.lab.routing import load_routing as load_routing
    from preamblelab.lab.usecases import compare as compare
    from preamblelab.lab.usecases import run as run
    from preamblelab.lab.usecases import score as score
    from preamblelab.library import load_experiment as load_experiment
    from preamblelab.library import load_models as load_models
    from preamblelab.library import load_preamble as load_preamble
    from preamblelab.library import load_rubric as load_rubric
    from preamblelab.library import load_suite as load_suite
    from preamblelab.report.reports import Report as Report
    from preamblelab.scoring.evidence.maker import EvidenceMaker as EvidenceMaker
    from preamblelab.scoring.scorers import scorer as scorer
    from preamblelab.stats.agreement import judge_agreement as judge_agreement
    from preamblelab.stats.effects import effects as effects
    from preamblelab.stats.factors import factor_effects as factor_effects
    from preamblelab.stats.noise import components as components
    from preamblelab.stats.noise import noise_floor as noise_floor
    from preamblelab.stats.overall import overall_effect as overall_effect
    from preamblelab.stats.planning import plan_design as plan_design
    from preamblelab.stats.planning import power as power
    from preamblelab.stats.replication import category_findings as category_findings
    from preamblelab.stats.replication import leader_chance as leader_chance
    from preamblelab.stats.replication import run_tiers as run_tiers
    from preamblelab.stats.segments import segment_effects as segment_effects
    from preamblelab.stats.simulate import simulate_scores as simulate_scores
    from preamblelab.stats.tables import read_scores as read_scores
    from preamblelab.stats.tiers import rank_tiers as rank_tiers
    from preamblelab.stats.tiers import tiers_by_repetition as tiers_by_repetition
    from preamblelab.stats.verdicts import verdicts as verdicts
    from preamblelab.stats.wins import win_table as win_table
    from preamblelab.stats.wins import win_table_from_counts as win_table_from_counts
    from preamblelab.store import Store as Store


def __getattr__(name: str) -> Any:
    """Bring in a public name when it is first used."""
    if name == "testing":
        return import_module("preamblelab.testing")
    if name not in _HOME:
        raise AttributeError(f"module 'preamblelab' has no attribute '{name}'")
    value = getattr(import_module(f"preamblelab.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
