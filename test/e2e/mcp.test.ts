/** Programs that MCP servers are started with: of openclaw.json and of plugins, as requirements. */
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { started } from "../support/started.ts";
import { bundle, openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
  for (const tool of ["zuv", "zog"]) {
    const bytes = archive("tar.gz", { [`bin/${tool}`]: program(`${tool} 1.0.0`) });
    const source = place.serve(`${tool}.tar.gz`, bytes);
    place.recipe(tool, { artifacts: { "linux-x64": source, "linux-arm64": source } });
  }
});
afterEach(() => place.close());

const gateway = { OPENCLAW_SKILL_DIRS: "", OPENCLAW_BUNDLED_SKILLS_DIR: "/nonexistent" };
const run = (...args: string[]) => place.runWith(gateway, ...args);
const state = (path: string): string => join(place.home, ".openclaw", path);

function put(path: string, content: object | string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const configure = (config: object): string => put(state("openclaw.json"), config);
const serve = (servers: object): string => configure({ mcp: { servers } });
const plugin = (name: string, servers: object): string =>
  put(state(`extensions/${name}/.mcp.json`), { mcpServers: servers });

function managedSkill(name: string, bin: string): void {
  const metadata = JSON.stringify({ openclaw: { requires: { bins: [bin] } } });
  put(
    state(`skills/${name}/SKILL.md`),
    `---\nname: ${name}\ndescription: d\nmetadata: ${metadata}\n---\n`,
  );
}

async function required(...args: string[]) {
  const { stdout, stderr, status } = await run("requirements", "--json", ...args);
  expect(status, stderr).toBe(0);
  const { bins, mcpServers } = JSON.parse(stdout) as {
    bins: Record<string, { for: string[] }>;
    mcpServers: { name: string; program: string | null; selected: boolean; reason: string }[];
  };
  return { bins, mcpServers };
}

describe("a server in openclaw.json", () => {
  test("its program is installed, and every verb says what for", async () => {
    serve({ fetch: { command: "zuv", args: ["mcp-server-fetch"] }, far: { url: "http://a/mcp" } });
    const before = await required();
    expect(before.bins).toMatchObject({ zuv: { state: "install", for: ["MCP server fetch"] } });
    expect(before.mcpServers.map(({ name, selected }) => [name, selected])).toEqual([
      ["fetch", true],
      ["far", false],
    ]);
    const table = await run("requirements");
    expect(table.stdout).toMatch(/^MCP server fetch +yes +zuv +in openclaw\.json$/m);
    expect(table.stdout).toMatch(/^MCP server far +no +nothing +a remote server/m);
    expect((await run("doctor")).stdout).toContain("zuv (for MCP server fetch): not installed yet");

    const { status, stderr } = await run();
    expect(status, stderr).toBe(0);
    expect(stderr).not.toContain("E_NO_SKILLS");
    expect(Object.keys(place.manifest().tools)).toEqual(["zuv"]);
    const why = await run("why", "zuv");
    expect(why.stdout).toContain("MCP server fetch: selected (in openclaw.json)");
    expect((await run("info", "zuv")).stdout).toContain("MCP server fetch");
    expect((await run("doctor")).status).toBe(0);
  });

  test("a program that is not available is unmet, as a skill's is", async () => {
    serve({ fetch: { command: "no-such-program" } });
    const { status, stderr } = await run();
    expect(status).toBe(0);
    expect(stderr).toMatch(/no-such-program.*MCP server fetch.*\[E_NO_RECIPE\]/);
    expect((await run("--strict")).status).toBe(3);
    expect((await run("doctor")).status).toBe(4);
  });

  test("disabled, or started by a path: nothing", async () => {
    serve({ off: { command: "zuv", enabled: false }, own: { command: "/opt/zog" } });
    const { bins, mcpServers } = await required();
    expect(bins).toEqual({});
    expect(mcpServers.map(({ reason }) => reason)).toEqual([
      "openclaw.json disables it (enabled: false)",
      "its command is a path, not a program on PATH",
    ]);
  });

  test("beside skills: both are kept; gc and later runs know both", async () => {
    managedSkill("mail", "zog");
    serve({ fetch: { command: "zuv" } });
    await run();
    expect(Object.keys(place.manifest().tools).sort()).toEqual(["zog", "zuv"]);
    expect((await run("gc")).stderr + (await run("list")).stdout).toMatch(/zuv .*MCP server fetch/);
    expect(Object.keys(place.manifest().tools).sort()).toEqual(["zog", "zuv"]);
    serve({});
    await run();
    await run("gc");
    expect(Object.keys(place.manifest().tools)).toEqual(["zog"]);
  });

  test("a host without skills in view keeps the skills of the last run", async () => {
    managedSkill("mail", "zog");
    serve({ fetch: { command: "zuv" } });
    await run();
    rmSync(state("skills"), { recursive: true });
    rmSync(join(place.prefix, "bin/zog"));
    await run();
    expect(place.manifest().skills).toMatchObject([{ name: "mail" }, { name: "MCP server fetch" }]);
    expect((await run("doctor")).status).toBe(0);
  });

  test("NAMEs and --skills-dir leave it out", async () => {
    serve({ fetch: { command: "zuv" } });
    await run("zog");
    expect(Object.keys(place.manifest().tools)).toEqual(["zog"]);
    place.skill("mail", { bins: ["zog"] });
    expect((await required("--skills-dir", place.skills)).bins).not.toHaveProperty("zuv");
    expect((await required()).bins).toHaveProperty("zuv");
  });

  test("a change of openclaw.json makes the sh script ask Node", async () => {
    serve({ fetch: { command: "zuv" } });
    await place.start(gateway);
    expect((await place.start(gateway)).alone).toBe(true);
    serve({ fetch: { command: "zuv" }, other: { command: "zog" } });
    expect((await place.start(gateway)).alone).toBe(false);
    expect((await place.start(gateway)).alone).toBe(true);
    expect(Object.keys(place.manifest().tools).sort()).toEqual(["zog", "zuv"]);
  });
});

describe("a plugin's servers", () => {
  test("count while it is enabled; openclaw.json replaces and disables them", async () => {
    plugin("tools", { fetch: { command: "zuv" } });
    expect((await required()).mcpServers).toMatchObject([
      { name: "fetch", program: "zuv", selected: true, reason: "of the plugin tools" },
    ]);
    configure({ plugins: { entries: { tools: { enabled: false } } } });
    expect((await required()).mcpServers).toEqual([]);
    configure({ mcp: { servers: { fetch: { command: "zog" } } } });
    expect(Object.keys((await required()).bins)).toEqual(["zog"]);
    configure({ mcp: { servers: { fetch: { enabled: false } } } });
    expect((await required()).bins).toEqual({});
  });

  test("in plugins.load.paths: a plugin, or a directory of plugins", async () => {
    const files = {
      "index.js": "",
      "openclaw.plugin.json": '{ id: "one", mcpServers: { a: { command: "zuv" } } }',
    };
    for (const [name, text] of Object.entries(files)) put(join(place.dir, "one", name), text);
    put(join(place.dir, "many/two/.mcp.json"), { b: { command: "zog" } });
    put(join(place.dir, "many/node_modules/three/.mcp.json"), { c: { command: "never" } });
    configure({
      plugins: {
        load: { paths: [join(place.dir, "one"), join(place.dir, "many"), "/nonexistent"] },
      },
    });
    expect(Object.keys((await required()).bins)).toEqual(["zog", "zuv"]);
  });

  test("in a workspace only if it is enabled by name", async () => {
    put(state("workspace/.openclaw/extensions/tools/.mcp.json"), { a: { command: "zuv" } });
    expect((await required()).mcpServers).toEqual([]);
    configure({ plugins: { entries: { tools: { enabled: true } } } });
    expect((await required()).mcpServers).toMatchObject([{ name: "a" }]);
  });

  test("hostile files are no plugin: links away, pipes, other kinds, large ones", async () => {
    const outside = put(join(place.dir, "outside.json"), { a: { command: "zuv" } });
    mkdirSync(state("extensions/linked"), { recursive: true });
    symlinkSync(outside, state("extensions/linked/.mcp.json"));
    mkdirSync(state("extensions/dir/.mcp.json"), { recursive: true });
    put(
      state("extensions/large/.mcp.json"),
      `{"a":{"command":"zuv"},"x":"${"x".repeat(2_000_000)}"}`,
    );
    put(state("extensions/broken/.mcp.json"), "{");
    put(state("extensions/away/.codex-plugin/plugin.json"), {
      mcpServers: ["../../../outside.json", 7],
    });
    put(state("extensions/file"), "");
    symlinkSync("nowhere", state("extensions/dangling"));
    const { mcpServers } = await required();
    expect(mcpServers).toEqual([]);
  });

  test.runIf(process.getuid?.() === 0)(
    "a state directory that this user cannot read: none",
    async () => {
      plugin("tools", { fetch: { command: "zuv" } });
      chmodSync(state(""), 0o700);
      mkdirSync(place.prefix);
      for (const dir of [place.dir, place.home, place.prefix]) chmodSync(dir, 0o777);
      const env = { ...place.env, ...gateway };
      const words = ["--reuid=4242", "--regid=4242", "--clear-groups", process.execPath, bundle];
      const ran = await started(["setpriv", ...words, "zog"], { env, cwd: place.dir });
      expect(ran.status, ran.stderr).toBe(0);
      expect(Object.keys(place.manifest().tools)).toEqual(["zog"]);
    },
  );

  test("a plugin that comes, changes or goes makes the sh script ask Node", async () => {
    managedSkill("mail", "zog");
    mkdirSync(state("extensions"), { recursive: true });
    const settle = async () => {
      // A directory that has just changed is looked at again.
      await new Promise((done) => setTimeout(done, 2500));
      await place.start(gateway);
      expect((await place.start(gateway)).alone).toBe(true);
    };
    await settle();
    plugin("tools", { fetch: { command: "zuv" } });
    expect((await place.start(gateway)).alone).toBe(false);
    expect(Object.keys(place.manifest().tools).sort()).toEqual(["zog", "zuv"]);
    await settle();
    plugin("tools", { fetch: { command: "zog" } });
    expect((await place.start(gateway)).alone).toBe(false);
    await settle();
    rmSync(state("extensions/tools"), { recursive: true });
    expect((await place.start(gateway)).alone).toBe(false);
    await settle();
  });
});
