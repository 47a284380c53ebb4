// Loaded into Node with --require: says what V8 came to when it was given a code cache.
const vm = require("node:vm");
const { Script } = vm;

vm.Script = class extends Script {
  constructor(source, options) {
    super(source, options);
    const { cachedDataRejected } = this;
    const word = { undefined: "none", true: "refused", false: "taken" }[String(cachedDataRejected)];
    process.stderr.write(`code cache: ${word}\n`);
  }
};
