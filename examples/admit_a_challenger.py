"""The fine smoke test that did not make the cut: five of five, much smaller, not admitted."""

from pathlib import Path

import preamblelab as pl

gate = Path(__file__).with_name("gate.yaml")
pl.adopt(gate, model="sim/large-70b")  # who is in use today
decision = pl.admit(gate, model="sim/large-14b")

print(decision)
for rule in decision.rules:
    print(f"  {rule.name}: {rule.said}: {rule.words}")
print(f"exit code {decision.exit_code}; the champion stays, all is kept in gates/archive")
