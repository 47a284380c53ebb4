"use strict";
/*
 * Lets the scripts of an OpenClaw skill import the packages that their skill declares: Node loads this file at each
 * start if NODE_OPTIONS has `--require` with its path in the volume. Any Node must be able to read it.
 *
 * If a bare specifier is imported or required by a file of a skill, and the volume has packages for exactly the
 * dependency files of a directory above that file, it is resolved among them first. Packages in the tree find each
 * other in the usual way. Everything else is left alone, and so is every program that was not started in or with a
 * skill's folder. The rules for these files are those of src/core/library-set.ts.
 *
 * What is loaded or called for the first time is most of the time that this takes, so one file does it all with few
 * of Node's functions.
 */
const isNew = Number(process.versions.node.split(".")[0]) >= 22; // older ones have no hooks for `require`
const fs = isNew && require("node:fs");
const path = isNew && require("node:path");
/** What require("node:module") gives, without its cost. */
const modules = module.constructor;
const index =
  isNew && path.resolve(__dirname, "../../../../../share/openclaw-skill-deps/libraries");
const maxFile = 64 * 1024;
const maxLock = 4 * 1024 * 1024;
/** In the order of their names' bytes. */
const dependencyFiles = [
  "npm-shrinkwrap.json",
  "package-lock.json",
  "package.json",
  "pnpm-lock.yaml",
  "yarn.lock",
];
const header = "openclaw-libraries 1 node\n";
/** Directory of a file to the directory with the packages for it, or undefined. */
const known = new Map();

/** The directories from this one up to that with SKILL.md; none if there is no such directory. */
function levelsOf(directory) {
  const levels = [];
  for (let at = directory; levels.length < 8; at = path.dirname(at)) {
    levels.push(at);
    if (fs.existsSync(`${at}/SKILL.md`)) return levels;
    if (at === "/") break;
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
  const files = filesIn(directory);
  const link = files && linkOf(files);
  const target = link && fs.readlinkSync(`${index}/${link}`);
  if (!target || !/^(\.\.\/){3}lib\/skills\/[^/]+$/.test(target)) return undefined;
  return path.resolve(index, target);
}

/** The dependency files of a directory; undefined without package.json, or if one is too large. */
function filesIn(directory) {
  const files = [];
  for (const name of dependencyFiles) {
    const file = `${directory}/${name}`;
    const stats = fs.lstatSync(file, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    if (stats.isFile()) files.push({ name, file, size: stats.size });
  }
  const limitOf = (name) => (name === "package.json" ? maxFile : maxLock);
  const isSet = files.some(({ name }) => name === "package.json");
  return isSet && files.every(({ name, size }) => size <= limitOf(name)) ? files : undefined;
}

/**
 * The name of the link to the packages for these files. A copy of the text that a link's digest covers lies beside
 * most links, with its length in its name: to compare it takes less time than to load what makes a digest.
 */
function linkOf(files) {
  const texts = files.map(({ name, size }) => `${name}\n${size}\n`);
  const length = texts.reduce(
    (sum, text, i) => sum + text.length + files[i].size + 1,
    header.length,
  );
  const text = header + texts.map((text, i) => `${text}${read(files[i].file, "utf8")}\n`).join("");
  const names = fs.readdirSync(index);
  const copies = names.filter((name) => name.endsWith(`-node-${length}`));
  const same = copies.find((name) => attempt(() => read(`${index}/${name}`, "utf8")) === text);
  if (same) return same.slice(0, same.lastIndexOf("-"));
  const hasCopy = (link) => names.some((name) => name.startsWith(`${link}-`));
  const isKnown = (name) => !name.endsWith("-node") || hasCopy(name);
  if (copies.length === 0 && names.every(isKnown)) return undefined;
  const hash = require("node:crypto").createHash("sha256").update(header);
  for (const [i, { file }] of files.entries())
    hash.update(texts[i]).update(read(file)).update("\n");
  return `${hash.digest("hex")}-node`;
}

/** Does not wait where a pipe has taken the file's place. */
function read(file, encoding) {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants;
  return fs.readFileSync(file, { encoding, flag: O_RDONLY | O_NONBLOCK | O_NOFOLLOW });
}

/** The tree whose package a specifier of an importing file means. */
function treeFor(specifier, parentURL) {
  const [name] = /^(?:@[^/:]+\/)?[^./#@:][^/:]*(?=\/|$)/.exec(specifier) || [];
  if (name === undefined || !parentURL || parentURL.includes("/node_modules/")) return undefined;
  if (modules.isBuiltin(specifier)) return undefined;
  const [, parent] = /^file:\/\/(\/[^?#]*)/.exec(parentURL) || [];
  const tree = parent && librariesFor(path.dirname(decodeURIComponent(parent)));
  return tree && fs.existsSync(`${tree}/node_modules/${name}`) ? tree : undefined;
}

function resolve(specifier, context, next) {
  const tree = attempt(() => treeFor(specifier, context.parentURL));
  if (tree === undefined) return next(specifier, context);
  const parent = `${tree}/package.json`;
  if (!context.conditions.includes("require")) {
    return next(specifier, Object.assign({}, context, { parentURL: urlOf(parent) }));
  }
  // Here another parentURL would be ignored. createRequire would do the same, and call this hook again.
  const asker = { id: parent, filename: parent, paths: [`${tree}/node_modules`] };
  const file = modules._resolveFilename(specifier, asker, false);
  return { url: urlOf(file), shortCircuit: true };
}

function urlOf(file) {
  return `file://${encodeURI(file).replace(/[?#]/g, encodeURIComponent)}`;
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
    return attempt(() => fs.realpathSync.native(file)) || file;
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
  if (isNew && modules.registerHooks && fs.existsSync(index) && isInSkill())
    modules.registerHooks({ resolve });
});
