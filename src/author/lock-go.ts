import { type Digest, sha256Of } from "../core/digest.ts";
import { offlineError, UserError } from "../core/errors.ts";
import { splitPackage } from "../core/recipes/rules.ts";
import type { RecipeSource } from "../core/recipes/schema.ts";
import { readFile } from "../io/disk.ts";
import { type Finished, run } from "../io/exec.ts";
import { textOf } from "../io/files.ts";
import { withTemporaryDirectory } from "../io/temporary.ts";
import type { StageContext } from "../sources/context.ts";
import { goSaid, openBuild, parseDownload } from "../sources/go/build.ts";
import type { Toolchains } from "../sources/toolchains.ts";
import type { DraftContext } from "./draft-context.ts";
import { ownProgram, ownVariables } from "./own-programs.ts";

/** Runs go with these arguments. */
export type AskGo = (args: readonly string[]) => Promise<Finished>;

/**
 * The source of a recipe for PATH@VERSION, a package of some module: go fetches it from the proxy
 * and verifies it with the checksum database. `latest` is a version, and the default.
 */
export async function goSource(
  spec: string,
  ask: AskGo,
  candidates: ReturnType<typeof goModules> = goModules(splitPackage(spec).name),
): Promise<RecipeSource> {
  const { version } = splitPackage(spec);
  let why: string | undefined;
  for (const { module, directory } of candidates) {
    const args = ["mod", "download", "-json", `${module}@${version || "latest"}`];
    const { stdout, stderr } = await ask(args);
    const found = parseDownload(stdout);
    if (found.Sum !== undefined && found.Version !== undefined) {
      const toolchain = goLine(await textOf(found.GoMod ?? ""));
      return {
        go: `${module}@${found.Version}`,
        ...(directory === "." ? {} : { package: directory }),
        sum: found.Sum,
        ...(toolchain === undefined ? {} : { toolchain }),
      };
    }
    why ??= found.Error ?? stderr.trim();
  }
  throw new UserError(
    "E_GO_MODULE",
    `${spec} cannot be fetched: ${goSaid(why ?? "it is not a module")}`,
  );
}

type Author = Pick<DraftContext, "env" | "signal">;

/** The same, resolved by a Go of the machine, the volume or this run. */
export async function resolveGo(
  spec: string,
  context: Pick<StageContext, "dir" | "platform" | "signal">,
  toolchains: Toolchains,
): Promise<RecipeSource> {
  if (toolchains.offline) throw offlineError(spec);
  const build = await openBuild(spec, context, toolchains, await toolchains.toolchain("1"));
  return await goSource(spec, (args) => build.go(args, 5 * 60_000));
}

/** The checksum of MODULE@VERSION, from the author's own go. */
export async function lockGoModule(module: string, author: Author): Promise<string> {
  const itself = [{ module: splitPackage(module).name, directory: "." }];
  return (await withOwnGo(author, (ask) => goSource(module, ask, itself))).sum ?? "";
}

/** The digest of the zip of MODULE@VERSION, which go verifies with the checksum database. */
export async function hashGoModule(
  module: string,
  author: Author,
): Promise<{ readonly sha256: Digest; readonly size: number }> {
  return await withOwnGo(author, async (ask) => {
    const { stdout, stderr } = await ask(["mod", "download", "-json", module]);
    const { Zip, Error: why } = parseDownload(stdout);
    if (Zip !== undefined) {
      const bytes = await readFile(Zip);
      return { sha256: sha256Of(bytes), size: bytes.length };
    }
    throw new UserError(
      "E_GO_MODULE",
      `${module} cannot be fetched: ${goSaid(why ?? stderr.trim())}`,
    );
  });
}

/** Runs `work` with the author's own go, in a module cache that is removed afterwards. */
export async function withOwnGo<T>(
  { env, signal }: Author,
  work: (ask: AskGo) => Promise<T>,
): Promise<T> {
  const go = ownProgram("go", env);
  if (go === undefined) {
    const message = "go, which fetches a module's checksum, is not on PATH";
    throw new UserError("E_AUTHOR_PROGRAM", message);
  }
  return await withTemporaryDirectory("go-sum", async (dir) => {
    const own = { GOMODCACHE: dir, GOFLAGS: "-modcacherw", GOWORK: "off" };
    const rest = { env: { ...ownVariables(env), ...own }, cwd: dir, timeout: 5 * 60_000, signal };
    return await work((args) => run({ argv: [go, ...args], ...rest }));
  });
}

/** The modules that may hold a package of Go, longest path first. */
export function goModules(path: string): { readonly module: string; readonly directory: string }[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, i) => {
    const at = parts.length - i;
    return {
      module: parts.slice(0, at).join("/"),
      directory: parts.slice(at).join("/") || ".",
    };
  });
}

/** The `go` line of a go.mod: the smallest Go that builds the module. */
export function goLine(text: string): string | undefined {
  return /^go\s+(1\.\d+(?:\.\d+)?)\b/m.exec(text)?.[1];
}
