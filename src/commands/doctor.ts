import { exitStatus, exitStatusFor } from "../core/errors.ts";
import { emptyManifest } from "../core/manifest.ts";
import { platformId } from "../core/platform.ts";
import { findPresent } from "../io/bins.ts";
import { checkLoginShell } from "../io/login-shell.ts";
import { readManifest } from "../io/manifest-file.ts";
import type { Place } from "../run/place.ts";
import { resolvePrefix } from "../run/survey.ts";
import { readLastRun } from "./settle.ts";

/** `doctor`: looks at every installed program and at the login shell, and shows the last run. */
export async function doctor(place: Place): Promise<number> {
  const prefix = await resolvePrefix(place);
  const manifest = (await readManifest(prefix)) ?? emptyManifest(platformId(place.machine));
  const { damaged, unlinked } = await findPresent(prefix, manifest);
  const names = Object.values(manifest.tools).flatMap(({ bins }) => Object.keys(bins));
  const onLoginPath = names.length === 0 || (await checkLoginShell(prefix, names, place.env));
  const lastRun = await readLastRun(prefix);
  const findings = [
    ...[...damaged].map((tool) => `${tool}: its tree is damaged; a run of install mends it`),
    ...[...unlinked].map((tool) => `${tool}: its links in bin/ are wrong; install mends them`),
    ...(onLoginPath ? [] : [`login shells do not find ${prefix}/bin: see README.md, "PATH"`]),
  ];
  if (place.options.json !== false) {
    const document = { schema: 1, prefix, tools: Object.keys(manifest.tools), findings, lastRun };
    place.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  } else {
    const sum = findings.length === 0 ? "all is well" : findings.join("\n");
    place.stdout.write(`${prefix}: ${Object.keys(manifest.tools).length} tools; ${sum}\n`);
    place.stdout.write(`last run that changed something:\n${lastRun ?? "  none"}\n`);
  }
  const broken = damaged.size + unlinked.size > 0;
  return broken ? exitStatusFor(["unmet"], place.options.strict) : exitStatus.done;
}
