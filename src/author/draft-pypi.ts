import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { parsePypiLock } from "../core/locks/pypi-lock.ts";
import { normalName, parseWheelName } from "../core/locks/wheel-tags.ts";
import { isAtLeast } from "../core/platform.ts";
import type { LockedWheel } from "../core/recipe.ts";
import { splitPackage } from "../core/recipes/rules.ts";
import type { PipConfig } from "../net/pip-config.ts";
import { downloadWheel, listFiles } from "../sources/python/index.ts";
import { openWheel } from "../sources/python/wheel.ts";
import { chooseBins, type DraftWish, plainVersion, toolName } from "./draft.ts";
import type { DraftContext } from "./draft-context.ts";
import { lockPypi } from "./lock-pypi.ts";
import { type Draft, describeTool, versionTest } from "./recipe-text.ts";
import { workDirIn } from "./release-program.ts";

/** The draft of a recipe from NAME or NAME@VERSION of the configured Python index. */
export async function draftFromPypi(
  spec: string,
  wish: DraftWish,
  context: DraftContext,
): Promise<Draft> {
  const { name: written, version: wanted } = splitPackage(spec);
  const name = normalName(written);
  const tool = toolName(wish, name, spec);
  const pip = await context.pip();
  const version = plainVersion(wanted || (await newest(name, pip, context)), spec);
  const text = await lockPypi(`${name}@${version}`, context);
  const parsed = parsePypiLock(text, `${tool}.pypi.lock.json`);
  const wheel = parsed.ok ? parsed.held.find((each) => each.name === name) : undefined;
  if (!wheel) throw new UserError("E_NO_WHEEL", `${name}@${version} is not available as wheels`);
  const about = await readWheel(wheel, pip, context);
  const bins = chooseBins(about.scripts, wish.bins, spec);
  const lock = `${tool}.pypi.lock.json`;
  return {
    document: {
      name: tool,
      ...describeTool(about),
      version,
      provenance:
        "sha256 of every wheel as the Python index gives it; all wheels fetched and checked once",
      bins,
      test: versionTest(bins),
      needs: ["python3"],
      artifacts: { any: { pypi: `${name}@${version}`, lock } },
    },
    locks: { [lock]: text },
  };
}

/** The newest version that has a wheel and is not a pre-release. */
async function newest(name: string, pip: PipConfig, { http }: DraftContext): Promise<string> {
  const files = (await listFiles(name, { http, pip })).filter(({ isYanked }) => !isYanked);
  const versions = files.flatMap((file) => parseWheelName(file.name)?.version ?? []);
  const numbers = versions.filter((version) => /^\d+(\.\d+)*$/.test(version));
  const best = numbers.reduce((a, b) => (isAtLeast(a || "0", b) ? a : b), "");
  if (best !== "") return best;
  throw new UserError("E_NO_WHEEL", `the Python index has no wheel of ${name}`);
}

/** A wheel's metadata, read from the wheel itself. */
async function readWheel(wheel: LockedWheel, pip: PipConfig, context: DraftContext) {
  const dir = await workDirIn(context.dir, "wheel");
  const file = join(dir, "download");
  await downloadWheel({ http: context.http, pip, wheel, file });
  const { metadata, entryPoints, scripts } = await openWheel(
    wheel,
    file,
    join(dir, "wheel"),
    context.signal,
  );
  const head = metadataHead(metadata);
  const field = (name: string) => metadataField(head, name);
  const homes = [...head.matchAll(/^Project-URL:\s*([^,]+?)\s*,\s*(\S+)\s*$/gim)];
  const home =
    homes.find(([, label = ""]) => /home ?page/i.test(label)) ??
    homes.find(([, label = ""]) => /repository|source|github|code/i.test(label));
  return {
    description: field("Summary"),
    homepage: home?.[2] ?? field("Home-page"),
    license: field("License-Expression") ?? field("License"),
    scripts: Object.fromEntries(
      [...entryPoints.keys(), ...scripts].map((one) => [one, `bin/${one}`]),
    ),
  };
}

/** A Python package's metadata without the description at its end. */
export function metadataHead(metadata: string): string {
  return metadata.split(/\r?\n\r?\n/)[0] ?? "";
}

/** A field in the head of a Python package's metadata. */
export function metadataField(head: string, name: string): string | undefined {
  return new RegExp(`^${name}:[ \\t]*(\\S.*?)\\s*$`, "im").exec(head)?.[1];
}
