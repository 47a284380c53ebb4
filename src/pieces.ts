/**
 * Loads the pieces of the program (.build-program.ts): program.cjs is what every run needs, install.cjs what most
 * installations need, signatures.cjs what checks signatures for authors, and rest.cjs all else. V8 compiles a function
 * at its first call, which takes a fifth of a run that has nothing to do; Node's own compile cache holds only functions
 * compiled before the first call. So the compiled code of a whole run can be stored beside the pieces, and later
 * runs load it. V8 rejects a cache of other flags, but does not verify the bytes, so they begin with the sha256 of
 * themselves, of the program and of Node's version. A user who could write both could also write the program.
 */
import { createHash, randomBytes } from "node:crypto";
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Script } from "node:vm";
import type { CodeCache } from "./core/code-cache.ts";
import { layout } from "./core/layout.ts";

/** Each file is an object of pieces by name: functions with the parameters of a CommonJS module. */
type Pieces = Readonly<Record<string, (...parameters: unknown[]) => void>>;
interface Loaded {
  /** What was loaded: the file may be another build's by now. */
  readonly text: string;
  readonly script: Script;
  readonly pieces: Pieces;
}

/** The first one has the pieces that are starts: of the program, and of what `policy` loads. */
const files = ["program", "install", "rest", "signatures"] as const;
export type ProgramFile = (typeof files)[number];
const digestBytes = 32;

export interface Program {
  /** A piece by its name (`./main.js`), or a module of Node. */
  require(id: string): unknown;
  /** The code that V8 has compiled, to be stored beside the program or a copy of it. */
  readonly codeCache: Pick<CodeCache, "write" | "isStored">;
  /**
   * Stores what is not stored beside the program, if the package is this user's; not in a volume, where it was stored
   * before the tree was recorded.
   */
  keepCaches(user: number | undefined): void;
}

/**
 * Why the program cannot be loaded: it was copied in part or this user cannot read it; the machine is short of files
 * or memory, or its disk fails; another build has replaced it since it started.
 */
export type LoadProblem = "damaged" | "short" | "replaced";

/**
 * The program in the directory `dir`. `node`: this Node's version and processor. `refuse` is called, with what is
 * wrong, where it cannot be loaded.
 */
export function openProgram(
  dir: string,
  node: string,
  refuse: (what: string, why: LoadProblem) => never,
): Program {
  const loaded = new Map<string, Loaded>();
  const paths = new Map(files.map((name) => [name, join(dir, `${name}.cjs`)]));
  const modules = new Map<string, { exports: unknown }>();
  const requireOfNode = lateRequire(require);

  const load = (name: string): Loaded => {
    try {
      return compile(join(dir, name), node);
    } catch (error) {
      const { message, code = "", errno } = error as NodeJS.ErrnoException;
      const isPackage = ["ENOENT", "ENOTDIR", "EACCES", "EPERM"].includes(code);
      const isShort = errno !== undefined && !isPackage;
      const what = `cannot use ${join(dir, `${name}.cjs`)}: ${message}`;
      return isShort ? refuse(what, "short") : refusePackage(what);
    }
  };
  const refusePackage = (what: string): never => {
    const first = loaded.get(files[0]);
    if (!first || isSame(first.text, join(dir, `${files[0]}.cjs`))) return refuse(what, "damaged");
    return refuse(`another build has replaced ${dir}`, "replaced");
  };
  const piecesOf = (name: string): Pieces => {
    const found = loaded.get(name) ?? load(name);
    loaded.set(name, found);
    return found.pieces;
  };
  const requirePiece = (id: string): unknown => {
    if (!id.startsWith("./")) return requireOfNode(id);
    const known = modules.get(id);
    if (known) return known.exports;
    const module = { exports: {} };
    modules.set(id, module);
    // `find` stops at the first file that has it, so that the second one is loaded only if it is needed.
    const file = files.find((name) => piecesOf(name)[id]);
    if (file === undefined) return refusePackage(`${dir} is not of one build: it has no ${id}`);
    piecesOf(file)[id]?.(module.exports, requirePiece, module, paths.get(file), dir);
    return module.exports;
  };
  const isStored = (): boolean => [...loaded.values()].every(usesCache);
  const write: CodeCache["write"] = (dist) => {
    for (const name of files) {
      const file = loaded.get(name);
      const own = join(dir, name);
      const isValid = file ? usesCache(file) : hasCache(own, node);
      if (isValid && dist !== dir) copyFileSync(`${own}.cache`, join(dist, `${name}.cache`));
      else if (file) writeCache(join(dist, name), file, node);
    }
  };
  const keepCaches = (user: number | undefined): void => {
    try {
      const isOurs = statSync(dir).uid === user && !existsSync(join(dir, "..", layout.record));
      const uncached = [...loaded].filter(([, file]) => !usesCache(file));
      if (!isOurs || uncached.length === 0) return;
      accessSync(dir, constants.W_OK);
      for (const [name, file] of uncached) writeCache(join(dir, name), file, node);
    } catch {
      return; // later runs start without it
    }
  };
  return { require: requirePiece, codeCache: { write, isStored }, keepCaches };
}

/** False without a cache, or where V8 has refused it. */
function usesCache({ script }: Loaded): boolean {
  return script.cachedDataRejected === false;
}

function hasCache(path: string, node: string): boolean {
  return readCache(path, readFileSync(`${path}.cjs`), node) !== undefined;
}

function compile(path: string, node: string): Loaded {
  const filename = `${path}.cjs`;
  const source = readFileSync(filename);
  const cachedData = readCache(path, source, node);
  // The bundle is ASCII; a one-byte string takes half the memory and time.
  const text = source.toString("latin1");
  const script = new Script(text, { filename, ...(cachedData && { cachedData }) });
  const pieces = script.runInThisContext() as Pieces | undefined;
  if (!pieces) throw new Error("it has no code");
  return { text, script, pieces };
}

function isSame(text: string, path: string): boolean {
  try {
    return readFileSync(path, "latin1") === text;
  } catch {
    return false;
  }
}

function readCache(path: string, source: Buffer, node: string): Buffer | undefined {
  try {
    const bytes = readFileSync(`${path}.cache`);
    const code = bytes.subarray(digestBytes);
    return bytes.subarray(0, digestBytes).equals(digestOf(node, code, source)) ? code : undefined;
  } catch {
    return undefined;
  }
}

function writeCache(path: string, { script, text }: Loaded, node: string): void {
  const code = script.createCachedData();
  const digest = digestOf(node, code, Buffer.from(text, "latin1"));
  const cache = `${path}.cache`;
  const temporary = `${cache}.${randomBytes(6).toString("hex")}`;
  try {
    writeFileSync(temporary, Buffer.concat([digest, code]), { mode: 0o644 });
    renameSync(temporary, cache);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function digestOf(node: string, code: Buffer, source: Buffer): Buffer {
  const lengths = `${node} ${code.length} ${source.length}\n`;
  return createHash("sha256").update(lengths).update(code).update(source).digest();
}

/** Delays modules of Node that take milliseconds to load, and that most runs do not need. */
function lateRequire(require: NodeJS.Require): (id: string) => unknown {
  const late = /^(node:)?(child_process|worker_threads|tty|tls|(fs|timers)\/promises)$/;
  return (id) => {
    if (!late.test(id)) return require(id);
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
  };
}
