"""Three runs of one benchmark, three in the lead: what 28 tests can tell, and what they cannot."""

import preamblelab as pl

wins = {  # of 28 tests in each of three runs, as published; the models only by their places
    "a": (8, 6, 6), "b": (4, 4, 6), "c": (4, 5, 6), "d": (4, 4, 4), "e": (2, 4, 1), "f": (5, 2, 3),
    "g": (0, 2, 2), "h": (1, 1, 0), "i": (0, 0, 0), "j": (0, 0, 0), "k": (0, 0, 0),
}  # fmt: skip
for run in range(3):
    best = max(each[run] for each in wins.values())
    print(f"run {run + 1}: led by", *(name for name, each in wins.items() if each[run] == best))
table = pl.win_table_from_counts(wins, tests=28)
print(*table["sentence"], sep="\n")
print("a to d together:", [sum(wins[name][run] for name in "abcd") for run in range(3)])
print(f"An equal of eleven wins 2.5 of 28 tests, give or take {table.attrs['win_floor']:.2f}.")
