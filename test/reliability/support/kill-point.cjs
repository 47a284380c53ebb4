/**
 * Preloaded into the command (NODE_OPTIONS=--require): counts the calls of node:fs that change the
 * disk, and kills its own process with SIGKILL at the one that KILL_POINT_AT names (1 is the first).
 * KILL_POINT_HALF=1 does half of that call first, where a call has halves. KILL_POINT_LOG names a file
 * that gets one line per call, `h NAME PATH` where it has halves and `- NAME PATH` where it has none.
 * KILL_POINT_SIGNAL=SIGSTOP stops it there instead, until somebody sends SIGCONT.
 *
 * Only the command itself is meant, not the programs that it tests.
 */
const fs = require("node:fs");
const promises = require("node:fs/promises");

const at = Number(process.env.KILL_POINT_AT ?? 0);
const isHalf = process.env.KILL_POINT_HALF === "1";
const signal = process.env.KILL_POINT_SIGNAL ?? "SIGKILL";
// Taken before they are wrapped: what we do ourselves is not counted.
const own = { openSync: fs.openSync, writeSync: fs.writeSync, rmSync: fs.rmSync };
const file = process.env.KILL_POINT_LOG;
const log = file === undefined ? undefined : own.openSync(file, "a");
let calls = 0;

/** Counts one call; where it is the chosen one, does half of it and never returns. */
function step(name, path, half) {
  calls += 1;
  const line = `${half ? "h" : "-"} ${name} ${path}\n`;
  if (log !== undefined) own.writeSync(log, line);
  if (calls !== at) return;
  own.writeSync(
    2,
    `${signal} at call ${at}${isHalf && half ? ", half done" : ""}: ${line.slice(2)}`,
  );
  if (isHalf && half) half();
  process.kill(process.pid, signal);
  while (signal === "SIGKILL"); // no other thread's result is waited for
}

const byPath = [
  ...["rename", "symlink", "link", "mkdir", "mkdtemp", "unlink", "rmdir", "chmod", "lchmod"],
  ...["utimes", "lutimes", "truncate", "copyFile", "cp", "chown", "lchown"],
];
const byDescriptor = ["fsync", "fdatasync", "fchmod", "futimes", "ftruncate", "fchown"];

function wrap(holder, name, before) {
  const original = holder[name];
  if (typeof original !== "function") return;
  holder[name] = function wrapped(...args) {
    before(name, args, this);
    return original.apply(this, args);
  };
}

function openForWriting(name, [path, flags]) {
  const { O_WRONLY, O_RDWR } = fs.constants;
  const writes =
    typeof flags === "number" ? (flags & (O_WRONLY | O_RDWR)) !== 0 : /[wa+]/.test(flags ?? "r");
  if (writes) step(name, path);
}

function writeText(name, [target, text]) {
  const bytes = Buffer.from(typeof text === "string" || Buffer.isBuffer(text) ? text : "");
  step(name, target, () => {
    const descriptor = typeof target === "number" ? target : own.openSync(target, "w");
    own.writeSync(descriptor, bytes.subarray(0, bytes.length >> 1));
  });
}

/** Half of a tree is the first half of the names on each of its upper two floors. */
function removeTree(name, [path, options]) {
  const found = options?.recursive ? fs.lstatSync(path, { throwIfNoEntry: false }) : undefined;
  step(name, path, found?.isDirectory() ? () => removeHalf(path, 2) : undefined);
}

function removeHalf(path, depth) {
  const names = fs.readdirSync(path).sort();
  for (const name of names.slice(0, Math.ceil(names.length / 2))) {
    const inner = `${path}/${name}`;
    if (depth > 1 && fs.lstatSync(inner).isDirectory()) removeHalf(inner, depth - 1);
    else own.rmSync(inner, { recursive: true, force: true });
  }
}

/** `write(buffer, offset, length, position)` of a descriptor. */
function writeSome(name, descriptor, [bytes, offset = 0, length, position = null]) {
  const isBytes = ArrayBuffer.isView(bytes) && typeof offset === "number";
  const all = isBytes ? (length ?? bytes.byteLength - offset) : 0;
  step(name, `#${descriptor}`, () => {
    if (all > 1) own.writeSync(descriptor, bytes, offset, all >> 1, position);
  });
}

let wrappedHandle = false;

/** FileHandle is not exported; its methods are wrapped when the first one is opened. */
function wrapHandle(handle) {
  if (wrappedHandle) return handle;
  wrappedHandle = true;
  const methods = Object.getPrototypeOf(handle);
  for (const name of ["sync", "datasync", "chmod", "utimes", "truncate", "chown"]) {
    wrap(methods, name, (_, __, self) => step(`handle.${name}`, `#${self.fd}`));
  }
  wrap(methods, "write", (_, args, self) => writeSome("handle.write", self.fd, args));
  for (const name of ["writeFile", "appendFile"]) {
    wrap(methods, name, (_, [text], self) => writeText(`handle.${name}`, [self.fd, text]));
  }
  return handle;
}

function arm() {
  for (const name of byPath) {
    for (const [holder, called] of [
      [promises, name],
      [fs, `${name}Sync`],
      [fs, name],
    ]) {
      // The second path is the one that is made.
      const isPair = /^(rename|symlink|link|copyFile|cp)/.test(name);
      wrap(holder, called, (_, args) => step(called, isPair ? args[1] : args[0]));
    }
  }
  for (const name of byDescriptor) {
    for (const called of [`${name}Sync`, name]) {
      wrap(fs, called, (_, args) => step(called, `#${args[0]}`));
    }
  }
  for (const [holder, suffix] of [
    [promises, ""],
    [fs, "Sync"],
    [fs, ""],
  ]) {
    wrap(holder, `rm${suffix}`, removeTree);
    wrap(holder, `writeFile${suffix}`, writeText);
    wrap(holder, `appendFile${suffix}`, writeText);
    wrap(holder, `open${suffix}`, openForWriting);
  }
  for (const name of ["writeSync", "write"]) {
    wrap(fs, name, (_, [descriptor, ...args]) => writeSome(name, descriptor, args));
  }
  const open = promises.open;
  promises.open = async (...args) => wrapHandle(await open(...args));
}

if (process.argv[1]?.endsWith("openclaw-install-skill-deps.cjs")) arm();
