"use strict";
/*
 * If a bare specifier is imported or required by a file of a skill, and the volume has packages for exactly the
 * dependency files of a directory above that file, it is resolved among them first. Packages in the tree find each
 * other in the usual way. Everything else is left alone, and so is every program that was not started in or with a
 * skill's folder. The rules for these files are those of src/core/library-set.ts.
 */
const fs = require("node:fs");
const path = require("node:path");

const index = path.resolve(__dirname, "../../../../../share/openclaw-skill-deps/libraries");
const dependencyFiles = [
  "npm-shrinkwrap.json",
  "package-lock.json",
  "package.json",
  "pnpm-lock.yaml",
  "yarn.lock",
];
const limits = { "package.json": 64 * 1024 };
const maxLock = 4 * 1024 * 1024;
/** Directory of a file to the directory with the packages for it, or undefined. */
const known = new Map();

/** The directories from this one up to that with SKILL.md; none if there is no such directory. */
function levelsOf(directory) {
  const levels = [];
  for (let at = directory; levels.length < 8; at = path.dirname(at)) {
    levels.push(at);
    if (fs.existsSync(path.join(at, "SKILL.md"))) return levels;
    if (at === path.dirname(at)) break;
  }
  return [];
}

/** Where the packages for a directory of a skill are, if the volume has them. */
function librariesFor(directory) {
  if (known.has(directory)) return known.get(directory);
  let found;
  for (const level of levelsOf(directory)) {
    found = found || attempt(() => treeOf(level));
  }
  known.set(directory, found);
  return found;
}

function treeOf(directory) {
  const digest = digestOf(directory);
  if (digest === undefined) return undefined;
  const target = fs.readlinkSync(path.join(index, `${digest}-node`));
  if (!/^(\.\.\/){3}lib\/skills\/[^/]+$/.test(target)) return undefined;
  return path.resolve(index, target);
}

function digestOf(directory) {
  const present = dependencyFiles.filter((name) => isPlain(path.join(directory, name)));
  if (!present.includes("package.json")) return undefined;
  const parts = present.map((name) => {
    const bytes = readPlain(path.join(directory, name), limits[name] || maxLock);
    return [Buffer.from(`${name}\n${bytes.length}\n`), bytes, Buffer.from("\n")];
  });
  return sha256(Buffer.concat([Buffer.from("openclaw-libraries 1 node\n"), ...parts.flat()]));
}

/** To load Node's own takes 5 ms, so it is used where ours would take longer. */
function sha256(bytes) {
  if (bytes.length <= 3000) return require("./sha256.cjs")(bytes);
  return require("node:crypto").createHash("sha256").update(bytes).digest("hex");
}

function isPlain(file) {
  return attempt(() => fs.lstatSync(file).isFile()) === true;
}

/** The bytes of a regular file. Does not wait where it is something else. */
function readPlain(file, limit) {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants;
  const opened = fs.openSync(file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  try {
    const stats = fs.fstatSync(opened);
    if (!stats.isFile() || stats.size > limit) throw new Error("not a dependency file");
    const bytes = Buffer.alloc(stats.size);
    for (let at = 0; at < bytes.length; ) {
      const count = fs.readSync(opened, bytes, at, bytes.length - at, at);
      if (count === 0) throw new Error("it became shorter");
      at += count;
    }
    return bytes;
  } finally {
    fs.closeSync(opened);
  }
}

/** The tree whose package a specifier of an importing file means. */
function treeFor(specifier, parentURL) {
  const [name] = /^(?:@[^/:]+\/)?[^./#@:][^/:]*(?=\/|$)/.exec(specifier) || [];
  if (name === undefined || !parentURL?.startsWith("file:")) return undefined;
  if (parentURL.includes("/node_modules/") || require("node:module").isBuiltin(specifier))
    return undefined;
  const tree = librariesFor(path.dirname(require("node:url").fileURLToPath(parentURL)));
  return tree !== undefined && fs.existsSync(path.join(tree, "node_modules", name))
    ? tree
    : undefined;
}

function resolve(specifier, context, next) {
  const tree = attempt(() => treeFor(specifier, context.parentURL));
  if (tree === undefined) return next(specifier, context);
  const { pathToFileURL } = require("node:url");
  const parent = path.join(tree, "package.json");
  if (!context.conditions.includes("require")) {
    return next(specifier, Object.assign({}, context, { parentURL: pathToFileURL(parent).href }));
  }
  // Here another parentURL would be ignored.
  const file = require("node:module").createRequire(parent).resolve(specifier);
  return { url: pathToFileURL(file).href, shortCircuit: true };
}

function attempt(action) {
  try {
    return action();
  } catch (_) {
    return undefined;
  }
}

/** True if a word of the command line, or the working directory, is in a skill's folder. */
function isInSkill() {
  const places = wordsOf(process.argv).map((word) => {
    const file = path.resolve(word);
    return attempt(() => fs.realpathSync(file)) || file;
  });
  return [...places, process.cwd()].some((place) => levelsOf(place).length > 0);
}

/** What may be the program: a runner may come before it. A worker has no words, but its process has. */
function wordsOf([, ...words]) {
  if (words.length > 0) return words.slice(0, 2);
  const line = fs.readFileSync("/proc/self/cmdline", "utf8").split("\0").slice(1, -1);
  return line.filter((word) => !word.startsWith("-")).slice(0, 2);
}

attempt(() => {
  const { registerHooks } = require("node:module");
  if (registerHooks && fs.existsSync(index) && isInSkill()) registerHooks({ resolve });
});
