/** The image that fills a volume for stock images: what is in it, what it does, when it is healthy. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { repository } from "../support/workplace.ts";
import { host, logsOf } from "./host.ts";
import { changeTimes, openPlace, type Place, setup } from "./sandbox.ts";

const name = `skill-deps-provisioner-${process.pid}`;
let place: Place;
let state: string;

beforeEach(() => {
  place = openPlace();
  state = join(place.dir, "state");
  const skill = join(state, "workspace/skills/syntax");
  mkdirSync(skill, { recursive: true });
  const metadata = JSON.stringify({ openclaw: { requires: { bins: ["ast-grep"] } } });
  writeFileSync(
    join(skill, "SKILL.md"),
    `---\nname: syntax\ndescription: x\nmetadata: ${metadata}\n---\n`,
  );
  writeFileSync(join(state, "openclaw.json"), "{}");
});
afterEach(async () => {
  await host`podman rm --force --ignore --time 0 ${name}`;
  await place.close();
});

/** As its page says: the volume, the state directory read-only, and no right that it does not need. */
function flags(...more: string[]): string[] {
  return [
    ...["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--network", "host"],
    ...["--security-opt", "no-new-privileges", "--volume", `${state}:/home/node/.openclaw:ro`],
    ...place.mounts({ access: "rw" }),
    ...more,
  ];
}

test("holds the command and its Node, beside what the base image has", async () => {
  const image = inject("images").provisioner;
  const { stdout } = await host`podman diff ${image} docker.io/library/debian:bookworm-slim`;
  const added = stdout.split("\n").filter((line) => line.startsWith("A "));
  const mine = "A /usr/local/lib/openclaw-install-skill-deps";
  const known =
    /^A \/(etc\/\w+-|home\/node(\/\.\w+)?|root\/\.npmrc|opt\/openclaw|usr\/local\/bin\/openclaw-install-skill-deps|etc\/profile\.d\/openclaw-skill-deps\.sh)$/;
  expect(added.filter((line) => !line.startsWith(mine) && !known.test(line))).toEqual([]);
  expect(added).toContain(`${mine}/node/bin/node`);
  const user = await host`podman inspect --format ${"{{.Config.User}}"} ${image}`;
  expect(user.stdout).toBe("1000:1000\n");
});

test("fills a volume from the state directory's skills; sandboxes of any image then use it", async () => {
  const run = () => host`podman run --rm ${flags()} ${inject("images").provisioner}`;
  const first = await run();
  expect(first.stderr).toMatch(/1 installed/);
  expect(first.exitCode).toBe(0);
  const before = changeTimes(place.volume);
  const second = await run();
  expect(second.stderr).toMatch(/nothing to do; programs present: 1/);
  expect(changeTimes(place.volume)).toEqual(before);
  const image = "docker.io/library/debian:bookworm-slim";
  const box = await place.sandbox({ network: "none", access: "ro", image });
  expect((await box.call("/opt/openclaw/bin/ast-grep --version")).stdout).toBe("ast-grep 0.51.1\n");
});

describe("health", () => {
  async function start(): Promise<void> {
    const words = [inject("images").provisioner, "--", "sleep", "infinity"];
    // The interval needs systemd, which is not everywhere.
    const never = ["--health-interval", "disable", "--detach", "--name", name];
    const { exitCode, stderr } = await host`podman run ${flags(...never)} ${words}`;
    expect(exitCode, stderr).toBe(0);
    await logsOf(name, /installed;|nothing to do/);
  }
  const health = async (): Promise<number | null> =>
    (await host`podman healthcheck run ${name}`).exitCode;

  test("is that of a volume with everything, until something is missing; it installs nothing", async () => {
    await start();
    expect(await health()).toBe(0);
    const before = changeTimes(place.volume);
    expect(await health()).toBe(0);
    expect(changeTimes(place.volume)).toEqual(before);
    rmSync(join(place.volume, "bin/ast-grep"));
    expect(await health()).toBe(1);
    const again = await host`podman exec ${name} ${setup} --ignore-system`;
    expect(again.stderr).toMatch(/repaired|linked|installed/);
    expect(await health()).toBe(0);
  });

  test("is bad where a skill's program is not available, or a new skill came", async () => {
    await start();
    const skill = join(state, "workspace/skills/other");
    mkdirSync(skill);
    const metadata = JSON.stringify({ openclaw: { requires: { bins: ["no-such-program"] } } });
    writeFileSync(
      join(skill, "SKILL.md"),
      `---\nname: other\ndescription: x\nmetadata: ${metadata}\n---\n`,
    );
    expect(await health()).toBe(1);
    const { exitCode, stderr } = await host`podman exec ${name} ${setup} --ignore-system`;
    expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/no-such-program/)]);
    expect(await health()).toBe(1);
    rmSync(skill, { recursive: true });
    await host`podman exec ${name} ${setup} --ignore-system`;
    expect(await health()).toBe(0);
  });
});

test("no step of Dockerfile.example names a processor", () => {
  const text = readFileSync(join(repository, "Dockerfile.example"), "utf8");
  expect(text).not.toMatch(/x64|x86|amd64|arm64|aarch64|platform=/i);
});
