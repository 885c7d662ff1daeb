// Steps that can be undone and done again, the oldest forgotten first.
class UndoError extends Error {
  constructor(message, depth) {
    super(message);
    this.name = 'UndoError';
    this.depth = depth;
  }
}

class UndoStack {
  constructor(state, limit = 20) {
    if (!Number.isInteger(limit) || limit < 1) {
      throw new RangeError('limit must be a whole number above 0');
    }
    this.state = state;
    this.limit = limit;
    this.past = [];
    this.future = [];
    this.group = null;
  }

  apply(change, label = 'change') {
    if (typeof change !== 'function') {
      throw new TypeError('a change is a function');
    }
    const next = change(this.state);
    if (Object.is(next, this.state)) {
      return false;
    }
    if (this.group === null || this.group !== label) {
      this.past.push({ state: this.state, label });
    }
    if (this.past.length > this.limit) {
      this.past.shift();
    }
    this.state = next;
    this.future = [];
    if (this.group !== null) {
      this.group = label;
    }
    return true;
  }

  undo() {
    if (this.past.length === 0) {
      throw new UndoError('nothing to undo', this.future.length);
    }
    const { state, label } = this.past.pop();
    this.future.push({ state: this.state, label });
    this.state = state;
    return label;
  }

  redo() {
    if (this.future.length === 0) {
      throw new UndoError('nothing to redo', this.past.length);
    }
    const { state, label } = this.future.pop();
    this.past.push({ state: this.state, label });
    this.state = state;
    return label;
  }

  // Between these two, changes of the same label that follow each other are one step.
  beginGroup() {
    this.group = '';
  }

  endGroup() {
    this.group = null;
  }
}

module.exports = { UndoError, UndoStack };
