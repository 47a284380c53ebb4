import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { findOnPath } from "../io/bins.ts";
import { run } from "../io/exec.ts";

/**
 * The checksum (`h1:…`) of a module, as the author's own go has it from the proxy and verified it
 * with the checksum database.
 *
 * @param module MODULE@VERSION
 */
export async function authorGoSum(
  module: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const go = (await findOnPath(["go"], env.PATH ?? "", "/nonexistent")).get("go");
  if (go === undefined) {
    throw new UserError("config", "go, which asks for a module's checksum, is not on PATH", {
      hint: "Install it for the author's machine. Installing programs needs none.",
    });
  }
  const dir = await mkdtemp(join(tmpdir(), "go-sum-"));
  try {
    const given = Object.entries(env).flatMap(([name, value]) => (value ? [[name, value]] : []));
    const { stdout, stderr } = await run({
      argv: [go, "mod", "download", "-json", module],
      env: { ...Object.fromEntries(given), GOMODCACHE: dir, GOFLAGS: "-modcacherw", GOWORK: "off" },
      cwd: dir,
      timeout: 5 * 60_000,
    });
    const found = (stdout === "" ? {} : JSON.parse(stdout)) as { Sum?: string; Error?: string };
    if (found.Sum !== undefined) return found.Sum;
    throw new UserError("network", `${module} cannot be had: ${found.Error ?? stderr.trim()}`, {
      hint: "See `go env GOPROXY GOSUMDB`.",
    });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
