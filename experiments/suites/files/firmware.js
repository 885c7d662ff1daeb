// Which firmware a device may install: versions such as "2.10.3" or "2.10.3-beta.2".
class VersionError extends Error {
  constructor(message, input) {
    super(`${message}: ${input}`);
    this.name = 'VersionError';
    this.input = input;
  }
}

const PATTERN = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-(alpha|beta)\.([1-9]\d*))?$/;

function parse(text) {
  const found = PATTERN.exec(text);
  if (found === null) {
    throw new VersionError('not a version', text);
  }
  const [major, minor, patch] = found.slice(1, 4).map(Number);
  const stage = { alpha: 0, beta: 1, undefined: 2 }[found[4]];
  return [major, minor, patch, stage, Number(found[5] ?? 0)];
}

function compare(one, other) {
  const [a, b] = [parse(one), parse(other)];
  for (let place = 0; place < a.length; place += 1) {
    if (a[place] !== b[place]) {
      return a[place] < b[place] ? -1 : 1;
    }
  }
  return 0;
}

function fits(version, rule) {
  const found = /^(>=|<|~|=)\s*(\S+)$/.exec(rule);
  if (found === null) {
    throw new VersionError('not a rule', rule);
  }
  const [, sign, bound] = found;
  const order = compare(version, bound);
  if (sign === '=') return order === 0;
  if (sign === '<') return order < 0;
  if (sign === '>=') return order >= 0;
  const [major, minor] = parse(version);
  const [wantedMajor, wantedMinor] = parse(bound);
  return order >= 0 && major === wantedMajor && minor === wantedMinor;
}

function choose(versions, rules, { previews = false } = {}) {
  if (versions.length === 0) {
    throw new VersionError('nothing to choose from', 'versions');
  }
  const allowed = versions.filter(
    (version) =>
      (previews || parse(version)[3] === 2) && rules.every((rule) => fits(version, rule)),
  );
  return allowed.sort(compare).pop() ?? null;
}

module.exports = { VersionError, choose, compare, fits, parse };
