/**
 * Before the tests: a directory for all that they write, and the code cache that an image's build makes,
 * with which every command that they start begins.
 */
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { archive, program } from "./archives.ts";
import { sharedVariable } from "./shared.ts";
import { openWorkplace } from "./workplace.ts";

const prefix = "skill-deps-tests-";

export default async function setup(): Promise<() => void> {
  removeAbandoned();
  const dir = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
  chmodSync(dir, 0o1777); // as /tmp is: tests start programs as other users
  // Where the run is interrupted, tests may still write for a moment.
  const remove = (): void => rmSync(dir, { recursive: true, force: true, maxRetries: 20 });
  process.once("exit", remove);
  process.env.TMPDIR = dir;
  process.env[sharedVariable] = mkdtempSync(join(dir, "shared-"));
  chmodSync(process.env[sharedVariable], 0o755);
  await writeCodeCache();
  return remove;
}

/** What runs have left that were killed. */
function removeAbandoned(): void {
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = new RegExp(`^${prefix}(\\d+)-`).exec(name) ?? [];
    if (pid === undefined || isAlive(Number(pid))) continue;
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function writeCodeCache(): Promise<void> {
  const place = await openWorkplace();
  try {
    const bytes = archive("tar.gz", { "bin/tool": program("1.0.0") });
    place.recipe("tool", { artifacts: { any: place.serve("tool.tar.gz", bytes) } });
    const env = { OPENCLAW_SKILL_DEPS_CODE_CACHE: "write" };
    const { status, stderr } = await place.runWith(env, "tool");
    if (status !== 0) throw new Error(`The built command does not work:\n${stderr}`);
  } finally {
    await place.close();
  }
}
