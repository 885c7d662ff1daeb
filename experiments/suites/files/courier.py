"""Sends messages through a gateway that fails now and then."""

import asyncio


class CourierError(Exception):
    """A message that did not go out; `attempts` were made, `last` is the last error."""

    def __init__(self, message, attempts, last=None):
        super().__init__(message)
        self.attempts = attempts
        self.last = last


class Courier:
    """Tries a message again after a pause that doubles; only ConnectionError is worth it."""

    def __init__(self, send, pause=asyncio.sleep, attempts=3, first_pause=0.5):
        if attempts < 1:
            raise ValueError("at least one attempt")
        self._send, self._pause = send, pause
        self._attempts, self._first_pause = attempts, first_pause
        self.sent = []

    async def deliver(self, message):
        """The gateway's receipt for one message."""
        if not isinstance(message, str) or not message.strip():
            raise CourierError("nothing to send", 0)
        attempt, pause = 1, self._first_pause
        while True:
            try:
                receipt = await self._send(message)
            except ConnectionError as error:
                if attempt >= self._attempts:
                    raise CourierError("the gateway does not answer", attempt, error) from error
                await self._pause(pause)
                attempt, pause = attempt + 1, pause * 2
            else:
                self.sent.append(message)
                return receipt

    async def deliver_all(self, messages, at_once=2):
        """Receipts in the order of the messages, or None for those that did not go out.

        At most `at_once` messages are under way at the same time.
        """
        if at_once < 1:
            raise ValueError("at_once must be 1 or more")
        gate = asyncio.Semaphore(at_once)

        async def one(message):
            async with gate:
                try:
                    return await self.deliver(message)
                except CourierError:
                    return None

        return list(await asyncio.gather(*(one(message) for message in messages)))
