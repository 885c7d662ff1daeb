"""The one way to a model, for subjects and judges: limits, budget, retries, breaker, outcome.

`Gateway.call` never raises for what a provider does: a call that gave no answer is a `Response`
with status `failed` and a reason that begins with the kind of fault.
"""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import FaultKind, Request, Response
from preamblelab.execution.breaker import Breaker
from preamblelab.execution.budget import Meter, Reservation
from preamblelab.execution.clients import RETRYABLE, Client, Fault, Limits
from preamblelab.execution.limiter import Limiter
from preamblelab.execution.prices import KnownPrice, price_of

LOCAL_CONCURRENCY: Final = 1
"""Default for an engine on this host: more at once would make latency meaningless."""
HOSTED_CONCURRENCY: Final = 8
IN_PROCESS_CONCURRENCY: Final = 16
IN_PROCESS: Final = frozenset({"sim", "replay"})
"""Providers that answer in this process."""
ATTEMPTS_TO_REACH: Final = 3
"""Connections tried to an endpoint that has not answered yet: nobody may be there at all."""
DEFAULT_ANSWER_TOKENS: Final = 4096
"""What a budget reserves for an answer whose length no setting limits."""

ANSWER_LIMITS: Final = ("max_completion_tokens", "num_predict", "max_tokens")
"""Settings that limit the tokens of an answer; the first that is given counts."""
UNSTATED_PAUSE_SECONDS: Final = 0.5
"""How long an endpoint is left alone after a 429 that does not say."""

