import { join } from "node:path";
import { layout } from "../../core/layout.ts";
import { lstatIfExists, writeAtomically } from "../files.ts";
import { readPlain } from "../input.ts";
import { umaskFor } from "./modes.ts";
import { openDirectory } from "./volume.ts";

/** Far more than the script (bytes). */
const maxScript = 64 * 1024;
/** If the volume has no command any more, every skill is allowed: a policy that fails blocks all. */
const text = `#!/bin/sh
# Written by openclaw-install-skill-deps, for security.installPolicy.exec.command in openclaw.json: OpenClaw
# accepts no link there, and the path of the command itself changes with its version.
volume=\${0%/etc/*}
command=$volume/bin/openclaw-install-skill-deps
if [ -x "$command" ]; then exec "$command" policy --prefix="$volume" "$@"; fi
printf '%s\\n' '{"protocolVersion":1,"decision":"allow","findings":[{"ruleId":"skill-deps/not-checked","severity":"warn","message":"the volume has no openclaw-install-skill-deps, so nothing was checked"}]}'
`;

/** Writes the program that OpenClaw starts as its install policy into the volume; `gid`: of new files. */
export async function writePolicyProgram(prefix: string, gid: number): Promise<void> {
  const path = join(prefix, layout.policyProgram);
  const found = await lstatIfExists(path);
  // OpenClaw refuses a program that others can write.
  const mode = 0o777 & ~umaskFor(prefix, gid);
  if (found && (found.mode & 0o777) === mode && (await isPolicyProgramOurs(prefix))) return;
  await openDirectory(prefix, "etc");
  await writeAtomically(path, text, { mode: 0o777 });
}

/** False if it differs from what we write: the gateway runs it. */
export async function isPolicyProgramOurs(prefix: string): Promise<boolean> {
  const path = join(prefix, layout.policyProgram);
  if ((await lstatIfExists(path)) === undefined) return true;
  return readPlain(path, maxScript) === text;
}
