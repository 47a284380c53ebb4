/** What an image's build runs so that later runs start with compiled code. */
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { $ } from "zx";
import { archive, program as programText } from "../support/archives.ts";
import { copyPackage } from "../support/package.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let packageDir: string;
beforeEach(async () => {
  place = await openWorkplace();
  packageDir = copyPackage(join(place.dir, "package"));
});
afterEach(() => place.close());

const cacheFile = () => join(packageDir, "dist/program.cache");

/** The catalogue's rg, from elsewhere. */
function offer(source: object): void {
  place.recipe("rg", { artifacts: { "linux-x64": source, "linux-arm64": source } });
}

async function warmUp() {
  const scratch = join(place.dir, "tmp");
  mkdirSync(scratch);
  const env = { ...place.env, TMPDIR: scratch };
  const command = join(packageDir, "entrypoint/warm-up.sh");
  const { exitCode, stderr } = await $({ env, quiet: true, nothrow: true })`sh ${command}`;
  expect(readdirSync(scratch)).toEqual([]);
  expect(existsSync(place.prefix)).toBe(false);
  return { exitCode, stderr };
}

const bytes = archive("tar.gz", { "bin/rg": programText("rg 1.0.0") });

test("the code cache holds what another installation calls, and what runs with nothing to do call", async () => {
  offer(place.serve("rg.tar.gz", bytes));
  const { exitCode, stderr } = await warmUp();
  expect(stderr).toMatch(/warm-up: the code cache is complete/);
  expect(exitCode).toBe(0);
  const sizes = (dir: string) =>
    ["program", "install"].map((name) => statSync(join(dir, `dist/${name}.cache`)).size);
  const [program = 0, install = 0] = sizes(packageDir);

  place.skill("one", { bins: ["rg"] });
  const second = copyPackage(join(place.dir, "second"));
  const env = { ...place.env, OPENCLAW_SKILL_DEPS_CODE_CACHE: "write" };
  const command = join(second, "entrypoint/openclaw-install-skill-deps");
  await $({ env, quiet: true })`${command} --ignore-system`;
  const [wholeProgram = 0, wholeInstall = 0] = sizes(second);
  expect(install).toBeGreaterThan(0.95 * wholeInstall);
  expect(program).toBeGreaterThan(wholeProgram); // what only a run with nothing to do calls
});

test.each([
  [
    "a file that is not there",
    () => ({ url: `${place.server.origin}/none.tar.gz`, sha256: "a".repeat(64) }),
  ],
  ["other bytes", () => ({ ...place.serve("rg.tar.gz", bytes), sha256: "a".repeat(64) })],
])("a server that has %s fails the build, with the reason", async (_what, source) => {
  offer(source());
  const { exitCode, stderr } = await warmUp();
  expect(stderr).toMatch(/error: rg: .*(responded with 404|sha256)/);
  expect(stderr).toMatch(
    /warm-up: error: nothing was installed.*\[E_CODE_CACHE\][\s\S]*--network none/,
  );
  expect(exitCode).toBe(1);
});

test("where no server can be reached, it is said, and fails nothing", async () => {
  offer({ url: "http://127.0.0.1:9/rg.tar.gz", sha256: "a".repeat(64) });
  const { exitCode, stderr } = await warmUp();
  expect(stderr).toMatch(/warm-up: warning: no server can be reached.*\[E_NO_NETWORK\]/);
  expect(exitCode).toBe(0);
  expect(existsSync(cacheFile())).toBe(true);
});

test("a cache that cannot be written fails the build", async () => {
  offer(place.serve("rg.tar.gz", bytes));
  mkdirSync(cacheFile());
  const { exitCode, stderr } = await warmUp();
  expect(stderr).toMatch(/warm-up: error: .*\[E_CODE_CACHE\]/);
  expect(exitCode).toBe(1);
});
