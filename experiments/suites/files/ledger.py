"""The purse of a shared flat: who paid for whom, and how it evens out."""


class LedgerError(Exception):
    """An entry that was refused as a whole; `problems` lists (field, message) pairs."""

    def __init__(self, problems):
        super().__init__("; ".join(f"{field}: {message}" for field, message in problems))
        self.problems = list(problems)


class Ledger:
    """Cents that each member is owed (above 0) or owes (below 0); they add up to 0."""

    def __init__(self, *members):
        if len(members) < 2 or len(set(members)) != len(members):
            raise ValueError("at least two members, each once")
        self._balance = dict.fromkeys(members, 0)

    def spend(self, payer, cents, sharers=None):
        """Enter what `payer` paid for `sharers` (None: for all); odd cents go to the first ones."""
        names = list(self._balance) if sharers is None else list(sharers)
        problems = []
        if payer not in self._balance:
            problems.append(("payer", f"{payer} is no member"))
        if isinstance(cents, bool) or not isinstance(cents, int) or cents <= 0:
            problems.append(("cents", "whole cents above 0"))
        if not names:
            problems.append(("sharers", "nobody shares"))
        problems += [
            ("sharers", f"{name} is no member") for name in names if name not in self._balance
        ]
        if len(set(names)) != len(names):
            problems.append(("sharers", "somebody is named twice"))
        if problems:
            raise LedgerError(problems)
        share, odd = divmod(cents, len(names))
        for place, name in enumerate(names):
            self._balance[name] -= share + (1 if place < odd else 0)
        self._balance[payer] += cents

    def balance(self, member):
        """Cents of one member."""
        if member not in self._balance:
            raise LedgerError([("member", f"{member} is no member")])
        return self._balance[member]

    def settle(self):
        """Payments (from, to, cents) that even everything out, the largest debt first."""
        payments = []
        for _ in self._balance:
            if not any(self._balance.values()):
                break
            debtor = min(self._balance, key=self._balance.get)
            creditor = max(self._balance, key=self._balance.get)
            cents = min(-self._balance[debtor], self._balance[creditor])
            self._balance[debtor] += cents
            self._balance[creditor] -= cents
            payments.append((debtor, creditor, cents))
        return payments
