"""A preamble per size: what a measured gain allows, whom it must not reach, and what stays open."""

import preamblelab as pl

north, south = ("mid-4b", "mid-8b-strong", "large-14b", "tiny-1b"), ("mid-7b", "large-70b")
models = [pl.ModelSpec(id=f"sim/{name}", family="north") for name in north]
models += [pl.ModelSpec(id=f"sim/{name}", family="south") for name in south]
tasks = [task for task in pl.load_suite("full").tasks if task.category != "safety"]
suite = pl.Suite(name="work", tasks=tasks)
settings = {"temperature": 0.8, "max_tokens": 2048, "seed": 2}
options = {"suite": suite, "rubric": "verified", "repetitions": 1, "settings": settings}
print(pl.compare("careful", models, store="by-size.db", **options).overall["effect"])
policy = pl.policy_from("by-size.db").policy
for model in ("sim/mid-7b", "ollama_chat/qwen2.5-coder:7b", "sim/tiny-1b", "sim/large-70b"):
    print(policy.resolve(model, task="coding"))
