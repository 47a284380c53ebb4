import { accessSync, constants, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { UserError } from "../../core/errors.ts";
import { quote } from "../../core/launcher.ts";
import { layout } from "../../core/layout.ts";
import type { Env } from "../../core/platform.ts";
import { run } from "../exec.ts";
import { lstatIfExists, orNothing, writeAtomically } from "../files.ts";
import { readInput, readPlain } from "../input.ts";
import { openDirectory } from "./volume.ts";

/** Far more than the script (bytes). */
const maxScript = 64 * 1024;

const shipped = "openclaw_volume=${OPENCLAW_SKILL_PREFIX:-/opt/openclaw}\n";

/**
 * The login-shell script for a volume: the shipped script, which tries this path first. The path
 * can differ: a gateway may fill a volume that its sandboxes mount at the usual path.
 */
function renderProfile(prefix: string, packageDir: string): string {
  const text = readInput(join(packageDir, "entrypoint", "profile.sh")).toString("utf8");
  if (prefix === "/opt/openclaw") return text;
  return text.replace(
    shipped,
    () => `openclaw_volume=${quote(prefix)}\n[ -d "$openclaw_volume/bin" ] || ${shipped}`,
  );
}

/**
 * Writes the login-shell script into the volume, for containers that bind-mount it, and into
 * /etc/profile.d if that is writable and has none: a script of the image or of another volume
 * stays. `OPENCLAW_SKILL_PROFILE_DIR` replaces /etc/profile.d; empty: none. `checkLoginShell`
 * reports whether a login shell then finds the programs.
 */
export async function writeProfile(prefix: string, env: Env, packageDir: string): Promise<void> {
  const text = renderProfile(prefix, packageDir);
  const own = join(prefix, layout.profile);
  for (const dir of ["etc", dirname(layout.profile)]) {
    await openDirectory(prefix, dir);
  }
  if (readPlain(own, maxScript) !== text) await writeAtomically(own, text);
  const system = env.OPENCLAW_SKILL_PROFILE_DIR ?? "/etc/profile.d";
  const script = join(system, "openclaw-skill-deps.sh");
  if (
    system === "" ||
    !(await lstatIfExists(system))?.isDirectory() ||
    (await lstatIfExists(script))
  )
    return;
  await writeAtomically(script, text, { mode: 0o644 }).catch((error: unknown) => {
    if (!(error instanceof UserError)) throw error; // unprivileged users cannot, and need not
  });
}

/** False if the volume's script differs from what we write: shells of other containers run it. */
export async function isProfileOurs(prefix: string, packageDir: string): Promise<boolean> {
  const own = join(prefix, layout.profile);
  if ((await lstatIfExists(own)) === undefined) return true;
  return readPlain(own, maxScript) === renderProfile(prefix, packageDir);
}

/** How a login shell resolves the volume's programs. */
export interface LoginShell {
  /** Programs that it does not find. */
  readonly missing: readonly string[];
  /**
   * Program to what it finds first instead: a path, or the shell's description of a name of its
   * own.
   */
  readonly shadowed: Readonly<Record<string, string>>;
}

export interface Asking {
  readonly signal?: AbortSignal;
  /** Is given the login shell's PATH, if one was started. */
  readonly sayPath?: (path: string) => void;
  readonly cannotAsk?: (error: UserError) => void;
}

/** Marks our lines among the output of profile scripts. */
const mark = "openclaw-skill-deps:";

/**
 * Whether `sh -lc NAME` starts the volume's programs of these names. A program that the volume
 * lacks, or that is not executable, is left out: PATH is not the reason. If no shell can be started
 * for lack of processes or memory, nothing is known about the programs; `cannotAsk` is called, if
 * given.
 */
export async function checkLoginShell(
  prefix: string,
  names: readonly string[],
  env: Env,
  asking: Asking = {},
): Promise<LoginShell> {
  const own = new Map<string, string>();
  for (const name of [...names].sort()) {
    const path = orNothing(() => programAt(join(prefix, layout.binPath(name))));
    if (path !== undefined) own.set(name, path);
  }
  if (own.size === 0) return { missing: [], shadowed: {} };
  const found = await askShell(prefix, [...own.keys()], env, asking).catch((error: unknown) => {
    if (!(error instanceof UserError) || asking.signal?.aborted || !asking.cannotAsk) throw error;
    asking.cannotAsk(error);
    return own;
  });
  const path = found.get("");
  if (path !== undefined) asking.sayPath?.(path);
  const shadowed: Record<string, string> = {};
  for (const [name, path] of own) {
    const first = found.get(name);
    if (first === undefined || orNothing(() => realpathSync(first)) === path) continue;
    shadowed[name] = first;
  }
  return { missing: [...own.keys()].filter((name) => !found.has(name)), shadowed };
}

/** The real path of a program; throws if there is none. */
function programAt(path: string): string {
  accessSync(path, constants.X_OK);
  return realpathSync(path);
}

/** The output of `command -v` for each name that a login shell knows, and as that of "" its PATH. */
async function askShell(
  prefix: string,
  names: readonly string[],
  env: Env,
  { signal }: Asking,
): Promise<Map<string, string>> {
  const script = `printf '\\n${mark}:%s\\n' "$PATH"; for name do
    found=$(command -v -- "$name" 2>/dev/null) && printf '\\n${mark}%s:%s\\n' "$name" "$found"
  done`;
  const given = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  try {
    const { stdout } = await run({
      argv: ["/bin/sh", "-lc", script, "sh", ...names],
      env: Object.fromEntries(given),
      cwd: prefix,
      timeout: 10_000,
      ...(signal && { signal }),
    });
    const lines = stdout.split("\n").filter((line) => line.startsWith(mark));
    return new Map(
      lines.map((line) => {
        const [name = "", ...found] = line.slice(mark.length).split(":");
        return [name, found.join(":")];
      }),
    );
  } catch (error) {
    if (error instanceof UserError) throw error;
    return new Map();
  }
}
