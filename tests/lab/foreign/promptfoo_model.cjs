// A provider of promptfoo's own kind: answers sums, more carefully when the prompt asks for it.
module.exports = class SumModel {
  constructor(options) {
    this.providerId = options.id || "sums";
    this.config = options.config || {};
  }
  id() {
    return this.config.name || "sums:small";
  }
  async callApi(prompt, context) {
    const messages = JSON.parse(prompt);
    const question = messages[messages.length - 1].content;
    const [first, second] = question.match(/\d+/g).map(Number);
    if (first === 41 && !this.config.strong) return { error: "503 the server is busy" };
    const careful = messages[0].role === "system";
    const off = careful || this.config.strong || first % 2 === 0 ? 0 : 1;
    return {
      output: `The sum is ${first + second + off}`,
      tokenUsage: { prompt: 20, completion: 5, total: 25 },
      cost: 0.00001,
    };
  }
};
