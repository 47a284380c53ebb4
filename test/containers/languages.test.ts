/**
 * What a rich place provisions runs in a poor one: Python programs, provisioned on this machine, in an
 * image without Python, Node or certificates, with the flags that OpenClaw runs its sandboxes with.
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { $ } from "zx";
import { repository, snapshotOf } from "../support/workplace.ts";
import { buildFrom } from "./host.ts";

const image = "localhost/openclaw-skills-poor";
const hardened = [
  ...["--read-only", "--tmpfs", "/tmp", "--network", "none", "--user", "1000:1000"],
  ...["--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
];

let dir: string;
const host = $({
  cwd: repository,
  quiet: true,
  nothrow: true,
  env: {
    ...process.env,
    CONTAINERS_CONF: join(repository, "test/containers/containers.conf"),
    OPENCLAW_SKILL_PROFILE_DIR: "",
    OPENCLAW_SKILL_RECIPES: join(repository, "test/fixtures/recipes"), // a Python from the registry
  },
});

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "poor-"));
  chmodSync(dir, 0o755);
  const base = await host`test/containers/images.sh`;
  expect(base.exitCode, base.stderr).toBe(0);
  const lines = [
    "FROM docker.io/library/debian:bookworm-slim",
    "RUN rm -rf /usr/bin/python3* /usr/lib/python3* /usr/bin/perl* /etc/ssl",
  ];
  await buildFrom(image, lines, dir);
});
afterAll(async () => {
  await host`podman image rm --force ${image}`;
  rmSync(dir, { recursive: true, force: true });
});

test("black and yt-dlp run without a Python in the image, and write nothing", async () => {
  const volume = join(dir, "volume");
  const words = ["--prefix", volume, "--ignore-system", "black", "yt-dlp"];
  const provisioned = await host`entrypoint/openclaw-install-skill-deps ${words}`;
  expect(provisioned.stderr).toMatch(/3 installed/);
  expect(provisioned.exitCode).toBe(0);
  const before = snapshotOf(volume);
  const script = `command -v python3 node && exit 9
set -e
/opt/openclaw/bin/black --version
echo 'x = {  "a":1 }' | /opt/openclaw/bin/black --quiet -
/opt/openclaw/bin/yt-dlp --version
/opt/openclaw/bin/python3 -c 'import sys; print(sys.prefix)'`;
  const mount = ["--volume", `${volume}:/opt/openclaw:ro`];
  const { stdout, stderr, exitCode } =
    await host`podman run --rm ${hardened} ${mount} ${image} sh -c ${script}`;
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^black, 26\.10\.1/);
  expect(stdout).toContain('x = {"a": 1}\n2026.10.26\n/opt/openclaw/lib/python3/');
  expect(snapshotOf(volume)).toEqual(before);
});
