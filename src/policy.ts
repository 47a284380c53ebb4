/**
 * `policy`: the program that answers OpenClaw's `security.installPolicy`. OpenClaw waits for it, and
 * refuses every installation while it fails: so it is small, always answers and ends with 0. The sh
 * entrypoint starts it under a time limit, as it starts start.ts: an exit status of 200 says that this ran.
 */
import { existsSync, fstatSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  notChecked,
  type PolicyAnswer,
  type PolicyRequest,
  parsePolicyRequest,
} from "./commands/policy-answer.ts";
import { answerQuickly } from "./commands/policy-quick.ts";
import { isNode } from "./core/is-node.ts";
import { defaultPrefix, defaultSeed, layout } from "./core/layout.ts";
import { readAll } from "./io/plain-file.ts";

/** OpenClaw's own limit is 256 kB (bytes). */
const maxRequest = 1024 * 1024;
const isAskedBySh = process.env.OPENCLAW_SKILL_DEPS_VIEW !== undefined;
const dist = dirname(process.argv[1] ?? "");

async function answer(): Promise<PolicyAnswer> {
  if (fstatSync(0).isCharacterDevice() && process.stdin.isTTY) {
    return notChecked("there is no request on standard input");
  }
  const text = readAll(0, maxRequest);
  if (text === undefined) return notChecked(`the request has more than ${maxRequest} bytes`);
  const request = parsePolicyRequest(text);
  if ("decision" in request) return request;
  const context = quickContext();
  const quick = context && answerQuickly(request, context);
  return quick ?? (await answerByProgram(request));
}

/** A piece of the program answers; what loads it is itself loaded only here. */
async function answerByProgram(request: PolicyRequest): Promise<PolicyAnswer> {
  const { openProgram } = await import("./pieces.ts");
  const program = openProgram(dist, `${process.version} ${process.arch}`, (what) => {
    throw new Error(what);
  });
  const { answerFully } = program.require("./policy-full.js") as typeof import("./policy-full.ts");
  return await answerFully(request);
}

/** Undefined if any other option or setting may matter. */
function quickContext() {
  const { env } = process;
  const words = process.argv.slice(3);
  let [prefix, isStrict] = [defaultPrefix, false];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === "--prefix") word = `--prefix=${words.shift()}`;
    if (word === "--strict") isStrict = true;
    else if (word.startsWith("--prefix=/")) prefix = word.slice("--prefix=".length);
    else return undefined;
  }
  const settings = ["RECIPES", "CATALOGUE", "SEED", "ALLOW_DECLARED"].map(
    (name) => env[`OPENCLAW_SKILL_${name}`],
  );
  if (settings.some(Boolean) || existsSync(join(defaultSeed, layout.manifest))) return undefined;
  const platform = platformOf(process.arch);
  return platform ? { prefix, isStrict, path: env.PATH ?? "", platform, dist } : undefined;
}

/** Undefined where both libcs or none are, or the architecture is another. */
function platformOf(arch: string): string | undefined {
  const loaders: Readonly<Record<string, readonly [string, string]>> = {
    x64: ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"],
    arm64: ["/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-aarch64.so.1"],
  };
  const [glibc, musl] = (loaders[arch] ?? []).map((path) => existsSync(path));
  if (process.platform !== "linux" || glibc === musl) return undefined;
  return `linux-${arch}-${glibc ? "glibc" : "musl"}`;
}

/** Who has closed the output does not want the answer. */
function finish(found: PolicyAnswer): never {
  const text = Buffer.from(`${JSON.stringify(found)}\n`);
  for (let written = 0; written < text.length; ) {
    try {
      written += writeSync(1, text, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") break;
    }
  }
  process.exit(isAskedBySh ? 200 : 0);
}

function failed(error: unknown): never {
  const why = error instanceof Error ? error.message : String(error);
  return finish(notChecked(`it could not be checked what is needed: ${why}`));
}

if (isNode(process.versions)) {
  process.once("uncaughtException", failed);
  answer().then(finish, failed);
} else {
  process.exitCode = isAskedBySh ? 86 : 2;
}
