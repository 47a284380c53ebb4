// Starting a program named `zog` fails as where the limit of processes is reached; loaded with --require.
const child = require("node:child_process");
const { execFile } = child;
child.execFile = (file, args, options, done) => {
  if (!file.endsWith("/zog")) return execFile(file, args, options, done);
  const message = `spawn ${file} EAGAIN`;
  const error = Object.assign(new Error(message), { code: "EAGAIN", errno: -11, syscall: message });
  setImmediate(() => done(error, "", ""));
  return new (require("node:events").EventEmitter)();
};
