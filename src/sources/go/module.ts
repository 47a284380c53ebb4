import { join } from "node:path";
import { formatDigest } from "../../core/digest.ts";
import { UserError } from "../../core/errors.ts";
import type { GoModuleArtifact } from "../../core/recipe.ts";
import { readPieces } from "../../io/disk.ts";
import { entriesIn } from "../../io/entries.ts";
import { isThere } from "../../io/files.ts";
import { makeExecutable } from "../../io/volume/modes.ts";
import type { Download, DownloadRequest } from "../../net/download.ts";
import { isNetwork, isNotFound } from "../../net/errors.ts";
import type { GoConfig } from "../../net/go-config.ts";
import type { Http } from "../../net/http.ts";
import type { StageContext, Staged } from "../context.ts";
import type { SourceKind } from "../kind.ts";
import { stageOneArchive } from "../one-archive.ts";

/**
 * A module's zip from the configured Go proxy, used as an archive. It has no modes, so executables
 * are recognized by their first bytes in the directories where Go keeps programs.
 */
async function stageGoModule(artifact: GoModuleArtifact, context: StageContext): Promise<Staged> {
  const { module, version } = artifact;
  const complete = (tree: string): void => {
    for (const dir of ["bin", "pkg/tool"]) markPrograms(join(tree, dir));
  };
  const zip = { ...artifact, from: `${module}@${version}`, format: "zip", complete } as const;
  const unmarked = { ...context, written: new Map() }; // modes are changed after this
  return await stageOneArchive(zip, unmarked, async (request) =>
    downloadModule(artifact, request, context.http, await context.toolchains.goConfig()),
  );
}

/** Downloads a module's zip from the first proxy that has it, and verifies it. */
async function downloadModule(
  { module, version, digest, size }: GoModuleArtifact,
  request: Pick<DownloadRequest, "file" | "signal" | "hasAlternative" | "onProgress">,
  http: Http,
  { proxies, headersFor }: Pick<GoConfig, "proxies" | "headersFor">,
): Promise<Download> {
  const path = `${escapePath(module)}/@v/${escapePath(version)}.zip`;
  for (const [i, proxy] of proxies.entries()) {
    const url = proxy.url + path;
    try {
      return await http.download({ ...request, url, headers: headersFor(url), digest, size });
    } catch (error) {
      const mayGoOn = isNotFound(error) || (proxy.fallsThrough && isNetwork(error));
      if (!mayGoOn || i === proxies.length - 1) throw error;
    }
  }
  throw new UserError("E_NO_REGISTRY", "no Go module proxy is configured here", {
    hint: "Set GOPROXY to its URL, or use a source with a url.",
  });
}

/** Go's escaping for case-insensitive file systems and servers: `A` becomes `!a`. */
function escapePath(path: string): string {
  return path.replace(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`);
}

function markPrograms(dir: string): void {
  if (!isThere(dir)) return;
  for (const { path, stats } of entriesIn(dir)) {
    if (stats.isDirectory()) markPrograms(path);
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
        await downloadModule(artifact, { file, signal }, http, await goConfig());
      },
    },
  ],
};
