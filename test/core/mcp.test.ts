import { describe, expect, test } from "vitest";
import { parseOpenClawConfig } from "../../src/core/skills/config.ts";
import { isOfServer, mergeServers, requirementsOfServers } from "../../src/core/skills/mcp.ts";
import { isActive, type PluginFiles, readPlugin } from "../../src/core/skills/plugins.ts";

const parse = (document: object, env = {}) =>
  parseOpenClawConfig(JSON.stringify(document), "/openclaw.json", env);
const serversOf = (servers: object) => {
  const { config } = parse({ mcp: { servers } });
  return mergeServers([], { file: "/openclaw.json", servers: config.mcpServers });
};

describe("mcp.servers", () => {
  test.each([
    ["uvx", { command: "uvx", args: ["mcp-server-fetch"] }, "uvx"],
    ["npx with an environment", { command: "npx", env: { A: "${B}" } }, "npx"],
    ["a shell, of which nothing more is read", { command: "sh", args: ["-c", "uvx x"] }, "sh"],
    ["a command beside a url, which OpenClaw starts", { command: "node", url: "http://a" }, "node"],
    ["a remote one", { url: "http://localhost/mcp" }, undefined],
    ["an empty command", { command: " " }, undefined],
    ["a disabled one", { command: "uvx", enabled: false }, undefined],
    ["an enabled one", { command: "uvx", enabled: true }, "uvx"],
    ["an absolute path", { command: "/usr/bin/uvx" }, undefined],
    ["a relative path", { command: "./server" }, undefined],
    ["a command line", { command: "npx -y server" }, undefined],
    ["a number", { command: 7 }, undefined],
    ["a text", "uvx", undefined],
  ])("%s", (_what, server, expected) => {
    const [found] = serversOf({ one: server });
    expect(found?.selected ? found.program : undefined).toBe(expected);
    expect(found?.reason).not.toBe("");
  });

  test("what is wrong is reported, and never the value", () => {
    const { problems } = parse({ mcp: { servers: { one: { command: 7 }, two: "secret" } } });
    expect(problems).toEqual([
      "/openclaw.json: mcp.servers.one.command is 7; expected a text",
      "/openclaw.json: mcp.servers.two is a text; expected an object { ... }",
    ]);
  });

  test("a command in a variable is read, and makes the result depend on it", () => {
    const read = parse({ mcp: { servers: { one: { command: "${RUN}" } } } }, { RUN: "uvx" });
    expect(read.config.mcpServers.get("one")?.command).toBe("uvx");
    expect(read.hasVariables).toBe(true);
    const other = parse({ mcp: { servers: { one: { command: "uvx", args: ["${TOKEN}"] } } } });
    expect(other).toMatchObject({ hasVariables: false, problems: [] });
  });

  test("names of any kind are shown in one short line", () => {
    const names = ["fetch", "a\nb", "x".repeat(500), "__proto__"];
    const json = `{"mcp":{"servers":{${names.map((name) => `${JSON.stringify(name)}:{"command":"uvx"}`)}}}}`;
    const { config } = parseOpenClawConfig(json, "/openclaw.json", {});
    const titles = mergeServers([], { file: "", servers: config.mcpServers }).map((it) => it.title);
    expect(titles.slice(0, 2)).toEqual(["MCP server fetch", 'MCP server "a\\nb"']);
    expect(titles.every((title) => title.length < 90 && !title.includes("\n"))).toBe(true);
  });
});

test("openclaw.json replaces and disables the servers of plugins", () => {
  const { config } = parse({ mcp: { servers: { a: { command: "npx" }, b: { enabled: false } } } });
  const plugin = { command: "uvx", isDisabled: false };
  const servers = new Map(["a", "b", "c"].map((name) => [name, plugin] as const));
  const found = mergeServers([{ file: "/p/.mcp.json", plugin: "p", servers }], {
    file: "/openclaw.json",
    servers: config.mcpServers,
  });
  const shown = found.map(({ name, program, selected, file }) => [name, program, selected, file]);
  expect(shown).toEqual([
    ["c", "uvx", true, "/p/.mcp.json"],
    ["a", "npx", true, "/openclaw.json"],
    ["b", undefined, false, "/openclaw.json"],
  ]);
});

