// What the runner has to give to a file of tests, and three tests that have to fail.
const { fee, quote, RateError } = require('../src/rates.js');
describe('fee', () => {
  let log;
  beforeAll(() => { log = ['all']; });
  beforeEach(() => { log.push('each'); });
  test.each([[30, 5], [31, 12]])('%i kg cost %i', (weight, expected) => expect(fee(weight)).toBe(expected));
  it.each`
    weight | expected
    ${1}   | ${5}`('$weight kg', ({ weight, expected }) => { expect(fee(weight)).toBe(expected); });
  it('throws', () => {
    expect(() => fee('1')).toThrowError(RateError);
    expect(() => fee('1')).toThrow('must be a number');
    expect(() => fee('1')).toThrow(expect.objectContaining({ field: 'weight' }));
  });
  it('hooks', () => { expect(log).toEqual(['all', 'each', 'each', 'each', 'each', 'each']); });
  it.skip('later', () => { expect(1).toBe(2); });
  it.todo('sometime');
  xit('not', () => {});
});
describe('quote', () => {
  it('awaits', async () => { await expect(quote(async () => 31)).resolves.toEqual({ fee: 12 }); });
  it('rejects', () => expect(quote(async () => null)).rejects.toMatchObject({ message: 'weight must be a number' }));
  it('calls back', (done) => { quote(async () => 1).then((it) => { expect(it.fee).toBe(5); done(); }); });
  it('uses mocks', async () => {
    const load = jest.fn().mockResolvedValue(40);
    const spy = jest.spyOn(console, 'log').mockImplementation(() => {});
    await quote(load);
    expect(load).toHaveBeenCalledTimes(1);
    expect(spy).not.toHaveBeenCalled();
    jest.restoreAllMocks();
  });
  it('fakes time', async () => {
    jest.useFakeTimers();
    const load = () => new Promise((resolve) => setTimeout(() => resolve(2), 60000));
    const asked = quote(load);
    jest.advanceTimersByTime(60000);
    jest.useRealTimers();
    expect(await asked).toEqual({ fee: 5 });
  });
  it('snapshots', () => {
    expect(fee(1)).toMatchSnapshot();
    expect(() => fee()).toThrowErrorMatchingSnapshot();
    expect(() => fee(1)).not.toThrow();
    expect(fee(31)).toMatchInlineSnapshot(`12`);
  });
  it('promises more than it does', () => { expect.assertions(2); expect(fee(1)).toBe(5); });
  it('snapshots what does not throw', () => { expect(() => fee(1)).toThrowErrorMatchingSnapshot(); });
  it('forgets to wait', () => { expect(quote(async () => null)).rejects.toThrow('another text'); });
});
