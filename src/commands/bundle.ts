import { dirname, resolve } from "node:path";
import { type Context, targetPlatform } from "../context.ts";
import { exitStatus, exitStatusFor, type ProblemKind, UserError } from "../core/errors.ts";
import { commandName } from "../core/layout.ts";
import { countTools } from "../core/manifest.ts";
import { type ImportStep, planImport, planOfImport, reasonsOfImport } from "../core/plan/import.ts";
import type { Plan } from "../core/plan/plan.ts";
import { type Platform, platformId } from "../core/platform.ts";
import { nameSome, plural } from "../core/wording.ts";
import { isDirectory, statIfExists, tolerate } from "../io/files.ts";
import { checkLoginShell, writeProfile } from "../io/volume/login-shell.ts";
import { readManifest } from "../io/volume/manifest-file.ts";
import { removeStaleFiles } from "../io/volume/stale-files.ts";
import { writeUvWheels } from "../io/volume/uv-wheels.ts";
import { formatBytes, renderDocument, renderTable } from "../report/text.ts";
import type { Applied } from "../run/apply.ts";
import { exportBundle, type OtherVolume, otherBundle, otherDirectory } from "../run/bundle.ts";
import { loadVolume, resolvePrefix, type VolumeState } from "../run/inputs/volume.ts";
import { missingCatalogues } from "../run/store-catalogue.ts";
import { openForChange } from "../run/uninstall.ts";
import { applyHere } from "./apply.ts";
import { asking } from "./finalize.ts";
import { notifySessions } from "./notify.ts";
import { renderPath } from "./summary.ts";

/** `bundle export FILE | import FILE`: copies a volume to a host without a network. */
export async function bundle(context: Context): Promise<number> {
  const [verb, file, ...rest] = context.options.names;
  if ((verb !== "export" && verb !== "import") || file === undefined || rest.length > 0) {
    throw new UserError(
      "E_USAGE",
      `${["bundle", ...context.options.names].join(" ")}: not understood`,
      {
        hint: "Use bundle export FILE, or bundle import FILE [--sha256 HEX].",
      },
    );
  }
  const prefix = await resolvePrefix(context);
  const platform = targetPlatform(context);
  if (verb === "import") return await importFrom(resolve(file), prefix, platform, context);
  return await exportTo(resolve(file), prefix, context);
}

async function exportTo(file: string, prefix: string, context: Context): Promise<number> {
  const { options, stdout, stderr } = context;
  if (options.sha256 !== undefined) {
    throw new UserError("E_USAGE", "--sha256 is for bundle import", {
      hint: "bundle export prints the digest.",
    });
  }
  const manifest = await readManifest(prefix);
  if (!manifest || Object.keys(manifest.tools).length === 0) {
    throw new UserError("E_VOLUME_EMPTY", `${prefix} has no tools to pack`);
  }
  if (!isDirectory(dirname(file))) {
    throw new UserError("E_INPUT", `${dirname(file)} is not a directory`, {
      hint: "Create it, or choose another file.",
    });
  }
  const tools = Object.values(manifest.tools).map(({ tool, version }) => ({ tool, version }));
  if (options.dryRun) {
    stdout.write(`would pack ${tools.map(({ tool }) => tool).join(", ")} into ${file}\n`);
    return exitStatus.done;
  }
  const { sha256, size } = await exportBundle(prefix, manifest, file, context.signal);
  if (options.json === "document") {
    const { platform } = manifest;
    stdout.write(renderDocument({ prefix, platform, file, sha256, size, tools }));
    return exitStatus.done;
  }
  if (options.json === false)
    stdout.write(`${sha256}  ${file}\n`); // in the format of sha256sum
  else context.reporter.emit({ type: "note", message: `${file} has the sha256 ${sha256}` });
  if (!options.quiet)
    stderr.write(`${plural(countTools(manifest), "tool")}, ${formatBytes(size)}\n`);
  return exitStatus.done;
}

/** The result of an import. */
interface Imported {
  readonly other: OtherVolume;
  readonly steps: readonly ImportStep[];
  readonly applied: Pick<Applied, "installed" | "failures">;
  readonly exitStatus: number;
}

