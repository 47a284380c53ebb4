import type { Context } from "../context.ts";
import { exitStatus, UserError } from "../core/errors.ts";
import { isHeld, type Manifest, type VerifiedRecord } from "../core/manifest.ts";
import { previousOf, rollbackProblems } from "../core/plan/rollback.ts";
import { renderDocument } from "../report/text.ts";
import { readVolume, refuseOtherPlatform } from "../run/inputs/volume.ts";
import { rollBack, verified } from "../run/rollback.ts";
import { openForChange } from "../run/uninstall.ts";
import { installedTools } from "./hold.ts";
import { notifySessions } from "./notify.ts";

/**
 * `rollback [NAME…]`: restores the previous tree of the named tools, or of all that have one. Each
 * tree is hashed first; all are rolled back or none. The replaced tree then is the previous one.
 */
export async function rollback(context: Context): Promise<number> {
  const { options, machine, reporter, clock } = context;
  const { prefix, manifest } = await readVolume(context);
  refuseOtherPlatform(manifest, machine, prefix);
  const named = installedTools(options.names, manifest, prefix, "roll back");
  const chosen = previousOf(manifest, named);
  refuseWithout(named, chosen);
  refuseUnfit(rollbackProblems(manifest, chosen));
  if (options.dryRun) for (const record of chosen) await verified(prefix, record, false);
  else if (chosen.length > 0) {
    await openForChange(prefix);
    const { emit } = reporter;
    await rollBack({ prefix, platform: machine, emit, clock, manifest }, chosen);
    await notifySessions(context);
  }
  report(chosen, manifest, prefix, context);
  return exitStatus.done;
}

function refuseWithout(named: readonly string[], chosen: readonly VerifiedRecord[]): void {
  const missing = named.filter((tool) => !chosen.some((record) => record.tool === tool));
  if (missing.length === 0) return;
  throw new UserError("E_NO_PREVIOUS", `no previous tree of ${missing.join(", ")} is kept`, {
    hint: `Nothing was changed. Another version: openclaw-install-skill-deps recipe new ${missing[0]}@VERSION`,
  });
}

function refuseUnfit(problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new UserError("E_ROLLBACK", problems.join("; "), {
    hint: "Nothing was changed. Roll back or update those tools with it.",
  });
}

function report(
  chosen: readonly VerifiedRecord[],
  manifest: Manifest,
  prefix: string,
  { options, stdout, stderr }: Context,
): void {
  const rolledBack = chosen.map(({ tool, version: to, bins }) => {
    const from = manifest.tools[tool]?.version ?? "";
    return { tool, from, to, bins: Object.keys(bins), held: isHeld(manifest, tool) };
  });
  if (options.json !== false) {
    stdout.write(renderDocument({ prefix, dryRun: options.dryRun, rolledBack }));
    return;
  }
  const would = options.dryRun ? "would be " : "";
  const lines = rolledBack.map(
    ({ tool, from, to }) => `${tool} ${from}: ${would}rolled back to ${to}`,
  );
  if (lines.length === 0) lines.push("no tool has a previous tree; nothing was changed");
  const loose = rolledBack.filter(({ held }) => !held).map(({ tool }) => tool);
  if (loose.length > 0 && !options.dryRun) {
    const names = loose.join(" ");
    lines.push(
      `update installs the newer version again, unless: openclaw-install-skill-deps hold ${names}`,
    );
  }
  (options.dryRun ? stdout : stderr).write(options.quiet ? "" : `${lines.join("\n")}\n`);
}
