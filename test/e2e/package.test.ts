/** The package as npm has it: packed from what a clean clone holds, installed elsewhere, run. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { $ } from "zx";
import { pages } from "../docs/pages.ts";
import { archive, program } from "../support/archives.ts";
import { installPackage, packPackage } from "../support/package.ts";
import { openWorkplace, repository, type Workplace } from "../support/workplace.ts";

let dir: string;
let tarball: string;
let place: Workplace;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "package-"));
  tarball = await packPackage(dir);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
beforeEach(async () => {
  place = await openWorkplace();
  const bytes = archive("tar.gz", { "bin/tool": program("tool 1.0.0") });
  const source = place.serve("tool.tar.gz", bytes);
  place.recipe("tool", { artifacts: { "linux-x64": source, "linux-arm64": source } });
  place.skill("one", { bins: ["tool"] });
});
afterEach(() => place.close());

test("holds what it needs, its licences, and nothing of the sources or tests", async () => {
  const { stdout } = await $({ quiet: true })`tar -tzf ${tarball}`;
  const names = stdout.trim().split("\n");
  const known =
    /^package\/((dist|entrypoint|recipes)\/|((?:src\/|test\/)?README\.md|\.github\/[A-Z]+\.md|package\.json|LICENSE|Dockerfile\.example)$)/;
  expect(names.filter((name) => !known.test(name))).toEqual([]);
  expect(names.filter((name) => /\.test\.|\.ts$|\.cache$/.test(name))).toEqual([]);
  expect(names).toContain("package/dist/catalogue.json");
  // The compiled catalogue holds the locks.
  expect(names.filter((name) => name.endsWith(".lock.json"))).toEqual([]);
  expect(statSync(tarball).size).toBeLessThan(1_500_000);
  await $({ cwd: dir, quiet: true })`tar -xzf ${tarball}`;
  for (const { file, links } of pages.slice(0, 3)) {
    const local = links
      .filter((to) => !/^(https?:|#)/.test(to))
      .map((to) => to.split("#")[0] ?? "");
    const targets = local.map((to) => join(dir, "package", dirname(file), to));
    expect(targets.filter((path) => !existsSync(path))).toEqual([]);
  }
  const notices = readFileSync(join(dir, "package/dist/THIRD-PARTY-LICENSES.txt"), "utf8");
  for (const name of ["undici", "tar", "yaml", "zod", "semver", "@pnpm/npm-conf"])
    expect(notices).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+\nLicense: \\S+`, "m"));
  expect(notices).toMatch(/^tar [\s\S]*?# Blue Oak Model License/m);
  expect(notices).not.toMatch(/^(vitest|esbuild|typescript) /m);
  const [, ...texts] = notices.split("-".repeat(80));
  for (const text of texts) expect(text.split("\n\n").slice(1).join("").length, text).gt(90);
});

test("installs tools from an empty prefix; then its sh script answers alone", async () => {
  const command = await installPackage(tarball, join(dir, "global"));
  const run = (env: object, ...words: string[]) =>
    $({
      env: { ...place.env, ...env },
      cwd: place.home,
      quiet: true,
      nothrow: true,
    })`${command} ${words}`;
  const installed = await run({});
  expect(installed.stderr).toMatch(/1 installed/);
  expect(installed.exitCode).toBe(0);
  expect((await $({ quiet: true })`${place.prefix}/bin/tool`).stdout).toBe("tool 1.0.0\n");
  const man = join(dir, "global/share/man/man1/openclaw-install-skill-deps.1");
  expect(readFileSync(man, "utf8")).toMatch(/^\.TH OPENCLAW/);
  const nothing = await run({ PATH: "/usr/bin:/bin", OPENCLAW_SKILL_DEPS_NODE: "/none" });
  expect(nothing.stderr).toMatch(/nothing to do; programs present: 1/);
});

test("npx runs the tarball", async () => {
  const npm = { npm_config_cache: join(dir, "npx-cache"), npm_config_offline: "true" };
  const npx = $({ env: { ...place.env, ...npm }, cwd: dir, quiet: true, nothrow: true });
  // npx takes an absolute path for a program.
  const { exitCode, stderr } = await npx`npx --yes ./${basename(tarball)} tool`;
  expect(stderr).toMatch(/1 installed/);
  expect(exitCode).toBe(0);
  const named = ["--package", tarball, "openclaw-install-skill-deps", "--version"];
  const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  expect((await npx`npx --yes ${named}`).stdout).toBe(`${version}\n`);
});

test("by its name: npx and npm install fetch it from the registry", async () => {
  const own = JSON.parse(readFileSync(join(dir, "package/package.json"), "utf8"));
  place.server.publish(own.name, own.version, readFileSync(tarball), { manifest: own });
  const env = { ...place.env, npm_config_cache: join(dir, "name-cache") };
  const npm = $({ env, cwd: place.home, quiet: true, nothrow: true });
  const { stderr, exitCode } = await npm`npx -y ${own.name}@${own.version} tool`;
  expect(stderr).toMatch(/1 installed/);
  expect(exitCode).toBe(0);
  const prefix = join(place.dir, "global");
  await npm`npm install --global --prefix ${prefix} --no-audit --no-fund ${own.name}`;
  const { stdout } = await npm`${prefix}/bin/${own.name} --version`;
  expect(stdout).toBe(`${own.version}\n`);
});

test("engines names the oldest Node that the command takes", () => {
  const { engines } = JSON.parse(readFileSync(join(dir, "package/package.json"), "utf8"));
  const script = readFileSync(join(dir, "package/entrypoint/start-node.sh"), "utf8");
  const least = /^>=(\d+)$/.exec(engines.node)?.[1];
  expect(script).toContain(`there is no Node ${least} or newer here`);
});