async function importFrom(
  file: string,
  prefix: string,
  platform: Platform,
  context: Context,
): Promise<number> {
  const { options, reporter } = context;
  const volume = await loadVolume(prefix, platform, context);
  const other = await openOther(file, context);
  refusePlatform(other, platform, file);
  const { manifest: own, inspection } = volume;
  const damaged = new Set(inspection.damaged.keys());
  const steps = planImport({ own, damaged, theirs: other.manifest, force: options.force });
  const refusals = steps.filter(({ action }) => action === "refuse");
  for (const { tool, version, why } of refusals) {
    const message = `${tool} ${version} was not imported: ${why}`;
    reporter.emit({ type: "warning", problem: "E_IMPORT_REFUSED", message });
  }
  const isDue =
    steps.some(({ action }) => action === "take") ||
    missingCatalogues(other.catalogues, { prefix, manifest: own }).length > 0;
  const applied =
    isDue && !options.dryRun
      ? await applyImport(planOfImport(steps, platformId(platform)), prefix, volume, other, context)
      : { installed: [], failures: [] };
  const codes = [
    ...applied.failures.map(({ code }) => code),
    ...refusals.map((): ProblemKind => "unmet"),
  ];
  const imported = { other, steps, applied, exitStatus: exitStatusFor(codes, options.strict) };
  await report(imported, file, prefix, context);
  return imported.exitStatus;
}

async function applyImport(
  plan: Plan,
  prefix: string,
  { manifest: own, brokenManifest, inspection }: VolumeState,
  other: OtherVolume,
  context: Context,
): Promise<Applied> {
  await openForChange(prefix);
  const applied = await applyHere(
    plan,
    {
      prefix,
      catalogue: { recipes: new Map(), providers: new Map() },
      seed: other,
      reasonsFor: (installed) => reasonsOfImport(installed, other.manifest, own),
      manifest: own,
      brokenManifest,
      reverified: inspection.reverified,
    },
    context,
  );
  await tolerate(writeProfile(prefix, context.env, context.packageDir));
  const tools = (await readManifest(prefix))?.tools ?? {};
  await tolerate(writeUvWheels(prefix, Object.values(tools)));
  await notifySessions(context);
  await removeStaleFiles(prefix, applied.manifest);
  return applied;
}

function refusePlatform({ manifest }: OtherVolume, platform: Platform, file: string): void {
  if (manifest.platform === platformId(platform)) return;
  const message = `${file} holds programs for ${manifest.platform}; this is ${platformId(platform)}`;
  throw new UserError("E_VOLUME_PLATFORM", message, {
    hint: "Nothing was changed. Export a bundle from a volume for this platform.",
  });
}

async function openOther(file: string, { options, signal }: Context): Promise<Imported["other"]> {
  const stats = await statIfExists(file);
  if (stats?.isFile()) return await otherBundle(file, options.sha256, signal);
  if (!stats?.isDirectory()) {
    const why = stats ? "it is neither a file nor a directory" : "no such file";
    throw new UserError("E_INPUT", `${file}: ${why}`, {
      hint: "Give a file from bundle export, its unpacked directory, or another volume.",
    });
  }
  if (options.sha256 === undefined) return await otherDirectory(file);
  throw new UserError("E_INPUT", `${file} is a directory, which has no sha256`, {
    hint: "Give the bundle's file.",
  });
}

async function report(imported: Imported, file: string, prefix: string, context: Context) {
  const { other, steps, applied } = imported;
  const { options, stdout, stderr } = context;
  if (options.json === "document") {
    stdout.write(renderDocument(importDocument(imported, file, prefix, context)));
    return;
  }
  if (options.dryRun && options.json === false) {
    const rows = steps.map(({ action, tool, version, why }) => [action, tool, version, why]);
    stdout.write(`${renderTable([["ACTION", "TOOL", "VERSION", "WHY"], ...rows])}\n`);
    return;
  }
  context.reporter.finish();
  if (options.quiet) return;
  const bins = applied.installed.flatMap(({ bins }) => Object.keys(bins));
  if (bins.length > 0) {
    const loginShell = await checkLoginShell(prefix, bins, context.env, asking(context));
    stderr.write(renderPath(prefix, loginShell, context.env.PATH));
  }
  if (other.sha256 !== undefined && options.sha256 === undefined)
    stderr.write(`sha256 ${other.sha256}: not verified; pass --sha256\n`);
  stderr.write(`${renderSum(imported, prefix)}\n`);
}

function importDocument(
  { other, steps, applied, exitStatus }: Imported,
  file: string,
  prefix: string,
  { options }: Context,
): object {
  return {
    exitStatus,
    prefix,
    file,
    sha256: other.sha256,
    dryRun: options.dryRun,
    steps: steps.map(({ action, tool, version, why }) => ({ action, tool, version, why })),
    installed: applied.installed.map(({ tool, version, bins }) => {
      return { tool, version, bins: Object.keys(bins) };
    }),
    failed: applied.failures,
  };
}

function renderSum({ steps, applied }: Imported, prefix: string): string {
  const kept = steps.filter((it) => it.action === "keep" && it.tool !== commandName).length;
  const names = applied.failures.map(({ tool }) => tool).sort();
  const failed = names.length > 0 ? `; failed: ${nameSome(names, 20)}` : "";
  return `${applied.installed.length} imported, ${kept} kept; in ${prefix}${failed}`;
}
