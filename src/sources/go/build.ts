import { join } from "node:path";
import { offlineError, UserError } from "../../core/errors.ts";
import type { Platform } from "../../core/platform.ts";
import type { GoBuildArtifact } from "../../core/recipe.ts";
import { shortageSaid } from "../../core/system-error.ts";
import { mkdir } from "../../io/disk.ts";
import { entriesBelow } from "../../io/entries.ts";
import { type Finished, run } from "../../io/exec.ts";
import { isThere, orNothing, withContext } from "../../io/files.ts";
import type { StageContext, Staged } from "../context.ts";
import type { SourceKind } from "../kind.ts";
import { bareEnv, type Toolchain, type Toolchains } from "../toolchains.ts";
import { checkPrograms, makeTree, onlyProgram } from "../tree.ts";

/** A large program takes two to five minutes on two idle cores, and a multiple of it on busy ones. */
const buildTimeout = 60 * 60_000;
const downloadTimeout = 10 * 60_000;

/**
 * A program built from a pinned module:
 *
 * 1. go fetches the module from the configured proxy, verified by the checksum database, and its
 * checksum is compared with the recipe's;
 * 2. go builds it inside the module itself, whose own go.sum, covered by that checksum, pins every
 * other module; no version control, C compiler or foreign code is run;
 * 3. only the program is kept; other build output stays in staging and is removed with it.
 */
async function stageGoBuild(artifact: GoBuildArtifact, context: StageContext): Promise<Staged> {
  const { toolchains } = context;
  const { kind, module, version, sum } = artifact;
  if (toolchains.offline) throw offlineError(`${module}@${version}`);
  const tree = await makeTree(context.dir, ["bin"]);
  context.onPhase?.("download");
  const toolchain = await toolchains.toolchain(artifact.toolchain);
  const build = await openBuild(module, context, toolchains, toolchain);
  const source = await fetchModule(artifact, build);
  context.onPhase?.("build");
  const program = join(tree, onlyProgram(context.bins));
  const flags = ["-mod=readonly", "-ldflags=-s -w", "-o", program];
  const target = artifact.package === "." ? "." : `./${artifact.package}`;
  const finished = await build.go(["build", "-C", source, ...flags, target], buildTimeout);
  if (finished.status !== 0) throw goError(artifact, "be built", finished);
  await checkPrograms(tree, context.bins, true);
  const size = await build.fetched();
  return { tree, source: { kind, from: `${module}@${version}`, digest: sum, size } };
}

export interface Build {
  readonly go: (args: readonly string[], timeout: number) => Promise<Finished>;
  /** Bytes of module zips that this build has fetched. */
  readonly fetched: () => Promise<number>;
}

/** A go command that sees only the machine's proxies, with its own directories. */
export async function openBuild(
  what: string,
  { dir, platform, signal }: Pick<StageContext, "dir" | "platform" | "signal">,
  toolchains: Toolchains,
  { go, shared }: Toolchain,
): Promise<Build> {
  const home = join(dir, "home");
  await withContext("create", home, mkdir(home));
  const cache = join(shared, "modules");
  const env = await goEnv(platform, home, shared, toolchains);
  const before = await zipBytes(cache);
  return {
    async go(args, timeout) {
      const argv = [go, ...args] as const;
      return await run({ argv, env, cwd: home, timeout, signal }, (cause) => {
        const message = `${go} does not start here, and ${what} is built with it`;
        const hint = "The mount may not allow programs to run.";
        return new UserError("E_DOES_NOT_RUN", message, { cause, hint });
      });
    },
    fetched: async () => (await zipBytes(cache)) - before,
  };
}

