// Codes of parcel lockers: "K-4071-6" is locker 4071 of station K; the last digit is a check.
class CodeError extends Error {
  constructor(message, part) {
    super(message);
    this.name = 'CodeError';
    this.part = part;
  }
}

function checkDigit(number) {
  let sum = 0;
  String(number).split('').forEach((digit, place) => {
    sum += Number(digit) * (place % 2 === 0 ? 3 : 1);
  });
  return (10 - (sum % 10)) % 10;
}

function parseCode(text) {
  if (typeof text !== 'string') {
    throw new CodeError('A code is a text', 'code');
  }
  const parts = text.trim().toUpperCase().split('-');
  if (parts.length !== 3) {
    throw new CodeError('A code has three parts', 'code');
  }
  const [station, number, check] = parts;
  if (!/^[A-M]$/.test(station)) {
    throw new CodeError('Stations are A to M', 'station');
  }
  if (!/^\d{4}$/.test(number) || number === '0000') {
    throw new CodeError('Lockers are 0001 to 9999', 'number');
  }
  if (check !== String(checkDigit(number))) {
    throw new CodeError(`Check digit must be ${checkDigit(number)}`, 'check');
  }
  return { station, number: Number(number) };
}

function formatCode(station, number) {
  if (!Number.isInteger(number) || number < 1 || number > 9999) {
    throw new CodeError('Lockers are 1 to 9999', 'number');
  }
  const padded = String(number).padStart(4, '0');
  return `${station}-${padded}-${checkDigit(padded)}`;
}

module.exports = { CodeError, checkDigit, formatCode, parseCode };
