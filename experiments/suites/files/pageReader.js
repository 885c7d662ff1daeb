// Reads all entries of a feed that comes in pages: { entries, next }; `next` is null at the end.
class FeedError extends Error {
  constructor(message, page, cause) {
    super(message);
    this.name = 'FeedError';
    this.page = page;
    this.cause = cause;
  }
}

function checkPage(page, number) {
  if (page === null || typeof page !== 'object' || !Array.isArray(page.entries)) {
    throw new FeedError(`page ${number} has no entries`, number);
  }
  if (page.entries.some((entry) => entry.id === undefined)) {
    throw new FeedError(`an entry of page ${number} has no id`, number);
  }
}

async function fetchPage(fetch, cursor, number) {
  try {
    return await fetch(cursor);
  } catch (first) {
    if (first.fatal) {
      throw new FeedError('the feed refused', number, first);
    }
    try {
      return await fetch(cursor);
    } catch (second) {
      throw new FeedError(`page ${number} could not be read`, number, second);
    }
  }
}

async function readFeed(fetch, { maxPages = 10, keep = () => true } = {}) {
  if (typeof fetch !== 'function') {
    throw new TypeError('fetch must be a function');
  }
  const entries = new Map();
  const seen = new Set();
  let cursor = null;
  for (let number = 1; number <= maxPages; number += 1) {
    const page = await fetchPage(fetch, cursor, number);
    checkPage(page, number);
    for (const entry of page.entries) {
      if (!entries.has(entry.id) && keep(entry)) {
        entries.set(entry.id, entry);
      }
    }
    if (page.next === null) {
      return { entries: [...entries.values()], pages: number, complete: true };
    }
    if (seen.has(page.next)) {
      throw new FeedError('the feed goes round in circles', number);
    }
    seen.add(page.next);
    cursor = page.next;
  }
  return { entries: [...entries.values()], pages: maxPages, complete: false };
}

module.exports = { FeedError, readFeed };
