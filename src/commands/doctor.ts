import { exitStatus } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import { strangersInBin } from "../io/inspect.ts";
import { checkLoginShell, isProfileOurs } from "../io/login-shell.ts";
import { withHint } from "../report/text.ts";
import type { Place } from "../run/place.ts";
import { resolvePrefix, surveyVolume, type VolumeSurvey } from "../run/survey-volume.ts";
import { install } from "./install.ts";
import { readLastRun } from "./settle.ts";

/** One thing that is not as it should be. */
interface Finding {
  readonly tool?: string;
  readonly message: string;
  readonly hint: string;
}

/**
 * `doctor`: looks at every installed program and at the login shell, and shows the last run. `--deep`
 * reads every byte of every tree. `--repair` then installs or links again what is not as published,
 * and rebuilds a manifest that cannot be used.
 */
export async function doctor(place: Place): Promise<number> {
  const { options } = place;
  const prefix = await resolvePrefix(place);
  const volume = await surveyVolume(prefix, place.machine, place);
  const findings = await examine(prefix, volume, place);
  await report(prefix, volume, findings, place);
  const broken = findings.flatMap(({ tool }) => tool ?? []);
  if (broken.length === 0 && !volume.brokenManifest) return exitStatus.done;
  if (options.repair) return install({ ...place, options: { ...options, names: broken } });
  return exitStatus.integrity;
}

async function examine(
  prefix: string,
  { manifest, inspection }: VolumeSurvey,
  place: Place,
): Promise<Finding[]> {
  const mend = "openclaw-install-skill-deps doctor --repair mends it.";
  const findings: Finding[] = [];
  for (const [tool, damage] of inspection.damaged) {
    findings.push({ tool, message: `${manifest.tools[tool]?.dir}: ${damage}`, hint: mend });
  }
  for (const tool of inspection.unlinked) {
    const bins = Object.keys(manifest.tools[tool]?.bins ?? {});
    const message = `${bins.map((bin) => `bin/${bin}`).join(", ")}: not our link or launcher`;
    findings.push({ tool, message, hint: mend });
  }
  for (const name of await strangersInBin(prefix, manifest)) {
    const message = `bin/${name} was not put there by this command`;
    findings.push({ message, hint: "Remove it, unless it is yours." });
  }
  if (!(await isProfileOurs(prefix, place.packageDir))) {
    const message = `${layout.profile} was not put there by this version of the command`;
    findings.push({
      message,
      hint: "The next run of openclaw-install-skill-deps install mends it.",
    });
  }
  const names = Object.values(manifest.tools).flatMap(({ bins }) => Object.keys(bins));
  if ((await checkLoginShell(prefix, names, place.env)).missing.length > 0) {
    const message = `login shells do not find ${prefix}/bin`;
    findings.push({ message, hint: 'See README.md, "PATH".' });
  }
  return findings;
}

async function report(
  prefix: string,
  { manifest }: VolumeSurvey,
  findings: readonly Finding[],
  { options, stdout }: Place,
): Promise<void> {
  const tools = Object.keys(manifest.tools);
  const lastRun = await readLastRun(prefix);
  if (options.json !== false) {
    if (options.repair) return; // the repair's own document follows
    const document = { schema: 1, prefix, tools, findings, lastRun };
    stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    return;
  }
  const depth = options.deep ? "every byte was read" : "--deep reads every byte";
  stdout.write(`${prefix}: ${tools.length} tools, ${findings.length} findings (${depth})\n`);
  for (const { message, hint } of findings) stdout.write(`${withHint(message, hint)}\n`);
  const said = lastRun === undefined ? "none" : JSON.stringify(lastRun, null, 2);
  stdout.write(`last run that changed or warned of something: ${said}\n`);
}