Sleep = Callable[[float], Awaitable[None]]
ClientFor = Callable[[ModelSpec], Client]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When a failed call is tried again, and how long we wait before."""

    attempts: int = 6
    total_seconds: float = 600.0
    """No retry begins after this time since the first attempt."""
    longest_wait_seconds: float = 120.0
    """A server that asks for more is given up for this run."""
    failures_in_a_row: int = 5
    """So many calls of a model without an answer, and the model is left alone."""

    def wait(self, attempt: int, draw: random.Random) -> float:
        """Seconds before the next attempt: exponential with jitter, 30 at most."""
        return min(30.0, 0.5 * 2.0 ** (attempt - 1)) * (0.5 + draw.random())


_TRIED_ONCE_MORE: Final[frozenset[FaultKind]] = frozenset({"timeout", "unknown"})
_CLOSES_KEY: Final[frozenset[FaultKind]] = frozenset({"auth", "quota"})


class _LeftAlone(Exception):  # noqa: N818 - it ends one call in good order, it is no error
    """The model gets no more calls, or the run stops: this call is not sent."""


@dataclass(slots=True, kw_only=True)
class Gateway:
    """Calls models, and remembers which of them to leave alone."""

    client_for: ClientFor
    meter: Meter = field(default_factory=Meter)
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    breaker: bool = True
    """Whether a text that repeats itself ends its stream."""
    sleep: Sleep = asyncio.sleep
    seed: int | None = None
    """Draws the jitter."""
    limiters: dict[str, Limiter] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)
    """Models, or endpoints with a key, that get no more calls, and why."""
    stopped: str = ""
    """Why no call of any model is sent any more; empty while calls are sent."""
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _clients: dict[int, Client] = field(default_factory=dict)
    _in_a_row: dict[str, int] = field(default_factory=dict)
    _answered: set[str] = field(default_factory=set)
    _prices: dict[str, KnownPrice | None] = field(default_factory=dict)
    _draw: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._draw.seed(self.seed)

    def closed_reason(self, model: ModelSpec) -> str | None:
        """Why this model gets no more calls in this run; None when it does."""
        return self.stopped or self.closed.get(model.name) or self.closed.get(_key_place(model))

    def stop(self, reason: str) -> None:
        """Send nothing more: calls in flight go on, those that wait for a retry are given up."""
        self.stopped = self.stopped or reason
        self._stop.set()

    def expect(self, models: Iterable[ModelSpec]) -> None:
        """Make the gates of these models; where two share one, the smaller number holds."""
        shared: dict[str, list[ModelSpec]] = {}
        for model in models:
            shared.setdefault(endpoint_of(model), []).append(model)
        for endpoint, own in shared.items():
            stated = [each.concurrency for each in own if each.concurrency is not None]
            most = min(stated or [concurrency_of(each) for each in own])
            self.limiters.setdefault(endpoint, Limiter(most=most))

    def limiter(self, model: ModelSpec) -> Limiter:
        """The gate of the model's endpoint."""
        endpoint = endpoint_of(model)
        if endpoint not in self.limiters:
            self.limiters[endpoint] = Limiter(most=concurrency_of(model))
        return self.limiters[endpoint]

    async def call(self, request: Request) -> Response:
        """The outcome of one request, retries included; never raises for a provider's fault.

        Returns:
            A response; one that failed with 0 attempts was never sent, because the model is left
            alone or the run stops.

        Raises:
            BudgetSpent: no call fits under a limit any more.
        """
        model = request.model
        started = time.monotonic()
        attempt = 0
        reason = ""
        while True:
            try:
                response = await self._attempt(request)
            except _LeftAlone as left:
                reason = reason or str(left)
                return Response(status="failed", reason=reason, attempts=attempt)
            except Fault as fault:
                attempt += 1
                reason = f"{fault.kind}: {fault.message}"
                wait = self._wait_before_retry(fault, attempt, time.monotonic() - started, model)
                if wait is None:
                    self._note_failure(fault, model)
                    return Response(status="failed", reason=reason, attempts=attempt)
                try:
                    await self._pause(wait)
                except _LeftAlone:
                    return Response(status="failed", reason=reason, attempts=attempt)
                continue
            self._in_a_row[model.name] = 0
            self._answered.add(model.name)
            return response if attempt == 0 else replace(response, attempts=attempt + 1)

    async def _attempt(self, request: Request) -> Response:
        model = request.model
        limiter = self.limiter(model)
        self._refuse_closed(model)
        await limiter.enter(self._pause)
        try:
            # What happened while this call waited may have closed its model.
            self._refuse_closed(model)
            reservation = await self.meter.reserve(*self._worst_case(request))
            try:
                self._refuse_closed(model)
                response = await self._client(model).ask(
                    request,
                    limits=limits_of(model),
                    watch=Breaker().feed if self.breaker else None,
                )
            except _LeftAlone:
                self.meter.give_back(reservation)
                raise
            except Fault as fault:
                self._settle_fault(reservation, fault)
                self._slow_down(limiter, fault)
                raise
            except BaseException:
                self.meter.settle(reservation, tokens=None, usd=None)
                raise
            limiter.succeeded()
            return self._settled(request, response, reservation)
        finally:
            limiter.leave()

    def _refuse_closed(self, model: ModelSpec) -> None:
        reason = self.closed_reason(model)
        if reason is not None:
            raise _LeftAlone(reason)

    async def _pause(self, seconds: float) -> None:
        """Sleep; a run that is stopped meanwhile does not wait for the end of it."""
        sleeping = asyncio.ensure_future(self.sleep(seconds))
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({sleeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            stopping.cancel()
        if self.stopped:
            raise _LeftAlone(self.stopped)

    def _settled(self, request: Request, response: Response, reservation: Reservation) -> Response:
        """The response with its cost and savings, booked in the meter."""
        price = self._price(request.model)
        usd = response.usd
        known = response.prompt_tokens is not None and response.completion_tokens is not None
        if usd is None and price is not None and known:
            usd = price.cost(response.prompt_tokens or 0, response.completion_tokens or 0)
        tokens = None
        if known:
            tokens = (response.prompt_tokens or 0) + (response.completion_tokens or 0)
        assumed = self.meter.budget.assume_usd_per_million_tokens
        booked = usd
        if booked is None and assumed is not None and tokens is not None:
            booked = tokens * assumed / 1e6
        self.meter.settle(reservation, tokens=tokens, usd=booked)
        loop = response.loop
        if response.status == "looped" and loop is not None:
            loop = {**loop, **_saved(request, response)}
        return replace(response, usd=usd, loop=loop)

    def _settle_fault(self, reservation: Reservation, fault: Fault) -> None:
        """A refused call costs nothing; one that died on the way may have cost everything."""
        refused = not fault.sent or (fault.status is not None and fault.status >= 400)
        nothing = 0 if refused else None
        self.meter.settle(reservation, tokens=nothing, usd=0.0 if refused else None)

    def _slow_down(self, limiter: Limiter, fault: Fault) -> None:
        """What a fault of one call means for the others of its endpoint."""
        asked = fault.retry_after
        if asked is not None and asked > self.retries.longest_wait_seconds:
            return  # its model is closed; the others of the endpoint need not wait for it
        if fault.kind == "rate":
            words = "" if asked is None else f", it asks to wait {asked:.3g} s"
            limiter.refused(UNSTATED_PAUSE_SECONDS if asked is None else asked, f"429{words}")
        elif fault.kind == "server":
            limiter.troubled()
            if asked is not None:
                limiter.pause(asked, f"the server is in trouble, it asks to wait {asked:.3g} s")

    def _wait_before_retry(
        self, fault: Fault, attempt: int, elapsed: float, model: ModelSpec
    ) -> float | None:
        """Seconds until the next attempt; None when there is to be none."""
        policy = self.retries
        if fault.kind not in RETRYABLE or attempt >= policy.attempts:
            return None
        if fault.kind in _TRIED_ONCE_MORE and attempt >= 2:
            return None
        if self._nobody_there(fault, model) and attempt >= ATTEMPTS_TO_REACH:
            return None
        asked = fault.retry_after
        if asked is not None and asked > policy.longest_wait_seconds:
            self.closed[model.name] = f"{fault.kind}: the server asks to come back in {asked:.0f} s"
            return None
        wait = (
            policy.wait(attempt, self._draw) if asked is None else asked + 0.1 * self._draw.random()
        )
        return wait if elapsed + wait <= policy.total_seconds else None

    def _nobody_there(self, fault: Fault, model: ModelSpec) -> bool:
        """Whether no connection was made, to an endpoint that has not answered in this run."""
        return fault.kind == "network" and not fault.sent and model.name not in self._answered

    def _note_failure(self, fault: Fault, model: ModelSpec) -> None:
        """Close what cannot work for the rest of this run."""
        reason = f"{fault.kind}: {fault.message}"
        # A request that the server understood and refused says nothing about the next one.
        in_a_row = self._in_a_row.get(model.name, 0) + (fault.kind != "permanent")
        self._in_a_row[model.name] = in_a_row
        if fault.kind in _CLOSES_KEY or self._nobody_there(fault, model):
            self.closed[_key_place(model)] = reason
        elif fault.status == 404 and model.name not in self._answered:
            self.closed[model.name] = reason
        elif in_a_row >= self.retries.failures_in_a_row:
            self.closed.setdefault(
                model.name, f"{in_a_row} calls in a row gave no answer; the last: {reason}"
            )

    def _worst_case(self, request: Request) -> tuple[int, float | None]:
        prompt, answer = worst_case_tokens(request)
        budget = self.meter.budget
        price = self._price(request.model)
        if price is not None:
            return prompt + answer, price.cost(prompt, answer)
        if budget.assume_usd_per_million_tokens is not None:
            return prompt + answer, (prompt + answer) * budget.assume_usd_per_million_tokens / 1e6
        return prompt + answer, None

    def _price(self, model: ModelSpec) -> KnownPrice | None:
        if model.name not in self._prices:
            self._prices[model.name] = price_of(model)
        return self._prices[model.name]

    def _client(self, model: ModelSpec) -> Client:
        client = self.client_for(model)
        self._clients[id(client)] = client
        return client

    async def close(self) -> None:
        """Give back the connections of every client that was used."""
        for client in self._clients.values():
            await client.close()


def endpoint_of(model: ModelSpec) -> str:
    """Where a model is asked: its address, else its provider."""
    return model.api_base or model.id.partition("/")[0]


def is_local(model: ModelSpec) -> bool:
    """Whether the model runs in an engine on this host, or in this process."""
    provider = model.id.partition("/")[0]
    host = urlsplit(model.api_base or "").hostname
    loopback = host is not None and (host in {"localhost", "::1"} or host.startswith("127."))
    return loopback or (provider in {"ollama", "ollama_chat", *IN_PROCESS} and not host)


def warms_up(model: ModelSpec) -> bool:
    """Whether the first call is slower than the others: an engine here loads weights for it."""
    return is_local(model) and model.id.partition("/")[0] not in IN_PROCESS


def concurrency_of(model: ModelSpec) -> int:
    """Calls at one time: the user's word, else 1 for a local engine."""
    if model.concurrency is not None:
        return model.concurrency
    if model.id.partition("/")[0] in IN_PROCESS:
        return IN_PROCESS_CONCURRENCY
    return LOCAL_CONCURRENCY if is_local(model) else HOSTED_CONCURRENCY


def limits_of(model: ModelSpec) -> Limits:
    """When a request to this model is given up."""
    default = Limits()
    return Limits(
        deadline_seconds=model.deadline_seconds or default.deadline_seconds,
        first_token_seconds=model.first_token_seconds or default.first_token_seconds,
        idle_seconds=model.idle_seconds or default.idle_seconds,
    )


def worst_case_tokens(request: Request) -> tuple[int, int]:
    """Tokens of the prompt (estimated) and of the longest answer the settings allow."""
    characters = sum(len(str(message.get("content", ""))) for message in request.messages)
    prompt = math.ceil(characters / 3) + 8 * len(request.messages)
    return prompt, answer_limit(request) or DEFAULT_ANSWER_TOKENS


def answer_limit(request: Request) -> int | None:
    """The most tokens that an answer may have, where a setting says so."""
    for name in ANSWER_LIMITS:
        value = request.settings.get(name)
        if isinstance(value, int) and value > 0:
            return value
    return None


def limit_name(settings: Mapping[str, object]) -> str:
    """By which name a model's settings limit its answers: `max_tokens` unless they say another."""
    return next((name for name in ANSWER_LIMITS if name in settings), "max_tokens")


def _saved(request: Request, response: Response) -> dict[str, float | None]:
    """What cutting a loop saved, had it run to the answer's limit; None without a limit."""
    limit = answer_limit(request)
    made = response.completion_tokens
    if limit is None or not made:
        return {"tokens_saved": None, "seconds_saved": None}
    tokens = max(0, limit - made)
    seconds = None
    if response.seconds:
        writing = response.seconds - (response.first_token_seconds or 0.0)
        seconds = round(tokens * writing / made, 3)
    return {"tokens_saved": tokens, "seconds_saved": seconds}


def _key_place(model: ModelSpec) -> str:
    """Models of one endpoint and key share the fate of the key."""
    key = f" with the key in {model.api_key_env}" if model.api_key_env else ""
    return f"{endpoint_of(model)}{key}"