/** go's environment: nothing of the machine's but proxies and network settings. */
async function goEnv(
  { arch }: Platform,
  home: string,
  shared: string,
  { goConfig, networkEnv }: Toolchains,
): Promise<Record<string, string>> {
  const { settings, netrc } = await goConfig();
  return {
    ...networkEnv,
    ...settings,
    ...bareEnv(home),
    NETRC: netrc,
    GOENV: "off",
    GOTOOLCHAIN: "local",
    GOTELEMETRY: "off",
    GOWORK: "off",
    GOVCS: "*:off",
    GOFLAGS: "-trimpath -modcacherw -buildvcs=false",
    GOPATH: join(home, "go"),
    GOMODCACHE: join(shared, "modules"),
    GOCACHE: join(shared, "objects"),
    GOOS: "linux",
    GOARCH: arch === "x64" ? "amd64" : "arm64",
    CGO_ENABLED: "0",
  };
}

/** The directory of the module, after its checksum was compared with the recipe's. */
async function fetchModule(artifact: GoBuildArtifact, build: Build): Promise<string> {
  const { module, version } = artifact;
  const args = ["mod", "download", "-json", `${module}@${version}`];
  const finished = await build.go(args, downloadTimeout);
  const found = parseDownload(finished.stdout);
  if (finished.status !== 0 || found.Dir === undefined) {
    throw goError(artifact, "be fetched", { ...finished, stderr: found.Error ?? finished.stderr });
  }
  compareSum(artifact, found.Sum);
  return found.Dir;
}

function compareSum({ module, version, sum }: GoBuildArtifact, found: string | undefined): void {
  if (found === sum) return;
  const message = `${module}@${version}: expected ${sum}, got ${found}`;
  throw new UserError("E_DIGEST_MISMATCH", message, {
    hint: "Nothing was built from it. Either the recipe is wrong, or the proxy serves another module.",
  });
}

/** go's words for what it could not read of a proxy. */
export function goSaid(text: string): string {
  return text.replaceAll(/invalid character '<'[^\n|]*/g, "it responded with a web page");
}

/** What `go mod download -json` says of a module: paths, its checksum, or why it has none. */
export interface DownloadedModule {
  readonly Version?: string;
  readonly Sum?: string;
  readonly Dir?: string;
  readonly GoMod?: string;
  readonly Zip?: string;
  readonly Error?: string;
}

export function parseDownload(text: string): DownloadedModule {
  return orNothing(() => JSON.parse(text)) ?? {};
}

function goError(
  { module, version }: GoBuildArtifact,
  what: string,
  finished: Finished,
): UserError {
  const lines = finished.stderr.split("\n").filter((line) => !/^go: downloading|^\s*$/.test(line));
  const ended = finished.timedOut ? "it timed out" : `exit status ${finished.status}`;
  const said = goSaid(lines.slice(0, 4).join(" | ")) || ended;
  const message = `${module}@${version} cannot ${what}: ${said}`;
  if (/checksum mismatch|SECURITY ERROR/.test(said)) {
    return new UserError("E_DIGEST_MISMATCH", message, {
      hint: "The proxy serves another module.",
    });
  }
  if (/requires go >=|\.go:\d+:\d+:|directory not found|no Go files/.test(said)) {
    return new UserError("E_RECIPE_GO", message);
  }
  if (/no space left|disk quota/.test(said)) {
    return new UserError("E_DISK_FULL", message, {
      hint: "Building temporarily needs up to 1.5 GB.",
    });
  }
  return (
    shortageSaid(`${module}@${version} cannot ${what}`, finished.stderr) ??
    new UserError("E_GO_MODULE", message)
  );
}

async function zipBytes(dir: string): Promise<number> {
  const downloads = join(dir, "cache/download");
  const entries = isThere(downloads) ? entriesBelow(downloads) : [];
  const zips = entries.filter(({ name, stats }) => stats.isFile() && name.endsWith(".zip"));
  return zips.reduce((sum, { stats }) => sum + stats.size, 0);
}

export const goBuild: SourceKind<GoBuildArtifact> = {
  stage: stageGoBuild,
  pinnedBy: (artifact) => [
    {
      id: `go ${artifact.module} ${artifact.version} ${artifact.sum}`,
      async fetch(_file, { goSum }) {
        compareSum(artifact, await goSum(`${artifact.module}@${artifact.version}`));
      },
    },
  ],
};