test("requirements are told from those of skills", () => {
  const [required] = requirementsOfServers(serversOf({ fetch: { command: "uvx" } }));
  expect(required).toMatchObject({ name: "MCP server fetch", bins: ["uvx"], anyBins: [] });
  expect(required && isOfServer(required)).toBe(true);
  const skill = { name: "MCP server fetch", sha256: "0".repeat(64), bins: ["uvx"], anyBins: [] };
  expect(isOfServer(skill)).toBe(false);
});

const filesFrom = (files: Record<string, unknown>): PluginFiles => ({
  has: (name) => name in files,
  read: (name) => files[name],
});
const server = (command: string) => ({ one: { command } });
const agent = "https://agent-plugins.org/schemas/1.0.0/plugin.schema.json";

describe("a plugin's directory", () => {
  test.each<[string, Record<string, unknown>, string | undefined, string[]]>([
    [
      "native, by its package",
      {
        "package.json": { name: "@x/tool", openclaw: { extensions: ["./index.js"] } },
        "openclaw.plugin.json": { id: "tool", mcpServers: server("node") },
        ".mcp.json": { mcpServers: server("uvx") },
      },
      "tool",
      ["node"],
    ],
    [
      "native, by its index file",
      { "index.mjs": "", "openclaw.plugin.json": { id: "tool", mcpServers: server("npx") } },
      "tool",
      ["npx"],
    ],
    ["a manifest without code", { "openclaw.plugin.json": { id: "tool" } }, undefined, []],
    [
      "Claude's, with a manifest",
      { ".claude-plugin/plugin.json": { name: "My Tool" }, ".mcp.json": server("uvx") },
      "my-tool",
      ["uvx"],
    ],
    ["Claude's, without one", { ".mcp.json": { servers: server("uvx") } }, "dir", ["uvx"]],
    [
      "Codex's, with another file",
      {
        ".codex-plugin/plugin.json": { name: "c", mcpServers: ["more.json"] },
        "more.json": { mcpServers: server("npx") },
      },
      "c",
      ["npx"],
    ],
    [
      "Cursor's, with servers in the manifest",
      { ".cursor-plugin/plugin.json": { name: "c", mcpServers: server("bunx") } },
      "c",
      ["bunx"],
    ],
    [
      "of the open standard",
      {
        "plugin.json": { $schema: agent, name: "a" },
        "mcp.json": { mcpServers: server("uvx") },
        ".mcp.json": { mcpServers: server("npx") },
      },
      "a",
      ["uvx"],
    ],
    ["no plugin", { "README.md": "" }, undefined, []],
    ["files of wrong kinds", { ".mcp.json": [1], "package.json": 7 }, "dir", []],
  ])("%s", (_what, files, id, programs) => {
    const found = readPlugin("/plugins/dir", filesFrom(files));
    expect(found?.id).toBe(id);
    const commands = found?.servers.flatMap(({ servers }) => [...servers.values()]) ?? [];
    expect(commands.map(({ command }) => command)).toEqual(programs);
  });
});

describe("a plugin counts", () => {
  const active = (plugins: object, origin: "config" | "workspace" | "global" = "global") =>
    isActive("Tool", origin, parse({ plugins }).config.plugins);

  test.each<[string, object, boolean]>([
    ["by default", {}, true],
    ["enabled", { entries: { tool: { enabled: true } } }, true],
    ["disabled", { entries: { TOOL: { enabled: false } } }, false],
    ["denied", { deny: ["tool"] }, false],
    ["allowed", { allow: ["Tool"] }, true],
    ["not among the allowed", { allow: ["other"], entries: { tool: { enabled: true } } }, false],
    ["all plugins off", { enabled: false, allow: ["tool"] }, false],
  ])("%s", (_what, plugins, expected) => {
    expect(active(plugins)).toBe(expected);
  });

  test("one in a workspace only by name", () => {
    expect(active({}, "workspace")).toBe(false);
    expect(active({ entries: { tool: { enabled: true } } }, "workspace")).toBe(true);
    expect(active({ allow: ["tool"] }, "workspace")).toBe(true);
  });
});
