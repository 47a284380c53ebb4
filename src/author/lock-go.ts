import { UserError } from "../core/errors.ts";
import { goLine } from "../core/locks/go-path.ts";
import { rm } from "../io/disk.ts";
import { run } from "../io/exec.ts";
import { orNothing, textOf } from "../io/files.ts";
import { temporaryDirectory } from "../io/temporary.ts";
import { findOnPath } from "../io/volume/bins.ts";

interface Answer {
  readonly Version?: string;
  readonly Sum?: string;
  /** The file of its go.mod. */
  readonly GoMod?: string;
  readonly Error?: string;
}

/** What a proxy says of a module, as the author's own go has verified it. */
export interface LockedModule {
  readonly version: string;
  /** `h1:…` */
  readonly sum: string;
  /** Smallest Go that builds it. */
  readonly toolchain?: string;
}

/**
 * The version and checksum of a module, as the author's own go has it from the proxy and verified it
 * with the checksum database.
 *
 * @param module MODULE@VERSION; `latest` is a version
 */
export async function lockGoModule(
  module: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<LockedModule> {
  const go = findOnPath(["go"], env.PATH ?? "", "/nonexistent").get("go");
  if (go === undefined) {
    throw new UserError(
      "E_AUTHOR_PROGRAM",
      "go, which asks for a module's checksum, is not on PATH",
    );
  }
  const dir = temporaryDirectory("go-sum");
  try {
    const given = Object.entries(env).flatMap(([name, value]) => (value ? [[name, value]] : []));
    const { stdout, stderr } = await run({
      argv: [go, "mod", "download", "-json", module],
      env: { ...Object.fromEntries(given), GOMODCACHE: dir, GOFLAGS: "-modcacherw", GOWORK: "off" },
      cwd: dir,
      timeout: 5 * 60_000,
    });
    const found: Answer = orNothing(() => JSON.parse(stdout)) ?? {};
    if (found.Sum !== undefined && found.Version !== undefined) {
      const toolchain = goLine(await textOf(found.GoMod ?? ""));
      const { Sum: sum, Version: version } = found;
      return { version, sum, ...(toolchain === undefined ? {} : { toolchain }) };
    }
    throw new UserError(
      "E_GO_MODULE",
      `${module} cannot be fetched: ${found.Error ?? stderr.trim()}`,
    );
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
