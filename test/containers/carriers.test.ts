/**
 * Images that carry programs along, started with OpenClaw's own flags: no network, a read-only root,
 * uid 1000, no capability. Needs what sandbox.test.ts needs.
 */
import {
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { bundle, repository, snapshotOf } from "../support/workplace.ts";
import { buildFrom, host, removeImages } from "./host.ts";

const hardened = [
  ...["--init", "--read-only", "--tmpfs", "/tmp", "--tmpfs", "/var/tmp", "--network", "none"],
  ...["--user", "1000:1000", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
  ...["--workdir", "/workspace", "--env", "LANG=C.UTF-8"],
];
const seed = "/usr/local/share/openclaw-skill-deps/seed";
const setup = "openclaw-install-skill-deps";

let dir: string;
let running: string[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "carriers-"));
  running = [];
  mkdirSync(join(dir, "volume"));
  cpSync(join(repository, "test/fixtures/sample-skills"), join(dir, "workspace/skills"), {
    recursive: true,
  });
  for (const name of ["volume", "workspace"]) chownSync(join(dir, name), 1000, 1000);
});
afterEach(async () => {
  for (const name of running) await host`podman rm --force --time 0 ${name}`;
  rmSync(dir, { recursive: true, force: true });
});

/** Starts a sandbox as OpenClaw does, and gives what runs a command in it as OpenClaw does. */
async function sandbox(image: string, ...mounts: string[]) {
  const name = `carriers-${process.pid}-${running.length}-${Date.now()}`;
  const flags = [...hardened, ...mounts.flatMap((mount) => ["--volume", mount])];
  const started =
    await host`podman run --detach --name ${name} ${flags} localhost/openclaw-skills-${image} sleep infinity`;
  expect(started.exitCode, started.stderr).toBe(0);
  running.push(name);
  return (command: string) =>
    host`podman exec --interactive ${name} /bin/sh -lc ${command} </dev/null`;
}
const workspace = () => `${dir}/workspace:/workspace:rw`;
const volume = (access: "ro" | "rw") => `${dir}/volume:/opt/openclaw:${access}`;
const manifest = () => JSON.parse(readFileSync(join(dir, "volume/manifest.json"), "utf8"));

describe("a seed in the image", () => {
  test("fills an empty volume; its programs run; the second setup has nothing to do", async () => {
    const run = await sandbox("seeded", workspace(), volume("rw"));
    const first = await run(setup);
    expect(first.stderr).toMatch(/[34] installed; [34] in \/opt\/openclaw/);
    expect(first.exitCode).toBe(0);
    expect((await run("ast-grep --version")).stdout).toMatch(/^ast-grep 0\.51\.1/);
    expect((await run("clawhub --cli-version")).stdout).toMatch(/0\.23\.3/);
    expect(manifest().tools["ast-grep"].source.seed).toBe(seed);
    const second = await run(setup);
    expect(second.stderr).toMatch(/nothing to do/);
    expect(second.exitCode).toBe(0);
    expect((await run(`${setup} doctor --deep`)).exitCode).toBe(0);
  });

  test("fills it whole where no skill is in view", async () => {
    rmSync(join(dir, "workspace/skills"), { recursive: true });
    const run = await sandbox("seeded", workspace(), volume("rw"));
    expect((await run(setup)).exitCode).toBe(0);
    expect((await run("clawhub --cli-version")).stdout).toMatch(/0\.23\.3/);
    const second = await run(setup);
    expect(second.stderr).toMatch(/nothing to do/);
  });

  test("what the volume has newer is kept, what it has older is replaced", async () => {
    const run = await sandbox("seeded", workspace(), volume("rw"));
    expect((await run(setup)).exitCode).toBe(0);
    const replaced = manifest().tools["ast-grep"].dir;
    relabel("ast-grep", "0.50.0");
    const kept = relabel("clawhub", "99.0.0");
    const again = await sandbox("seeded", workspace(), volume("rw"));
    expect((await again(setup)).exitCode).toBe(0);
    expect(manifest().tools["ast-grep"].dir).toBe(replaced);
    expect(manifest().tools.clawhub.dir).toBe(kept);
    expect((await again("clawhub --cli-version")).stdout).toMatch(/0\.23\.3/);
  });

  test("on a read-only volume it is a warning, and nothing is written", async () => {
    const run = await sandbox("seeded", workspace(), volume("ro"));
    const { exitCode, stderr } = await run(setup);
    expect(stderr).toMatch(/read-only/);
    expect(exitCode).toBe(0);
    expect(Object.keys(snapshotOf(join(dir, "volume")))).toEqual(["."]);
  });
});

