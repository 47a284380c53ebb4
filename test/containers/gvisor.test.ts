/**
 * Sandboxes under gVisor (runsc, platform systrap): its file system numbers inodes again in each
 * sandbox, and keeps what a sandbox wrote open for writing while it is in its cache. Skipped where
 * there is no runsc; `npm run test:gvisor` builds one first.
 */
import {
  existsSync,
  readFileSync,
  realpathSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { buildRunsc, runsc, runscOptions } from "../support/runsc.ts";
import { openPlace, type Place, type Sandbox, setup } from "./sandbox.ts";

const isToBeBuilt = process.env.BUILD_RUNSC === "1";
/** Without Node of its own, so that what it answers is sh's answer. */
const withoutNode = "OPENCLAW_SKILL_DEPS_NODE=/none";
const hidden = [
  "--volume",
  "/dev/null:/usr/local/lib/openclaw-install-skill-deps/node/bin/node:ro",
];
let place: Place;

beforeAll(() => {
  if (isToBeBuilt) buildRunsc();
}, 900_000);

beforeEach(() => {
  place = openPlace();
  place.skill("syntax", ["ast-grep"]);
});
afterEach(() => place.close());

async function gvisor(
  network: "none" | "host",
  access: "ro" | "rw",
  flags: readonly string[] = [],
): Promise<Sandbox> {
  // podman adds the dashes.
  const options = [...runscOptions, `--network=${network}`].map((option) => option.slice(2));
  const engine = ["--runtime", runsc, ...options.flatMap((option) => ["--runtime-flag", option])];
  return await place.sandbox({ network, access, engine, flags });
}

/** Milliseconds of one command in a sandbox, the least of so many. */
async function time(box: Sandbox, command: string): Promise<number> {
  const loop = `for i in 1 2 3 4 5 6 7 8 9 10; do a=$(date +%s%N); ${command} >/dev/null 2>&1; b=$(date +%s%N); echo $(( (b - a) / 1000 )); done | sort -n | head -n 1`;
  return Number((await box.run(loop)).stdout) / 1000;
}

describe.runIf(isToBeBuilt || existsSync(runsc))("under gVisor", () => {
  test("topology A: a sandbox installs for itself, and every later one finds all of it by sh alone", async () => {
    const first = await gvisor("host", "rw");
    expect((await first.run("dmesg")).stdout).toMatch(/gVisor/i);
    const installed = await first.run(setup);
    expect(installed.stderr).toMatch(/installed;/);
    expect(installed.exitCode).toBe(0);
    expect((await first.run(setup)).stderr).toMatch(/nothing to do/);
    expect((await first.call("ast-grep --version")).stdout).toBe("ast-grep 0.51.1\n");

    for (const access of ["rw", "ro"] as const) {
      const later = await gvisor("none", access, hidden);
      const verified = await later.run(`${withoutNode} ${setup} --strict`);
      expect(verified.stderr).toMatch(/nothing to do/);
      expect(verified.exitCode).toBe(0);
      expect((await later.run("command -v ast-grep")).stdout).toBe("/opt/openclaw/bin/ast-grep\n");
      expect((await later.call("ast-grep --version")).stdout).toBe("ast-grep 0.51.1\n");
      const [ours, sh] = [await time(later, setup), await time(later, "sh -c true")];
      const ratio = (ours / sh).toFixed(1);
      process.stderr.write(`gVisor, ${access}: ${ours} ms, sh -c true ${sh} ms (${ratio} x)\n`);
    }
  });

  test("topology A: what is damaged is found and repaired by the next sandbox", async () => {
    expect((await (await gvisor("host", "rw")).run(setup)).exitCode).toBe(0);
    await place.stop();
    const program = realpathSync(join(place.volume, "bin/ast-grep"));
    const { atime, mtime } = statSync(program);
    const bytes = readFileSync(program);
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    writeFileSync(program, bytes);
    utimesSync(program, atime, mtime);
    const repaired = await (await gvisor("host", "rw")).run(setup);
    expect(repaired.stderr).toMatch(/installed;/);
    expect(repaired.exitCode).toBe(0);
  });

  test("topology C: while the provisioner lives and after it; sandboxes verify, here and under runc", async () => {
    const provisioner = await gvisor("host", "rw");
    expect((await provisioner.run(setup)).exitCode).toBe(0);
    const beside = await place.sandbox({ network: "none", access: "ro", flags: hidden });
    expect((await beside.call("ast-grep --version")).stdout).toBe("ast-grep 0.51.1\n");
    // What is written by hand stays open for writing there.
    expect((await provisioner.run("cp /bin/true /opt/openclaw/busy")).exitCode).toBe(0);
    expect((await beside.run("/opt/openclaw/busy")).stderr).toMatch(/Text file busy/);
    await place.stop();
    const boxes = [
      await gvisor("none", "ro", hidden),
      await place.sandbox({ network: "none", access: "ro", flags: hidden }),
    ];
    for (const box of boxes) {
      const { exitCode, stderr } = await box.run(`${withoutNode} ${setup} --strict`);
      expect(stderr).toMatch(/nothing to do/);
      expect(exitCode).toBe(0);
      expect((await box.call("ast-grep --version")).stdout).toBe("ast-grep 0.51.1\n");
    }
  });
});
