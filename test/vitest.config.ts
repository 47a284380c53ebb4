import { readFileSync, statfsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const dir = import.meta.dirname;
const others = ["live", "containers", "openclaw", "reliability"].map((name) => `${name}/**`);
/** They mostly start the built command. */
const commands = ["{docs,e2e,entrypoint}/**/*.test.ts", "no-shell.test.ts"];

/** True where programs can be run from memory, and there are gigabytes of it. */
function isUsable(path: string): boolean {
  const mount = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .find((line) => line.split(" ")[1] === path);
  if (!mount?.includes(" tmpfs ") || mount.includes("noexec")) return false;
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize > 4e9;
}

// A disk's file system takes longer for each file the more were removed in the last seconds: with the
// thousands that tests make and remove, half of the processor time. TMPDIR names a disk all the same.
if (process.env.TMPDIR === undefined && isUsable("/dev/shm")) process.env.TMPDIR = "/dev/shm";

const common = {
  dir,
  expect: { requireAssertions: true },
  // The tests share no state but the modules, which a process then loads once and not for each file.
  isolate: false,
  testTimeout: 60_000,
  hookTimeout: 60_000,
};

/** What `npm test` runs: all that needs neither a network, nor containers, nor a quiet machine. */
export default defineConfig({
  test: {
    globalSetup: `${dir}/support/code-cache.ts`,
    // One more than there are cores: some tests wait.
    maxWorkers: availableParallelism() + 1,
    // Apart, because to start a command costs less the smaller the process is that starts it.
    projects: [
      { test: { ...common, name: "commands", include: commands } },
      {
        test: {
          ...common,
          name: "units",
          include: ["**/*.test.ts"],
          exclude: [...others, ...commands],
        },
      },
    ],
  },
});