/** Gives a tool of the volume another version, as an older or newer catalogue would have; its tree. */
function relabel(tool: string, version: string): string {
  const at = (...parts: string[]) => join(dir, "volume", ...parts);
  const { [tool]: record, ...others } = manifest().tools;
  const key = version.replace(/\D/g, "").padEnd(12, "0");
  const tree = `lib/${tool}/${version}-${key}`;
  const moved = (value: unknown) => JSON.stringify(value).replaceAll(record.dir, tree);
  const renamed = { ...JSON.parse(moved(record)), version, key };
  renameSync(at(record.dir), at(tree));
  const { sealed: _sealed, ...own } = renamed;
  const list = at(tree, ".openclaw-skill-deps.json");
  const { files } = JSON.parse(readFileSync(list, "utf8"));
  writeFileSync(list, JSON.stringify({ record: own, files }));
  const tools = { ...others, [tool]: renamed };
  writeFileSync(at("manifest.json"), JSON.stringify({ ...manifest(), tools }));
  return tree;
}

describe("programs in the image", () => {
  test("are there without a volume; setup verifies them without Node and without a write", async () => {
    const run = await sandbox("prebuilt", workspace());
    const { exitCode, stderr } = await run(`OPENCLAW_SKILL_DEPS_NODE=/none ${setup}`);
    expect(stderr).toMatch(/nothing to do/);
    expect(exitCode).toBe(0);
    expect((await run("ast-grep --version")).stdout).toMatch(/^ast-grep 0\.51\.1/);
    expect((await run("clawhub --cli-version")).stdout).toMatch(/0\.23\.3/);
  });
});

describe("the Dockerfile lines that config prints", () => {
  const dockerfile = async (topology: string) => {
    const words = ["config", topology, "--prefix", "/srv/volume", "--json"];
    const { stdout, exitCode, stderr } = await host`${process.execPath} ${bundle} ${words}`;
    expect(exitCode, stderr).toBe(0);
    return JSON.parse(stdout).dockerfile as { sandbox: string[]; gateway: string[] };
  };
  /** Builds them upon a base image, as an operator would; the image's name below localhost/. */
  const build = async (base: string, lines: readonly string[]) => {
    const name = `openclaw-skills-own-${process.pid}`;
    await buildFrom(name, [`FROM ${base}`, ...lines, "USER 1000:1000"], dir);
    images.push(name);
    return name;
  };
  const images: string[] = [];
  afterAll(() => removeImages(images));

  test("make a seeded image of another one", async () => {
    const { sandbox: lines } = await dockerfile("seed");
    const name = await build("docker.io/library/debian:bookworm-slim", lines);
    const run = await sandbox(name.replace("openclaw-skills-", ""), workspace(), volume("rw"));
    expect((await run(setup)).exitCode).toBe(0);
    expect((await run("ast-grep --version")).stdout).toMatch(/^ast-grep 0\.51\.1/);
  });

  test("make a gateway of another one, which starts although nothing can be installed", async () => {
    const { gateway: lines } = await dockerfile("gateway");
    const name = await build("docker.io/library/node:24-bookworm-slim", lines);
    const mounts = ["--volume", workspace(), "--network", "none"];
    const { stdout, exitCode } = await host`podman run --rm ${mounts} ${name} echo started`;
    expect(exitCode).toBe(0);
    expect(stdout).toBe("started\n");
    const oneOff = await host`podman run --rm --entrypoint printenv ${name} PATH`;
    expect(oneOff.stdout.trim().split(":")).toContain("/opt/openclaw/bin");
  });
});
