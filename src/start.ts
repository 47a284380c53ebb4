/**
 * Starts the program, which lies beside this file. V8 compiles a function when it is first called, which
 * is a fifth of a run that has nothing to do; Node's own compile cache has only what is compiled before
 * the first call. So a run with `OPENCLAW_SKILL_DEPS_CODE_CACHE=write` (an image's build) leaves what it
 * has compiled beside the program, and later ones start with that. V8 refuses what another Node or other
 * flags have made, but believes the bytes: they begin with the sha256 of themselves and of the program.
 * Who could write both here could write the program.
 *
 * The sh entrypoint, which always sets the view, tells by the exit status whether this ran at all: what
 * is called node may be a version manager's shim, another runtime or something else, and end with any
 * status. So it gets ours plus 200; 86 means that another Node is to be tried.
 */
import { createHash } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { Script } from "node:vm";

const isAskedBySh = process.env.OPENCLAW_SKILL_DEPS_VIEW !== undefined;
const notThisNode = 86;
if (isAskedBySh) {
  process.once("exit", (code) => {
    process.exitCode = code < notThisNode ? code + 200 : code;
  });
}

const here = dirname(process.argv[1] ?? "");
/** A function of what Node gives to a CommonJS module; the build puts it around the bundle. */
const filename = join(here, "program.cjs");
const cache = join(here, "program.cache");
const digestBytes = 32;

/** Bun and Deno say that they are some Node, and lack parts of it. */
function isNode(): boolean {
  const { node, bun, deno } = process.versions;
  return bun === undefined && deno === undefined && Number.parseInt(node, 10) >= 22;
}

function refuseNode(): never {
  const { bun, deno, node } = process.versions;
  const found = bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : `Node ${node}`;
  if (!isAskedBySh) {
    const message = `error: this needs Node 22 or newer; ${process.execPath} is ${found}\n`;
    process.stderr.write(message);
  }
  process.exit(notThisNode);
}

function compile(): Script {
  const source = readFileSync(filename);
  const cachedData = readCache(source);
  // The bundle is ASCII; a string of bytes takes half the memory and time.
  const text = source.toString("latin1");
  return new Script(text, { filename, ...(cachedData && { cachedData }) });
}

/** A package that was copied in part, or that this user may not read. */
function compileOrSay(): Script {
  try {
    return compile();
  } catch (error) {
    const { message, code = "", errno } = error as NodeJS.ErrnoException;
    const isPackage = ["ENOENT", "ENOTDIR", "EACCES", "EPERM"].includes(code);
    const isShort = errno !== undefined && !isPackage; // of files, of memory, or the disk fails
    const hint = isShort ? "Run it again later." : "Install openclaw-install-skill-deps again.";
    const problem = isShort ? "E_SYSTEM_CALL" : "E_PACKAGE_DAMAGED";
    const what = `cannot use ${filename}: ${message}`;
    process.stderr.write(`error: ${what} [${problem}]\n  hint: ${hint}\n`);
    process.exit(isShort ? 5 : 2);
  }
}

function readCache(source: Buffer): Buffer | undefined {
  try {
    const bytes = readFileSync(cache);
    const code = bytes.subarray(digestBytes);
    return bytes.subarray(0, digestBytes).equals(digestOf(code, source)) ? code : undefined;
  } catch {
    return undefined;
  }
}

function writeCache(code: Buffer): void {
  try {
    const bytes = Buffer.concat([digestOf(code, readFileSync(filename)), code]);
    writeFileSync(`${cache}.new`, bytes, { mode: 0o644 });
    renameSync(`${cache}.new`, cache);
  } catch (error) {
    const hint = `Run it as a user who can write to ${here}; what the run was to do is done.`;
    const what = `cannot write the code cache: ${(error as Error).message}`;
    process.stderr.write(`error: ${what} [E_FILE_OPERATION]\n  hint: ${hint}\n`);
    process.exitCode = 2;
  }
}

function digestOf(code: Buffer, source: Buffer): Buffer {
  return createHash("sha256").update(code).update(source).digest();
}

if (!isNode()) refuseNode();
// undici's parser is one large WebAssembly function. To optimise it takes 16 MB and 60 ms of a processor,
// more than any download gains by it; what decompresses xz still gets there. It is said before anything is
// compiled, because a code cache is for the flags that it was made with.
setFlagsFromString("--wasm-tiering-budget=1000000000");
const script = compileOrSay();
if (process.env.OPENCLAW_SKILL_DEPS_CODE_CACHE === "write") {
  process.on("exit", () => writeCache(script.createCachedData()));
}
const module = { exports: {} };
const require = createRequire(filename);
script.runInThisContext()(module.exports, require, module, filename, here);
