/**
 * Starts the program, whose pieces are beside this file. A run with `OPENCLAW_SKILL_DEPS_CODE_CACHE=write` (an
 * image's build) stores the code that V8 has compiled for it (pieces.ts); so does the first one that installs
 * something, if the package is this user's.
 *
 * The sh entrypoint, which always sets the view, needs to know whether this file ran at all: a
 * program called node may be a version manager's shim or another runtime, and end with any status.
 * So with a view the exit status is ours plus 200; 86 means: try another Node.
 */
import { dirname } from "node:path";
import { offerCodeCache } from "./core/code-cache.ts";
import { isNode } from "./core/is-node.ts";
import { type LoadProblem, openProgram } from "./pieces.ts";

const isAskedBySh = process.env.OPENCLAW_SKILL_DEPS_VIEW !== undefined;
const notThisNode = 86;
if (isAskedBySh) {
  process.once("exit", (code) => {
    process.exitCode = code < notThisNode ? code + 200 : code;
  });
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

const loadProblems = {
  damaged: {
    problem: "E_PACKAGE_DAMAGED",
    hint: "Install openclaw-install-skill-deps again.",
    status: 2,
  },
  short: { problem: "E_SYSTEM_CALL", hint: "Run it again later.", status: 5 },
  replaced: { problem: "E_PACKAGE_REPLACED", hint: "Run the command again.", status: 5 },
} as const satisfies Record<LoadProblem, object>;

function refusePackage(what: string, why: LoadProblem): never {
  const { problem, hint, status } = loadProblems[why];
  process.stderr.write(`error: ${what} [${problem}]\n  hint: ${hint}\n`);
  process.exit(status);
}

function writeCaches(): void {
  try {
    program.codeCache.write(here);
  } catch (error) {
    const hint = `Run it as a user who can write to ${here}; the run itself has succeeded.`;
    const what = `cannot write the code cache: ${(error as Error).message}`;
    process.stderr.write(`error: ${what} [E_FILE_OPERATION]\n  hint: ${hint}\n`);
    process.exitCode = 2;
  }
}

if (!isNode(process.versions)) refuseNode();
const here = dirname(process.argv[1] ?? "");
const program = openProgram(here, `${process.version} ${process.arch}`, refusePackage);
const codeCache = offerCodeCache(program.codeCache);
process.on("exit", (status) => {
  if (process.env.OPENCLAW_SKILL_DEPS_CODE_CACHE === "write") writeCaches();
  else if (status === 0 && codeCache.isComplete) program.keepCaches(process.getuid?.());
});
program.require("./main.js");
