/**
 * The images of Dockerfile.example, run with the flags that OpenClaw runs its sandboxes with. Needs
 * root, podman and the packages that images.sh names; programs come from the machine's npm registry.
 */
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { $ } from "zx";
import { repository, snapshotOf } from "../support/workplace.ts";

const sandboxImage = "localhost/openclaw-skills-sandbox";
const gatewayImage = "localhost/openclaw-skills-gateway";
const hardened = [
  ...["--init", "--read-only", "--tmpfs", "/tmp", "--tmpfs", "/var/tmp", "--network", "none"],
  ...["--user", "1000:1000", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
  ...["--workdir", "/workspace", "--env", "LANG=C.UTF-8"],
];
const online = hardened.map((word) => (word === "none" ? "host" : word));
const certificates = process.env.SSL_CERT_FILE ?? "/etc/ssl/certs/ca-certificates.crt";

const host = $({
  cwd: repository,
  quiet: true,
  nothrow: true,
  env: { ...process.env, CONTAINERS_CONF: join(repository, "test/containers/containers.conf") },
});

let dir: string;
let registry: string;
let running: string[];

beforeAll(async () => {
  const built = await host`test/containers/images.sh build`;
  expect(built.exitCode, built.stderr).toBe(0);
  registry = (await host`npm config get registry`).stdout.trim();
});
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "containers-"));
  running = [];
  for (const name of ["volume", "workspace"]) mkdirSync(join(dir, name));
  skill("syntax", "ast-grep");
  skill("hub", "clawhub");
  give(1000);
});
afterEach(async () => {
  for (const name of running) await host`podman rm --force --time 0 ${name}`;
  rmSync(dir, { recursive: true, force: true });
});
afterAll(async () => {
  await host`podman image prune --force`;
});

function give(uid: number): void {
  for (const name of ["volume", "workspace"]) chownSync(join(dir, name), uid, uid);
}

/** A skill in the workspace, where OpenClaw mirrors the eligible ones. */
function skill(name: string, bin: string): void {
  mkdirSync(join(dir, "workspace/skills", name), { recursive: true });
  const metadata = JSON.stringify({ openclaw: { requires: { bins: [bin] } } });
  const text = `---\nname: ${name}\ndescription: x\nmetadata: ${metadata}\n---\n`;
  writeFileSync(join(dir, "workspace/skills", name, "SKILL.md"), text);
}

/** Starts a sandbox as OpenClaw does, and gives what runs a command in it as OpenClaw does. */
async function sandbox(flags: readonly string[], access: "ro" | "rw", image = sandboxImage) {
  const name = `skill-deps-${process.pid}-${running.length}-${Date.now()}`;
  const mounts = [
    ...["--volume", `${dir}/volume:/opt/openclaw:${access}`],
    ...["--volume", `${dir}/workspace:/workspace:rw`],
    ...["--volume", `${certificates}:/etc/ssl/certs/ca-certificates.crt:ro`],
    ...["--env", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
    ...["--env", `npm_config_registry=${registry}`],
  ];
  const started =
    await host`podman run --detach --name ${name} ${flags} ${mounts} ${image} sleep infinity`;
  expect(started.exitCode, started.stderr).toBe(0);
  running.push(name);
  return (command: string, shell = "/bin/sh") =>
    host`podman exec --interactive ${name} ${shell} -lc ${command} </dev/null`;
}

const setup = "openclaw-install-skill-deps";

describe("a sandbox that installs for itself", () => {
  test("uid 1000, read-only root, no capability: programs run, the second setup has nothing to do", async () => {
    const run = await sandbox(online, "rw");
    const first = await run(setup);
    expect(first.stderr).toMatch(/3 installed/);
    expect(first.exitCode).toBe(0);
    expect((await run("ast-grep --version")).stdout).toMatch(/^ast-grep 0\.51\.1/);
    expect((await run("clawhub --cli-version", "/bin/bash")).stdout).toMatch(/0\.23\.3/);
    const second = await run(setup);
    expect(second.stderr).toMatch(/nothing to do/);
    expect(second.exitCode).toBe(0);
  });

  test("a root-owned volume: permission, with the command that mends it", async () => {
    chownSync(join(dir, "volume"), 0, 0);
    const run = await sandbox(online, "rw");
    const { exitCode, stderr } = await run(setup);
    expect(exitCode).toBe(5);
    expect(stderr).toMatch(/permission denied[\s\S]*chown/);
    expect(Object.keys(snapshotOf(join(dir, "volume")))).toEqual(["."]);
  });
});

describe("a provisioner and hardened sandboxes", () => {
  test("the sandbox verifies without Node, network or a write, and its programs run", async () => {
    const provision = await sandbox(online, "rw");
    expect((await provision(setup)).exitCode).toBe(0);
    const before = snapshotOf(join(dir, "volume"));
    const run = await sandbox(hardened, "ro");
    expect((await run("command -v node")).stdout.trim()).toBe("/opt/openclaw/bin/node");
    const { exitCode, stderr } = await run(`OPENCLAW_SKILL_DEPS_NODE=/none ${setup}`);
    expect(stderr).toMatch(/nothing to do/);
    expect(exitCode).toBe(0);
    expect((await run("clawhub --cli-version")).stdout).toMatch(/0\.23\.3/);
    expect(snapshotOf(join(dir, "volume"))).toEqual(before);
  });

  test("what is missing on a read-only volume is a warning", async () => {
    const run = await sandbox(hardened, "ro");
    const { exitCode, stderr } = await run(setup);
    expect(stderr).toMatch(/ast-grep[\s\S]*read-only/);
    expect(exitCode).toBe(0);
    expect((await run(`${setup} --strict`)).exitCode).toBe(3);
  });

  test("without a network, what is missing is a warning", async () => {
    const run = await sandbox(hardened, "rw");
    const { exitCode, stderr } = await run(setup);
    expect(stderr).toMatch(/no network/);
    expect(exitCode).toBe(0);
  });
});

describe("the gateway's hook", () => {
  test("installs, then becomes the command with the programs on its PATH", async () => {
    const mounts = [
      ...["--volume", `${dir}/volume:/opt/openclaw:rw`],
      ...["--volume", `${dir}/workspace:/workspace:ro`],
      ...["--volume", `${certificates}:/etc/ssl/certs/ca-certificates.crt:ro`],
      ...["--env", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
      ...["--env", `npm_config_registry=${registry}`],
    ];
    const command = "readlink -f /proc/1/exe; ast-grep --version; clawhub --cli-version";
    const { stdout, stderr, exitCode } =
      await host`podman run --rm --network host ${mounts} ${gatewayImage} sh -c ${command}`;
    expect(stderr).toMatch(/3 installed/);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^\/usr\/bin\/dash\nast-grep 0\.51\.1[\s\S]*0\.23\.3/);
  });

  test("the command starts although nothing could be installed", async () => {
    const mounts = ["--volume", `${dir}/workspace:/workspace:ro`, "--network", "none"];
    const { stdout, exitCode } = await host`podman run --rm ${mounts} ${gatewayImage} echo started`;
    expect(exitCode).toBe(0);
    expect(stdout).toBe("started\n");
  });
});
