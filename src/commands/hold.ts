import type { Context } from "../context.ts";
import { exitStatus, UserError } from "../core/errors.ts";
import { commandName } from "../core/layout.ts";
import { isHeld, type Manifest } from "../core/manifest.ts";
import { installedCalled, installedNames } from "../core/plan/required-by.ts";
import { didYouMean, nearest } from "../core/wording.ts";
import { editManifest } from "../io/volume/manifest-file.ts";
import { renderDocument } from "../report/text.ts";
import { readVolume } from "../run/inputs/volume.ts";
import { withManifestLease } from "../run/manifest-lease.ts";
import { openForChange } from "../run/uninstall.ts";

/**
 * `hold NAME…` and `unhold NAME…`: makes tools stay at their version, or no longer. The manifest
 * records it and is replaced in one step.
 */
export async function hold(context: Context, isHold: boolean): Promise<number> {
  const { options, reporter, stdout, stderr } = context;
  const verb = isHold ? "hold" : "unhold";
  if (options.names.length === 0) {
    throw new UserError("E_USAGE", `${verb}: no tool is named`, {
      hint: `Write openclaw-install-skill-deps ${verb} gog; list shows what is held.`,
    });
  }
  const { prefix, manifest } = await readVolume(context);
  const tools = installedTools(options.names, manifest, prefix, verb);
  const changed = tools.filter((tool) => isHeld(manifest, tool) !== isHold);
  let after = manifest;
  if (changed.length > 0) {
    await openForChange(prefix);
    after = await withManifestLease(prefix, reporter.emit, () =>
      editManifest(prefix, manifest.platform, (current) => setHeld(current, changed, isHold)),
    );
  }
  if (options.json !== false) {
    stdout.write(renderDocument({ prefix, held: after.held ?? [], changed }));
  } else if (!options.quiet) {
    for (const tool of tools) stderr.write(`${describe(tool, after, changed.includes(tool))}\n`);
  }
  return exitStatus.done;
}

function setHeld(manifest: Manifest, tools: readonly string[], isHold: boolean): void {
  const others = (manifest.held ?? []).filter((tool) => !tools.includes(tool));
  manifest.held = isHold ? [...others, ...tools].sort() : others;
}

/** The installed tools that NAMEs mean, each once. */
export function installedTools(
  names: readonly string[],
  manifest: Manifest,
  prefix: string,
  verb: string,
): string[] {
  if (names.includes(commandName)) {
    throw new UserError("E_USAGE", `${commandName} cannot be named: ${verb} is for other tools`, {
      hint: "The volume keeps the newest version that has run on it.",
    });
  }
  const found = names.map((name) => {
    const record = installedCalled(name, manifest);
    if (record) return record.tool;
    const near = nearest(name, installedNames(manifest));
    const what = `${prefix} holds nothing that is called "${name}", so there is nothing to ${verb}`;
    throw new UserError("E_UNKNOWN_NAME", what, {
      hint: didYouMean(near, "See openclaw-install-skill-deps list."),
    });
  });
  return [...new Set(found)];
}

function describe(tool: string, manifest: Manifest, isChanged: boolean): string {
  const what = `${tool} ${manifest.tools[tool]?.version}`;
  const already = isChanged ? "" : " already";
  return isHeld(manifest, tool)
    ? `${what}: held${already}; update leaves it until unhold ${tool}`
    : `${what}: not held${isChanged ? " any more; update installs a newer version" : ""}`;
}
