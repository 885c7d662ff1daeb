"""A challenger for a local role: ahead on every figure, and not enough to take over."""

from pathlib import Path

import preamblelab as pl

project = pl.open_roles(Path(__file__).with_name("roles.yaml"))
with pl.Store("roles.db") as store:
    pl.ask_roles(project, [], store)
    for literal in (True, False):
        (role,) = pl.decide_roles(project, store, literal=literal)
        (decision,) = role.decisions
        print("By points:" if literal else "By intervals:", decision.sentence)
for rule in decision.rules:
    print(f"  {rule.name}: {rule.said}: {rule.words}")
