/**
 * Starts the program, which is beside this file: program.cjs is what every run needs, rest.cjs what a run
 * loads when it has something to do, signatures.cjs what checks signatures for authors
 * (.build-program.ts). V8 compiles a function at its first call, which takes a fifth of a run that has
 * nothing to do; Node's own compile cache holds only functions
 * compiled before the first call. So a run with `OPENCLAW_SKILL_DEPS_CODE_CACHE=write` (an image's
 * build) stores its compiled code beside both, and later runs load it. V8 rejects a cache of
 * another Node or other flags, but does not verify the bytes, so they begin with the sha256 of
 * themselves and of the program. A user who could write both could also write the program.
 *
 * The sh entrypoint, which always sets the view, needs to know whether this file ran at all: a
 * program called node may be a version manager's shim or another runtime, and end with any status.
 * So with a view the exit status is ours plus 200; 86 means: try another Node.
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
/** The first one has the piece that is the program's start. */
const files = ["program", "rest", "signatures"] as const;
const require = createRequire(join(here, "program.cjs"));
const digestBytes = 32;

/** Bun and Deno report a Node version, but lack parts of Node. */
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

/** Pieces by name, each a function with the parameters of a CommonJS module. */
type Pieces = Readonly<Record<string, (...parameters: unknown[]) => void>>;

const scripts = new Map<string, { readonly script: Script; readonly pieces: Pieces }>();

function piecesOf(name: string): Pieces {
  const known = scripts.get(name);
  if (known) return known.pieces;
  const script = compileOrSay(name);
  const pieces = script.runInThisContext() as Pieces;
  scripts.set(name, { script, pieces });
  return pieces;
}

function compile(name: string): Script {
  const filename = join(here, `${name}.cjs`);
  const source = readFileSync(filename);
  const cachedData = readCache(name, source);
  // The bundle is ASCII; a one-byte string takes half the memory and time.
  const text = source.toString("latin1");
  return new Script(text, { filename, ...(cachedData && { cachedData }) });
}

/** A package that was copied in part, or that this user cannot read. */
function compileOrSay(name: string): Script {
  try {
    return compile(name);
  } catch (error) {
    const { message, code = "", errno } = error as NodeJS.ErrnoException;
    const isPackage = ["ENOENT", "ENOTDIR", "EACCES", "EPERM"].includes(code);
    const isShort = errno !== undefined && !isPackage; // a shortage of files or memory, or a failing disk
    refusePackage(`cannot use ${join(here, `${name}.cjs`)}: ${message}`, isShort);
  }
}

function refusePackage(what: string, isShort: boolean): never {
  const hint = isShort ? "Run it again later." : "Install openclaw-install-skill-deps again.";
  const problem = isShort ? "E_SYSTEM_CALL" : "E_PACKAGE_DAMAGED";
  process.stderr.write(`error: ${what} [${problem}]\n  hint: ${hint}\n`);
  process.exit(isShort ? 5 : 2);
}

function readCache(name: string, source: Buffer): Buffer | undefined {
  try {
    const bytes = readFileSync(join(here, `${name}.cache`));
    const code = bytes.subarray(digestBytes);
    return bytes.subarray(0, digestBytes).equals(digestOf(code, source)) ? code : undefined;
  } catch {
    return undefined;
  }
}

function writeCaches(): void {
  try {
    for (const [name, { script }] of scripts) {
      const code = script.createCachedData();
      const digest = digestOf(code, readFileSync(join(here, `${name}.cjs`)));
      const cache = join(here, `${name}.cache`);
      writeFileSync(`${cache}.new`, Buffer.concat([digest, code]), { mode: 0o644 });
      renameSync(`${cache}.new`, cache);
    }
  } catch (error) {
    const hint = `Run it as a user who can write to ${here}; the run itself has succeeded.`;
    const what = `cannot write the code cache: ${(error as Error).message}`;
    process.stderr.write(`error: ${what} [E_FILE_OPERATION]\n  hint: ${hint}\n`);
    process.exitCode = 2;
  }
}

function digestOf(code: Buffer, source: Buffer): Buffer {
  return createHash("sha256").update(code).update(source).digest();
}

const modules = new Map<string, { exports: unknown }>();

/** A piece of the program, or a module of Node. */
function requirePiece(id: string): unknown {
  if (!id.startsWith("./")) return requireLate(id);
  const known = modules.get(id);
  if (known) return known.exports;
  const module = { exports: {} };
  modules.set(id, module);
  // `find` stops at the first file that has it, so that the second one is loaded only if it is needed.
  const file = files.find((name) => piecesOf(name)[id]);
  if (file === undefined) refusePackage(`${here} is not of one build: it has no ${id}`, false);
  piecesOf(file)[id]?.(module.exports, requirePiece, module, join(here, `${file}.cjs`), here);
  return module.exports;
}

/** Modules of Node that take milliseconds to load, and that most runs do not need. */
function requireLate(id: string): unknown {
  if (!/^(node:)?(child_process|worker_threads|tty|tls|fs\/promises)$/.test(id)) return require(id);
  const load = (): object => require(id);
  return new Proxy(
    {},
    {
      get: (_, name) => Reflect.get(load(), name),
      has: (_, name) => Reflect.has(load(), name),
      ownKeys: () => Reflect.ownKeys(load()),
      getOwnPropertyDescriptor: (_, name) => {
        const found = Reflect.getOwnPropertyDescriptor(load(), name);
        return found && { ...found, configurable: true }; // as a proxy of an empty object must have it
      },
    },
  );
}

if (!isNode()) refuseNode();
// undici's parser is one large WebAssembly function. Optimising it takes 16 MB and 60 ms of CPU
// time, more than any download gains; xz decompression still reaches the limit. Set before anything
// is compiled, because a code cache depends on the flags.
setFlagsFromString("--wasm-tiering-budget=1000000000");
if (process.env.OPENCLAW_SKILL_DEPS_CODE_CACHE === "write") process.on("exit", writeCaches);
requirePiece("./main.js");
