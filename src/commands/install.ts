import type { Place } from "../context.ts";
import { type ErrorCode, exitStatusFor } from "../core/errors.ts";
import type { Plan, Unmet } from "../core/plan/plan.ts";
import { requestedTools } from "../core/plan/required-by.ts";
import { follow } from "../io/files.ts";
import { listNames } from "../report/text.ts";
import type { Applied } from "../run/apply.ts";
import { type Survey, survey } from "../run/inputs/state.ts";
import { settle } from "./finalize.ts";
import { outcomeDocument, planDocument, renderOutcome, renderPlan } from "./summary.ts";

/** `install` and `update`: makes the plan hold, or says what of it does not and why. */
export async function install(place: Place, update = false): Promise<number> {
  const { options, env, reporter } = place;
  const seen = await survey(place, update);
  sayUnmet(seen.plan, place);
  if (options.dryRun) return printPlan(seen, place);
  const work = seen.plan.steps.filter(({ action }) => action !== "keep");
  const applied =
    work.length > 0 || (await hasNews(seen, place))
      ? await (await import("./apply.ts")).apply(seen, work, requestedHere(seen, options), place)
      : kept(seen);
  const codes = [
    ...applied.failures.map(({ code }) => code),
    ...seen.plan.unmet.map((): ErrorCode => "unmet"),
  ];
  const outcome = { survey: seen, applied, exitStatus: exitStatusFor(codes, options.strict) };
  const loginShell = await settle(outcome, place);
  reporter.finish();
  if (options.json === "document") {
    const document = outcomeDocument(outcome, loginShell);
    place.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  } else if (!options.quiet) {
    const onPath = (env.PATH ?? "").split(":").includes(`${seen.prefix}/bin`);
    place.stderr.write(renderOutcome(outcome, loginShell, onPath));
  }
  return outcome.exitStatus;
}

/** True where the manifest has something to learn although nothing is to be installed. */
async function hasNews(seen: Survey, { options }: Place): Promise<boolean> {
  const { selected, manifest, inspection, brokenManifest, prefix } = seen;
  const isSelected =
    selected === undefined ||
    options.names.length > 0 ||
    JSON.stringify(selected) === JSON.stringify(manifest.skills);
  const known = requestedTools(manifest);
  const isRequested = requestedHere(seen, options).every((tool) => known.includes(tool));
  const isKnown = isSelected && isRequested && inspection.resealed.length === 0 && !brokenManifest;
  return !isKnown && (await follow(prefix))?.isDirectory() === true;
}

/** What a person names stays until a person removes it; repairs and updates ask for nothing new. */
function requestedHere({ plan }: Survey, { verb, names }: Place["options"]): string[] {
  if (verb !== "install" || names.length === 0) return [];
  return Object.values(plan.bins).flatMap((state) =>
    state.state !== "unmet" && state.tool !== undefined ? [state.tool] : [],
  );
}

function kept(seen: Survey): Applied {
  return { manifest: seen.manifest, installed: [], linked: [], failures: [], fallbacks: [] };
}

/** What cannot be had here, each reason once. */
function sayUnmet(plan: Plan, { reporter: { emit } }: Place): void {
  const reasons = new Map<string, Unmet[]>();
  for (const unmet of plan.unmet) {
    const key = JSON.stringify([unmet.reason, unmet.hint]);
    reasons.set(key, [...(reasons.get(key) ?? []), unmet]);
  }
  for (const group of reasons.values()) {
    const bins = group.map(({ bin, for: by }) => `${bin} (for ${listNames([...new Set(by)], 3)})`);
    const [{ reason = "", hint } = {}] = group;
    const message = `${listNames(bins, 20)} ${bins.length > 1 ? "are" : "is"} unmet: ${reason}`;
    emit({ type: "warning", message, ...(hint === undefined ? {} : { hint }) });
  }
}

function printPlan(seen: Survey, place: Place): number {
  const { options, stdout } = place;
  const { plan } = seen;
  if (options.json === false) stdout.write(renderPlan(plan));
  else stdout.write(`${JSON.stringify(planDocument(seen), null, 2)}\n`);
  return exitStatusFor(plan.unmet.length > 0 ? ["unmet"] : [], options.strict);
}
