/** Sessions of a real OpenClaw learn what a sidecar has installed: by the status skill. */
import { cpSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { type Gateway, openGateway } from "./gateway.ts";
import { isThere, type Sidecar, startSidecar } from "./sidecar.ts";

const openclaw = inject("openclaw");
const missing = "missing" in openclaw ? openclaw.missing : "";
let gateway: Gateway;
let sidecar: Sidecar;

/** A skill's folder outside of OpenClaw's own, and a recipe of the program that it needs. */
function offer(name: string): string {
  const bytes = archive("tar.gz", { [`bin/${name}`]: program(`${name} 1.0.0`) });
  const source = gateway.place.serve(`${name}.tar.gz`, bytes);
  gateway.place.recipe(name, { artifacts: { "linux-x64": source, "linux-arm64": source } });
  const dir = join(gateway.place.dir, "offered", `with-${name}`);
  const metadata = JSON.stringify({ openclaw: { requires: { bins: [name] } } });
  mkdirSync(dir, { recursive: true });
  const text = `---\nname: with-${name}\ndescription: Uses ${name}.\nmetadata: ${metadata}\n---\n\n# ${name}\n`;
  writeFileSync(join(dir, "SKILL.md"), text);
  return dir;
}

/** The skills of this test, among those that come with OpenClaw; the status skill is in no prompt. */
function offered(): string[] {
  const all = gateway.offered();
  expect(all).not.toContain("skill-deps-status");
  return all.filter((name) => name.startsWith("with-")).sort();
}

/** Those in the prompt of a session's next turn. */
async function offeredIn(session: string): Promise<string[]> {
  const { text } = await gateway.turn("echo works", { session });
  expect(text).toBe("works");
  return offered();
}

const installed = (name: string): string => join(gateway.workspace, "skills", `with-${name}`);
const bin = (name: string): string => join(gateway.volume, "bin", name);

describe.skipIf(missing)(missing ? `OpenClaw is not here: ${missing}` : "running sessions", () => {
  beforeEach(async () => {
    gateway = await openGateway();
    offer("zog");
    cpSync(offer("zog"), installed("zog"), { recursive: true });
  });
  afterEach(async () => {
    await sidecar.close();
    await gateway.close();
  });

  async function begin(sandbox: Record<string, unknown>, also = () => {}): Promise<void> {
    gateway.configure({ sandbox, docker: { binds: [`${gateway.volume}:/opt/openclaw:ro`] } });
    also();
    await gateway.start(join(gateway.volume, "bin"));
    sidecar = startSidecar(gateway);
    await sidecar.until("the first run", () => sidecar.told().includes("zog 1.0.0"));
  }

  test("an old and a new session have a skill at their next turn, five at once, and none that is gone", async () => {
    await begin({ mode: "off" });
    expect(await offeredIn("old")).toEqual(["with-zog"]);

    const install = ["skills", "install", offer("yak")];
    const { exitCode, stdout, stderr } = await gateway.openclaw(install);
    expect([exitCode, `${stdout}${stderr}`]).toEqual([0, expect.stringContaining("with-yak")]);
    await sidecar.until("the status", () => sidecar.told().includes("yak 1.0.0"));
    const at: [string, number][] = [
      ["skill written", lstatSync(join(installed("yak"), "SKILL.md")).ctimeMs],
      ["program there", lstatSync(bin("yak")).ctimeMs],
      ["status skill written", lstatSync(sidecar.file).ctimeMs],
    ];
    at.push(["next turn of the old session begins", Date.now()]);
    expect(await offeredIn("old")).toEqual(["with-yak", "with-zog"]);
    at.push(["... and has had the skill in its prompt", Date.now()]);
    expect(await offeredIn("new")).toEqual(["with-yak", "with-zog"]);
    at.push(["a new session has had it, too", Date.now()]);
    const began = at[0]?.[1] ?? 0;
    for (const [what, when] of at)
      process.stdout.write(`  ${((when - began) / 1000).toFixed(2)} s: ${what}\n`);

    const tools = ["one", "two", "three", "four", "five"];
    for (const dir of tools.map(offer)) {
      const name = dir.slice(dir.lastIndexOf("/") + 1);
      cpSync(dir, join(gateway.workspace, "skills", name), { recursive: true });
    }
    await sidecar.until("five", () => tools.every((tool) => sidecar.told().includes(`${tool} 1`)));
    const all = ["with-yak", "with-zog", ...tools.map((tool) => `with-${tool}`)].sort();
    expect(await offeredIn("old")).toEqual(all);
    expect(await offeredIn("newer")).toEqual(all);

    rmSync(installed("yak"), { recursive: true });
    await sidecar.until("the removal", () => !sidecar.told().includes("yak"));
    expect(await offeredIn("old")).toEqual(all.filter((name) => name !== "with-yak"));

    rmSync(bin("zog"));
    await sidecar.until("the repair", () => isThere(bin("zog")));
    expect(sidecar.said()).not.toMatch(/E_STATUS_SKILL/);
  });

  test("a sandbox that runs gets the new skill and the status, and verifies without Node", async () => {
    await begin({ workspaceAccess: "none" }, includeEntry);
    const look = "ls /workspace/skills | grep -e with- -e status; openclaw-install-skill-deps";
    const first = await gateway.turn(look, { session: "old" });
    expect(first.text).toMatch(/^skill-deps-status\nwith-zog\n/);
    expect(offered()).toEqual(["with-zog"]);
    const names = await gateway.containers();

    cpSync(offer("yak"), installed("yak"), { recursive: true });
    await sidecar.until("the status", () => sidecar.told().includes("yak 1.0.0"));
    const isListedAgain = () =>
      /skills snapshot invalidated .*skill-deps-status/.test(gateway.log());
    await sidecar.until("the gateway has seen the entry", isListedAgain);
    const asked = `yak; grep yak /workspace/skills/skill-deps-status/SKILL.md; ${look}`;
    const { text } = await gateway.turn(asked, { session: "old" });
    expect(text).toMatch(
      /^yak 1\.0\.0\n- \*\*with-yak\*\*: yak 1\.0\.0\nskill-deps-status\nwith-yak\nwith-zog\n/,
    );
    expect(text).toMatch(/nothing to do; programs present: 2/);
    expect(text).not.toMatch(/not verified|warning/);
    expect(offered()).toEqual(["with-yak", "with-zog"]);
    expect(await offeredIn("new")).toEqual(["with-yak", "with-zog"]);
    expect(await gateway.containers()).toEqual(names);
  });
});

/** OpenClaw 2026.9.6 keeps the list in prompts of sandboxed sessions until something below `skills` changes. */
function includeEntry(): void {
  const file = join(gateway.place.home, ".openclaw/openclaw.json");
  const config = JSON.parse(readFileSync(file, "utf8"));
  config.skills.entries = { "skill-deps-status": { $include: "./skill-deps.json" } };
  writeFileSync(file, JSON.stringify(config));
  writeFileSync(join(gateway.place.home, ".openclaw/skill-deps.json"), "{}");
}
