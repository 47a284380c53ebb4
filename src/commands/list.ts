import { exitStatus } from "../core/errors.ts";
import { emptyManifest } from "../core/manifest.ts";
import { platformId } from "../core/platform.ts";
import { readManifest } from "../io/manifest-file.ts";
import { renderTable } from "../report/text.ts";
import type { Place } from "../run/place.ts";
import { survey } from "../run/survey.ts";
import { resolvePrefix } from "../run/survey-volume.ts";

/** `list`: what the volume holds. */
export async function list(place: Place): Promise<number> {
  const prefix = await resolvePrefix(place);
  const manifest = (await readManifest(prefix)) ?? emptyManifest(platformId(place.machine));
  const tools = Object.values(manifest.tools);
  if (place.options.json !== false) {
    const document = { schema: 1, prefix, platform: manifest.platform, tools };
    place.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    return exitStatus.done;
  }
  const rows = tools.map(({ tool, version, bins, source }) => [
    tool,
    version,
    Object.keys(bins).join(" "),
    source.from,
  ]);
  const text = renderTable([["TOOL", "VERSION", "PROGRAMS", "FROM"], ...rows]);
  place.stdout.write(rows.length > 0 ? `${text}\n` : `${prefix} holds nothing yet\n`);
  return exitStatus.done;
}

/** `outdated`: installed tools of which the catalogue has a newer version. */
export async function outdated(place: Place): Promise<number> {
  const seen = await survey(place);
  const tools = seen.plan.steps.flatMap((step) =>
    step.action === "keep" && step.newer !== undefined
      ? [{ tool: step.tool, installed: step.version, newer: step.newer }]
      : [],
  );
  if (place.options.json !== false) {
    place.stdout.write(`${JSON.stringify({ schema: 1, tools }, null, 2)}\n`);
    return exitStatus.done;
  }
  const rows = tools.map(({ tool, installed, newer }) => [tool, installed, newer]);
  const text = renderTable([["TOOL", "INSTALLED", "CATALOGUE"], ...rows]);
  place.stdout.write(rows.length > 0 ? `${text}\n` : "nothing is outdated\n");
  return exitStatus.done;
}
