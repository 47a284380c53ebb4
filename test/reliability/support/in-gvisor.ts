/**
 * Runs a command in a new sandbox of gVisor, with this machine's files and network, and a volume
 * (`OPENCLAW_SKILL_PREFIX`) mounted as a container's is.
 *
 *   node in-gvisor.ts COMMAND [ARG…]
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { runsc, runscOptions } from "../../support/runsc.ts";

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

const place = dirname(process.env.OPENCLAW_SKILL_PREFIX ?? "/nonexistent");
const spec = {
  ociVersion: "1.0.0",
  process: {
    user: { uid: 0, gid: 0 },
    args: process.argv.slice(2),
    env: Object.entries(process.env).map(([name, value]) => `${name}=${value}`),
    cwd: process.cwd(),
  },
  root: { path: "/" },
  mounts: [
    { destination: "/proc", type: "proc", source: "proc" },
    { destination: "/dev", type: "tmpfs", source: "tmpfs" },
    {
      destination: place,
      type: "bind",
      source: place,
      options: ["bind", isWritable(place) ? "rw" : "ro"],
    },
  ],
  linux: { namespaces: ["pid", "mount", "ipc", "uts"].map((type) => ({ type })) },
};
const bundle = mkdtempSync(join(tmpdir(), "sandbox-"));
writeFileSync(join(bundle, "config.json"), JSON.stringify(spec));
const options = [...runscOptions, "--network=host", "--overlay2=none"];
const words = [...options, "run", `--bundle=${bundle}`, basename(bundle)];
const { status } = spawnSync(runsc, words, { stdio: "inherit" });
rmSync(bundle, { recursive: true, force: true });
process.exitCode = status ?? 1;
