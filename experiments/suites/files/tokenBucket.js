// Lets callers through at a steady pace; the clock is handed in, in milliseconds.
class LimitError extends Error {
  constructor(message, waitMs) {
    super(message);
    this.name = 'LimitError';
    this.waitMs = waitMs;
  }
}

class TokenBucket {
  constructor({ size, perSecond, now }) {
    if (!(size >= 1)) {
      throw new RangeError('size must be at least 1');
    }
    if (!(perSecond > 0)) {
      throw new RangeError('perSecond must be above 0');
    }
    this.size = size;
    this.perMs = perSecond / 1000;
    this.now = now;
    this.tokens = size;
    this.at = now();
  }

  refill() {
    const passed = Math.max(0, this.now() - this.at);
    this.tokens = Math.min(this.size, this.tokens + passed * this.perMs);
    this.at += passed;
  }

  take(count = 1) {
    if (count > this.size) {
      throw new LimitError(`never more than ${this.size} at once`, Infinity);
    }
    this.refill();
    if (this.tokens < count) {
      throw new LimitError('too many calls', Math.ceil((count - this.tokens) / this.perMs));
    }
    this.tokens -= count;
    return this.tokens;
  }

  async run(task, { sleep, tries = 2 } = {}) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.take();
        break;
      } catch (error) {
        if (!sleep || attempt >= tries) {
          throw error;
        }
        await sleep(error.waitMs);
      }
    }
    try {
      return await task();
    } catch (error) {
      this.tokens = Math.min(this.size, this.tokens + 1);
      throw error;
    }
  }
}

module.exports = { LimitError, TokenBucket };
