/** `security.installPolicy` of the real OpenClaw, as `config policy` prints it: `openclaw skills install` asks our command. */
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { type Gateway, openGateway } from "./gateway.ts";

const openclaw = inject("openclaw");
const missing = "missing" in openclaw ? openclaw.missing : "";
let gateway: Gateway;

const installed = (name: string): boolean => existsSync(join(gateway.workspace, "skills", name));

/** A skill outside of OpenClaw's directories, as somebody downloads one. */
function write(name: string, bins: readonly string[]): string {
  const dir = join(gateway.place.dir, "downloads", name);
  const metadata = JSON.stringify({ openclaw: { requires: { bins } } });
  mkdirSync(dir, { recursive: true });
  writeFileSync(
    join(dir, "SKILL.md"),
    `---\nname: ${name}\ndescription: The ${name} skill.\nmetadata: ${metadata}\n---\n`,
  );
  return dir;
}

async function install(dir: string) {
  const { exitCode, stdout, stderr } = await gateway.openclaw(["skills", "install", dir]);
  const said = `${stdout}${stderr}`;
  process.stdout.write(
    `  $ openclaw skills install ${dir}\n    ${said.trim().replaceAll("\n", "\n    ")}\n`,
  );
  return { exitCode, said };
}

async function configure(...words: string[]): Promise<void> {
  const { stdout } = await gateway.provide("config", "policy", "--json", ...words);
  gateway.configure({ others: JSON.parse(stdout).openclaw });
}

describe.skipIf(missing)(missing ? `OpenClaw is not here: ${missing}` : "install policy", () => {
  beforeAll(async () => {
    gateway = await openGateway();
    // OpenClaw starts no program below a directory of somebody else's.
    chownSync(gateway.volume, 0, 0);
    for (const name of ["gog", "owl"]) {
      const bytes = archive("tar.gz", { [`bin/${name}`]: program(`${name} 1.0.0`) });
      const source = gateway.place.serve(`${name}.tar.gz`, bytes);
      gateway.place.recipe(name, { artifacts: { "linux-x64": source, "linux-arm64": source } });
    }
    gateway.skill("mail", ["gog"]);
    gateway.configure({});
    await gateway.provide();
  });
  afterAll(() => gateway.close());
  beforeEach(() => {
    for (const name of ["letters", "night", "moon"])
      rmSync(join(gateway.workspace, "skills", name), { recursive: true, force: true });
  });

  test("programs that are there: installed, without a word of ours", async () => {
    await configure();
    const { exitCode, said } = await install(write("letters", ["gog"]));
    expect(exitCode).toBe(0);
    expect(said).not.toContain("Install policy");
    expect(installed("letters")).toBe(true);
  });

  test("a program with a recipe: installed, with our message; the next run has it", async () => {
    await configure("--strict");
    const { exitCode, said } = await install(write("night", ["owl"]));
    expect(exitCode).toBe(0);
    expect(said).toMatch(
      /Install policy: \[WARN\] skill-deps\/to-be-installed: night needs owl \(owl 1\.0\.0\)/,
    );
    expect(installed("night")).toBe(true);
    await gateway.provide();
    expect(existsSync(join(gateway.volume, "bin/owl"))).toBe(true);
  });

  test("a program that is not available: installed with the reason; with --strict refused", async () => {
    const dir = write("moon", ["rocket"]);
    await configure();
    const open = await install(dir);
    expect(open.exitCode).toBe(0);
    expect(open.said).toMatch(
      /\[WARN\] skill-deps\/unmet: moon needs .*rocket: no recipe provides it/,
    );
    rmSync(join(gateway.workspace, "skills", "moon"), { recursive: true });
    await configure("--strict");
    const closed = await install(dir);
    expect(closed.exitCode).not.toBe(0);
    expect(closed.said).toMatch(
      /Install blocked by policy[\s\S]*Reason: moon needs .*rocket: no recipe provides it/,
    );
    expect(installed("moon")).toBe(false);
  });

  test("its doctor runs the policy and is content", async () => {
    await configure("--strict");
    const { stdout } = await gateway.openclaw(["doctor", "--deep", "--non-interactive"]);
    expect(stdout).toContain("Install policy enabled for: skill");
    expect(stdout).toContain("Deep probe allowed the synthetic install request");
  });

  test("a program that OpenClaw refuses: what config policy says about it is so", async () => {
    chownSync(gateway.volume, 1000, 1000);
    try {
      const { stdout } = await gateway.provide("config", "policy");
      expect(stdout).toMatch(
        /OpenClaw will refuse this program, and with it every skill: .* belongs to user 1000/,
      );
      await configure();
      const { exitCode, said } = await install(write("letters", ["gog"]));
      expect(exitCode).not.toBe(0);
      expect(said).toMatch(/owner is not trusted|must be owned/);
    } finally {
      chownSync(gateway.volume, 0, 0);
    }
  });

  test("what is printed is what OpenClaw's own schema takes", async () => {
    await configure("--strict");
    const text = readFileSync(join(gateway.place.home, ".openclaw/openclaw.json"), "utf8");
    expect(JSON.parse(text).security.installPolicy.enabled).toBe(true);
    const { exitCode, stdout } = await gateway.openclaw(["config", "validate", "--json"]);
    expect(exitCode, stdout).toBe(0);
  });
});
