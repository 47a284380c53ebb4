// Loaded into Node with --require: a zlib whose handle is not as this Node's is, so that only its public streams serve.
const zlib = require("node:zlib");

for (const name of ["createGunzip", "createInflateRaw"]) {
  const create = zlib[name];
  const value = (options) => {
    const stream = create(options);
    stream._handle.writeSync = undefined;
    return stream;
  };
  Object.defineProperty(zlib, name, { value });
}
require("node:module").syncBuiltinESMExports();
