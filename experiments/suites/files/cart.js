// A basket with coupons; all amounts are whole cents.
class CartError extends Error {
  constructor(message, field) {
    super(message);
    this.name = 'CartError';
    this.field = field;
  }
}

const COUPONS = {
  TENOFF: { percent: 10, from: 2000 },
  FIVER: { cents: 500, from: 2500 },
};

class Cart {
  constructor() {
    this.lines = new Map();
    this.coupon = null;
  }

  add(item, cents, count = 1) {
    if (!item) {
      throw new CartError('Item needs a name', 'item');
    }
    if (!Number.isInteger(cents) || cents < 0) {
      throw new CartError('Price is whole cents', 'cents');
    }
    if (!Number.isInteger(count) || count < 1 || count > 99) {
      throw new CartError('Count is 1 to 99', 'count');
    }
    const line = this.lines.get(item);
    if (line && line.cents !== cents) {
      throw new CartError(`${item} costs ${line.cents}`, 'cents');
    }
    const all = (line ? line.count : 0) + count;
    if (all > 99) {
      throw new CartError('At most 99 of an item', 'count');
    }
    this.lines.set(item, { cents, count: all });
    return this;
  }

  remove(item) {
    if (!this.lines.delete(item)) {
      throw new CartError(`No ${item} in the basket`, 'item');
    }
  }

  redeem(code) {
    if (!Object.hasOwn(COUPONS, code)) {
      throw new CartError('Unknown coupon', 'coupon');
    }
    if (this.goods() < COUPONS[code].from) {
      throw new CartError(`Coupon is valid from ${COUPONS[code].from} cents`, 'coupon');
    }
    this.coupon = COUPONS[code];
  }

  goods() {
    return [...this.lines.values()].reduce((sum, line) => sum + line.cents * line.count, 0);
  }

  total() {
    const goods = this.goods();
    let price = goods;
    if (this.coupon && goods >= this.coupon.from) {
      price = this.coupon.percent
        ? goods - Math.floor((goods * this.coupon.percent) / 100)
        : goods - this.coupon.cents;
    }
    return price + (goods === 0 || goods >= 4000 ? 0 : 490);
  }
}

module.exports = { Cart, CartError };
