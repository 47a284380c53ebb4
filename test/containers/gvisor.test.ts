/**
 * Sandboxes under gVisor (runsc, platform systrap): its file system numbers inodes anew in each
 * sandbox, and keeps what a sandbox wrote open for writing as long as that sandbox lives.
 * `npm run test:gvisor` builds runsc first, which takes minutes, so that it is skipped otherwise.
 */
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { host } from "./host.ts";
import { openPlace, type Place, type Sandbox, setup } from "./sandbox.ts";

const version = "v0.0.0-20260905035102-160fafc42237";
const directory = join(tmpdir(), `runsc-${version}`);
const runsc = process.env.RUNSC ?? join(directory, "runsc");
/** Without Node of its own, so that what it answers is sh's answer. */
const withoutNode = "OPENCLAW_SKILL_DEPS_NODE=/none";
const hidden = [
  "--volume",
  "/dev/null:/usr/local/lib/openclaw-install-skill-deps/node/bin/node:ro",
];
let place: Place;

beforeAll(async () => {
  if (existsSync(runsc) || process.env.BUILD_RUNSC !== "1") return;
  // Static: a sandbox starts it again from within an empty root.
  const env = { ...process.env, GOBIN: directory, CGO_ENABLED: "0" };
  const build = host({ env })`go install gvisor.dev/gvisor/runsc@${version}`;
  const { exitCode, stderr } = await build;
  if (exitCode !== 0) process.stderr.write(`runsc cannot be built here: ${stderr.slice(-400)}\n`);
}, 600_000);

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
  const options = ["platform=systrap", "ignore-cgroups", `network=${network}`];
  const engine = ["--runtime", runsc, ...options.flatMap((flag) => ["--runtime-flag", flag])];
  return await place.sandbox({ network, access, engine, flags });
}

/** Milliseconds of one command in a sandbox, the least of so many. */
async function time(box: Sandbox, command: string): Promise<number> {
  const loop = `for i in 1 2 3 4 5 6 7 8 9 10; do a=$(date +%s%N); ${command} >/dev/null 2>&1; b=$(date +%s%N); echo $(( (b - a) / 1000 )); done | sort -n | head -n 1`;
  return Number((await box.run(loop)).stdout) / 1000;
}

test("topology A: a sandbox installs for itself, and every later one finds all of it by sh alone", async ({
  skip,
}) => {
  if (!existsSync(runsc)) return skip();
  const first = await gvisor("host", "rw");
  expect((await first.run("dmesg")).stdout).toMatch(/gVisor/i);
  const installed = await first.run(setup);
  expect(installed.stderr).toMatch(/installed/);
  expect(installed.exitCode).toBe(0);
  expect((await first.call("ast-grep --version")).stdout).toBe("ast-grep 0.51.1\n");

  for (const access of ["rw", "ro"] as const) {
    const later = await gvisor("none", access, hidden);
    const verified = await later.run(`${withoutNode} ${setup} --strict`);
    expect(verified.stderr).toMatch(/nothing to do/);
    expect(verified.exitCode).toBe(0);
    expect((await later.call("ast-grep --version")).stdout).toBe("ast-grep 0.51.1\n");
    const [ours, sh] = [await time(later, setup), await time(later, "sh -c true")];
    const ratio = (ours / sh).toFixed(1);
    process.stderr.write(`gVisor, ${access}: ${ours} ms, sh -c true ${sh} ms (${ratio} x)\n`);
  }
});

test("topology C: a provisioner under gVisor that has ended; sandboxes verify, here and under runc", async ({
  skip,
}) => {
  if (!existsSync(runsc)) return skip();
  const provisioner = await gvisor("host", "rw");
  expect((await provisioner.run(setup)).exitCode).toBe(0);
  await host`podman rm --force --time 0 ${provisioner.name}`;
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
