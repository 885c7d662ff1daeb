"""What a gate can prove and what it would cost, told before any money is spent."""

from dataclasses import asdict

from preamblelab.lab.checking import Check, check_experiment
from preamblelab.lab.deciding import Told
from preamblelab.lab.gating.planned import GatePlan
from preamblelab.report.layout import Grid, Section, as_text, counted
from preamblelab.stats.proving import WANTED, Design, Provable, provable
from preamblelab.stats.quantiles import fewest_for_upper


def told_plan(plan: GatePlan) -> Told:
    """The plan of a run, its cost at most, and what its suite can prove."""
    design = design_of(plan)
    found = provable(design, seed=plan.policy.seed)
    checks = [check_experiment(plan.experiment(), None, folder=plan.folder)]
    if plan.smoke is not None:
        checks.insert(0, check_experiment(plan.experiment(smoke=True), None, folder=plan.folder))
    champion = "no one" if plan.champion is None else plan.champion.label
    sections = [
        Section(
            title=f"Gate on slot '{plan.policy.slot}'",
            lines=(
                f"Champion {champion}; challenger {plan.challenger.label}.",
                _asked(plan, checks),
            ),
            grid=_categories(plan),
        ),
        Section(
            title="What this suite can prove",
            lines=(*proof_lines(design, found), *_latency_lines(plan)),
        ),
    ]
    data = {
        "slot": plan.policy.slot,
        "champion": champion,
        "challenger": plan.challenger.label,
        "calls": sum(check.calls for check in checks),
        "usd_at_most": _usd(checks),
        "design": asdict(design),
        "provable": {**asdict(found), "gains": {str(k): v for k, v in found.gains.items()}},
    }
    return Told(text=as_text(sections), data=data)


def _latency_lines(plan: GatePlan) -> tuple[str, ...]:
    """What a limit of time takes, and what decides where speed is the objective."""
    policy = plan.policy
    lines = []
    answers = len(plan.suite.tasks) * policy.repetitions
    needed = fewest_for_upper(0.95, policy.alpha)
    if policy.latency is not None and policy.latency.p95 is not None and answers < needed:
        lines.append(
            f"The 95th percentile of {answers} answers has no upper limit: {needed} are needed, so "
            "latency.p95 can be broken here and never be shown to be kept."
        )
    if policy.objective == "latency":
        lines.append("The objective is latency: a gain of quality is neither needed nor enough.")
    return tuple(lines)


def design_of(plan: GatePlan) -> Design:
    """What the gate asks, as the statistics need it."""
    policy = plan.policy
    tasks = {
        name: sum(task.category == name for task in plan.suite.tasks) for name in policy.categories
    }
    margins = {
        name: rule.margin
        for name, rule in policy.categories.items()
        if rule.role == "guard" and rule.margin is not None
    }
    return Design(
        tasks=tasks,
        weights=policy.weights,
        margins=margins,
        repetitions=policy.repetitions,
        alpha=policy.alpha,
        success_margin=policy.success_margin,
        critical=sum(
            task.severity == "critical" and policy.categories[task.category].role == "guard"
            for task in plan.suite.tasks
        ),
    )


def proof_lines(design: Design, found: Provable) -> tuple[str, ...]:
    """What the suite can and cannot prove, and what would prove more."""
    smallest, gains = found.smallest, found.gains
    lines = [f"No gain that such tasks leave room for is shown with {WANTED:.0%} chance."]
    if smallest is not None:
        shown = (
            f"With this suite the gate can prove a gain of about {smallest:.3g} with "
            f"{gains[smallest]:.0%} chance; a gain of 0.05 with {gains[0.05]:.0%}, one of 0.1 "
            f"with {gains[0.1]:.0%}. An equal challenger shows a gain in {gains[0.0]:.0%}."
        )
        lines = [shown]
    for name, chance in found.guards.items():
        lines.append(
            f"It can show {name} not worse by {design.margins[name]:g} with {chance:.0%} chance, "
            "where both are equal." + _more_for_guard(design, name, chance)
        )
    if found.guards and found.smallest is not None:
        lines.append(
            f"Both together, at a gain of {found.smallest:.3g} everywhere: {found.promoted:.0%}."
        )
    if design.critical:
        lines.append(
            f"The tripwire on {counted(design.critical, 'critical task')} stops an equal "
            f"challenger by luck in {found.tripped:.0%}."
        )
    lines.append(
        "Simulated with tasks that are right with 0.75 chance on average, differently from task to "
        "task; your suite may differ."
    )
    return tuple(lines)


def _more_for_guard(design: Design, name: str, chance: float) -> str:
    """How many tasks or repetitions would show a guard with the wanted chance."""
    if chance >= WANTED:
        return ""
    for factor in (2, 3, 5, 10, 20, 40):
        for repetitions in sorted({design.repetitions, max(design.repetitions, 5)}):
            tasks = design.tasks[name] * factor
            larger = Design(
                tasks={name: tasks},
                weights={name: 1.0},
                margins={name: design.margins[name]},
                repetitions=repetitions,
                alpha=design.alpha,
            )
            if provable(larger, experiments=300).guards[name] >= WANTED:
                return (
                    f" {WANTED:.0%} would take about {tasks} tasks of {name}, "
                    f"{counted(repetitions, 'repetition')} each."
                )
    return ""


def _asked(plan: GatePlan, checks: list[Check]) -> str:
    usd = _usd(checks)
    cost = "cost unknown, a price is missing" if usd is None else f"{usd:.4f} usd at most"
    smoke = 0 if plan.smoke is None else len(plan.smoke.tasks)
    return (
        f"{counted(smoke, 'smoke task')} first, then {len(plan.suite.tasks)} tasks x "
        f"{counted(plan.policy.repetitions, 'repetition')} of each contender: "
        f"{counted(sum(check.calls for check in checks), 'call')}, {cost}. Nothing was sent."
    )


def _usd(checks: list[Check]) -> float | None:
    known = [check.usd for check in checks if check.usd is not None]
    return sum(known) if len(known) == len(checks) else None


def _categories(plan: GatePlan) -> Grid:
    columns = ("category", "role", "tasks", "critical", "weight")
    rows = []
    for name, rule in plan.policy.categories.items():
        own = [task for task in plan.tasks if task.category == name and not task.smoke]
        role = rule.role
        if rule.role == "guard":
            margin = f", {rule.margin:g}" if rule.margin is not None else ""
            role = f"guard ({rule.guard_mode}{margin})"  # type: ignore[assignment]
        critical = sum(task.critical for task in own)
        weight = f"{plan.policy.weights[name]:.3f}"
        rows.append((name, role, str(len(own)), str(critical), weight))
    return Grid(columns=columns, rows=tuple(rows), right=frozenset(columns[2:]))
