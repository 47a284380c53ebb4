import { dirname, join } from "node:path";
import { UserError } from "../core/errors.ts";
import { runtimeFlags } from "../core/launcher.ts";
import { layout } from "../core/layout.ts";
import type { InstallStep, Plan } from "../core/plan/plan.ts";
import { mkdirSync, writeFile } from "../io/disk.ts";
import { type Command, smokeTest } from "../io/exec.ts";
import { openStarter, type Starter } from "../io/starter.ts";
import type { DraftRecord } from "../io/volume/store.ts";
import type { ApplyContext, Needs, ToolRun } from "./apply-context.ts";

/**
 * Runs the recipe's smoke test in a staged tree, with its runtime. A program that only its skill
 * declares has no test of its own: if `--version` fails, that is only a warning.
 */
export async function testTree(
  step: InstallStep,
  tree: string,
  record: DraftRecord,
  run: Pick<ToolRun, "context" | "starter">,
  needs: Needs,
): Promise<void> {
  const { context } = run;
  await runTest(step, tree, record, run, needs).catch((error: unknown) => {
    if (!step.declared || !(error instanceof UserError) || error.kind !== "unmet") throw error;
    const message = `${step.tool} is installed, but: ${error.message}`;
    context.emit({ type: "warning", problem: error.problem, message });
  });
}

async function runTest(
  step: InstallStep,
  tree: string,
  record: DraftRecord,
  { context, starter }: Pick<ToolRun, "context" | "starter">,
  needs: Needs,
): Promise<void> {
  const { test = [], testFiles = {}, testOutput } = step.recipe ?? {};
  const [name, ...args] = test;
  const bin = name === undefined ? undefined : record.bins[name];
  if (!context.runsHere || !bin) return;
  const program = join(tree, bin.path.slice(record.dir.length + 1));
  const runtime = bin.runtime === undefined ? undefined : await needs.get(bin.runtime);
  const interpreter = runtime?.bins[bin.runtime ?? ""];
  const home = join(tree, "..", "home");
  mkdirSync(home, { recursive: true });
  for (const [path, text] of Object.entries(testFiles)) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    await writeFile(join(home, path), text);
  }
  const command: Command = {
    argv: interpreter
      ? [join(context.prefix, interpreter.path), ...runtimeFlags(bin), program, ...args]
      : [program, ...args],
    env: { ...envOfTests(context), HOME: home, TMPDIR: home },
    cwd: home,
    timeout: 30_000,
    signal: context.signal,
  };
  // Without output: why a test fails, its own run says.
  if (testOutput === undefined && (await starter?.passes(command))) return;
  await smokeTest(step.tool, command, testOutput);
}

/** A small process for the tests of a plan; few tests are not worth it. */
export function starterOf(context: ApplyContext, { steps }: Plan): Starter | undefined {
  if (steps.filter(({ action }) => action === "install").length <= 3) return undefined;
  return openStarter({ ...envOfTests(context), HOME: "/", TMPDIR: "/" }, context.signal);
}

function envOfTests({ prefix }: ApplyContext): Record<string, string> {
  return {
    PATH: `${join(prefix, layout.bin)}:/usr/local/bin:/usr/bin:/bin`,
    LANG: "C.UTF-8",
    CI: "1", // many programs then skip first-run questions and update checks
  };
}
