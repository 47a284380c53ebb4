import { join } from "node:path";
import { formatDigest } from "../../core/digest.ts";
import { UserError } from "../../core/errors.ts";
import type { GoModuleArtifact } from "../../core/recipe.ts";
import { readPieces, rm } from "../../io/disk.ts";
import { entriesIn } from "../../io/entries.ts";
import { isThere } from "../../io/files.ts";
import { makeExecutable } from "../../io/volume/modes.ts";
import { isNetwork, isNotFound } from "../../net/errors.ts";
import type { GoConfig } from "../../net/go-config.ts";
import type { Download } from "../../net/http.ts";
import { extract, limitsFor } from "../../unpack/extract.ts";
import { type StageContext, type Staged, toolchainsOf } from "../context.ts";
import type { SourceKind } from "../kind.ts";
import { checkPrograms, makeTree } from "../tree.ts";

/**
 * A module's zip from the machine's Go proxy, used as an archive. It holds no modes, so that what is
 * a program by its first bytes becomes executable where Go keeps its programs.
 */
async function stageGoModule(artifact: GoModuleArtifact, context: StageContext): Promise<Staged> {
  const { module, version, strip, kind, digest } = artifact;
  const file = join(context.dir, "download");
  context.onPhase?.("download");
  const { size } = await downloadModule(
    artifact,
    file,
    context,
    await toolchainsOf(context).goConfig(),
  );
  context.onPhase?.("unpack");
  const tree = await makeTree(context.dir);
  const { signal } = context;
  await extract({ file, format: "zip", into: tree, strip, limits: limitsFor(size), signal });
  await rm(file, { force: true });
  for (const dir of ["bin", "pkg/tool"]) await markPrograms(join(tree, dir));
  await checkPrograms(tree, context.bins, true);
  const source = { kind, from: `${module}@${version}`, digest: formatDigest(digest), size };
  return { tree, source };
}

/** Brings a module's zip from the first of the proxies that has it, and verifies it. */
async function downloadModule(
  artifact: GoModuleArtifact,
  file: string,
  context: Pick<StageContext, "http"> & Partial<StageContext>,
  { proxies, headersFor }: Pick<GoConfig, "proxies" | "headersFor">,
): Promise<Download> {
  const { module, version, digest, size } = artifact;
  const { http, hasAlternative = false, onProgress, signal } = context;
  const path = `${escapePath(module)}/@v/${escapePath(version)}.zip`;
  const more = {
    ...(size === undefined ? {} : { size }),
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  };
  for (const [i, proxy] of proxies.entries()) {
    const url = proxy.url + path;
    try {
      const headers = headersFor(url);
      return await http.download({
        url,
        headers,
        file,
        digest,
        hasAlternative,
        ...more,
      });
    } catch (error) {
      const mayGoOn = isNotFound(error) || (proxy.fallsThrough && isNetwork(error));
      if (!mayGoOn || i === proxies.length - 1) throw error;
    }
  }
  throw new UserError("E_NO_REGISTRY", "no Go module proxy is configured here", {
    hint: "Set GOPROXY to its address, or use a source with a url.",
  });
}

/** Go's escaping: on file systems and servers that know no case, `A` is `!a`. */
function escapePath(path: string): string {
  return path.replace(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`);
}

async function markPrograms(dir: string): Promise<void> {
  if (!isThere(dir)) return;
  for (const { path, stats } of entriesIn(dir)) {
    if (stats.isDirectory()) await markPrograms(path);
    else if (stats.isFile() && isElf(path)) makeExecutable(path);
  }
}

function isElf(path: string): boolean {
  return readPieces(path, (read) => read(0, 4)).toString("latin1") === "\x7fELF";
}

export const goModule: SourceKind<GoModuleArtifact> = {
  stage: stageGoModule,
  pinnedBy: (artifact) => [
    {
      id: `go ${artifact.module} ${artifact.version} ${formatDigest(artifact.digest)}`,
      async fetch(file, { http, goConfig, signal }) {
        await downloadModule(artifact, file, { http, signal }, await goConfig());
      },
    },
  ],
};
