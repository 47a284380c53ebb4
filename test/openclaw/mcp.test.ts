/**
 * MCP servers of the real OpenClaw: their programs come from the volume, and the plugins' servers that we count
 * are those that its own code finds.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { $ } from "zx";
import { npmTarball } from "../support/archives.ts";
import { type Gateway, openGateway } from "./gateway.ts";

const openclaw = inject("openclaw");
const missing = "missing" in openclaw ? openclaw.missing : "";
let gateway: Gateway;

/** A stdio server with one tool, without any library. */
const greeter = `#!/usr/bin/env node
const answers = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "greet", version: "1.0.0" } }),
  "tools/list": () => ({ tools: [{ name: "hello", description: "Greets.", inputSchema: { type: "object" } }] }),
  ping: () => ({}),
};
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (answers[method]) console.log(JSON.stringify({ jsonrpc: "2.0", id, result: answers[method](params) }));
});
`;

const put = (path: string, content: object | string): void => {
  const file = join(gateway.place.home, ".openclaw", path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
};

interface Server {
  readonly name: string;
  readonly program: string | null;
  readonly selected: boolean;
}

/** The servers that our command counts: name to program. */
async function counted(): Promise<Record<string, string | null>> {
  const { stdout } = await gateway.provide("requirements", "--json");
  const { mcpServers } = JSON.parse(stdout) as { mcpServers: Server[] };
  const selected = mcpServers.filter((server) => server.selected);
  return Object.fromEntries(selected.map(({ name, program }) => [name, program]));
}

/** The same by OpenClaw's own code, whose file names change with each version. */
async function foundByOpenClaw(cfg: object): Promise<Record<string, string>> {
  const dist = "command" in openclaw ? join(dirname(openclaw.command), "dist") : "";
  const file = readdirSync(dist).find((name) => /^bundle-mcp-[\w-]{8}\.mjs$/.test(name)) ?? "";
  const script = `
    const [file, workspaceDir, cfg] = process.argv.slice(1);
    const load = Object.values(await import(file)).find(({ name }) => name === "loadEnabledBundleMcpConfig");
    const { config } = load({ workspaceDir, cfg: JSON.parse(cfg) });
    console.log(JSON.stringify(config.mcpServers));`;
  const words = [join(dist, file), gateway.workspace, JSON.stringify(cfg)];
  const run = $({ env: gateway.env(), quiet: true });
  const { stdout } = await run`${process.execPath} --input-type=module -e ${script} ${words}`;
  const servers = JSON.parse(stdout) as Record<string, { command?: string }>;
  const local = Object.entries(servers).flatMap(([name, { command }]) =>
    command === undefined ? [] : [[name, command] as const],
  );
  return Object.fromEntries(local);
}

async function probe(): Promise<{ tools: string[]; diagnostics: { message: string }[] }> {
  const words = ["mcp", "probe", "greet", "--json"];
  const { stdout } = await gateway.openclaw(words, join(gateway.volume, "bin"));
  return JSON.parse(stdout.slice(stdout.indexOf("{"), stdout.lastIndexOf("}") + 1));
}

describe.skipIf(missing)(missing ? `OpenClaw is not here: ${missing}` : "MCP servers", () => {
  beforeAll(async () => {
    gateway = await openGateway();
  });
  afterAll(() => gateway.close());

  test("npx from the volume starts one", async () => {
    const { server, home } = gateway.place;
    const bin = { greet: "greet.js" };
    const tarball = npmTarball(
      "greet",
      "1.0.0",
      { "greet.js": { body: greeter, mode: 0o755 } },
      { bin },
    );
    server.publish("greet", "1.0.0", tarball, { manifest: { bin } });
    const env = { npm_config_registry: server.registry, npm_config_cache: join(home, "npm") };
    gateway.configure({
      others: { mcp: { servers: { greet: { command: "npx", args: ["-y", "greet"], env } } } },
    });
    const before = await gateway.provide("doctor");
    expect(before.exitCode).toBe(4);
    expect(before.stdout).toMatch(/npm.* \(for MCP server greet.*\): not installed yet/);
    const { exitCode, stderr } = await gateway.provide();
    expect(exitCode, stderr).toBe(0);
    expect(existsSync(join(gateway.volume, "bin/npx"))).toBe(true);
    const { tools, diagnostics } = await probe();
    expect(diagnostics).toEqual([]);
    expect(tools).toContain("greet__hello");
    expect(server.hits("/registry/greet")).toBeGreaterThan(0);
    process.stdout.write(
      `  openclaw mcp probe greet: ${tools.join(", ")}, by npx of ${gateway.volume}/bin\n`,
    );
  });

  test.each<[string, object]>([
    ["by default", {}],
    ["none", { enabled: false }],
    ["allowed ones", { allow: ["codexy"] }],
    ["denied ones", { deny: ["native", "CUR"] }],
    ["one of a workspace", { entries: { wsp: { enabled: true }, agenty: { enabled: false } } }],
    ["an allowed one of a workspace", { allow: ["wsp"] }],
    [
      "enabled, but not among the allowed",
      { allow: ["native"], entries: { cur: { enabled: true } } },
    ],
    ["a directory of plugins", { load: { paths: ["~/plugins"] } }],
    ["a plugin's directory", { load: { paths: ["~/plugins/one"] }, allow: ["one"] }],
  ])("of plugins: %s", async (_what, plugins) => {
    const server = (name: string, command: string) => ({ [name]: { command } });
    put("extensions/claude1/.mcp.json", { mcpServers: server("c1", "uvx") });
    put("extensions/claude2/.claude-plugin/plugin.json", {
      name: "Claude 2",
      mcpServers: server("c2", "npx"),
    });
    put("extensions/claude2/.mcp.json", server("c3", "node"));
    put("extensions/codex/.codex-plugin/plugin.json", {
      name: "codexy",
      mcpServers: ["more.json"],
    });
    put("extensions/codex/more.json", { servers: server("cx", "uvx") });
    put("extensions/cursor/.cursor-plugin/plugin.json", { name: "cur", mcpServers: "x.json" });
    put("extensions/cursor/x.json", {
      ...server("cu", "bunx"),
      far: { url: "http://127.0.0.1/x" },
    });
    put("extensions/agent/plugin.json", {
      $schema: "https://agent-plugins.org/schemas/1.0.0/plugin.schema.json",
      name: "agenty",
    });
    put("extensions/agent/mcp.json", {
      $schema: "https://agent-plugins.org/schemas/1.0.0/mcp.schema.json",
      mcpServers: { ag: { type: "stdio", command: "uvx" } },
    });
    put("extensions/native/openclaw.plugin.json", {
      id: "native",
      configSchema: { type: "object" },
      mcpServers: server("na", "node"),
    });
    put("extensions/native/index.js", "export default { id: 'native', register() {} };\n");
    put("workspace/.openclaw/extensions/wsp/.mcp.json", server("w", "uvx"));
    put("../plugins/one/.mcp.json", server("l1", "npx"));
    const text = JSON.stringify(plugins).replaceAll("~", gateway.place.home);
    const cfg = { plugins: JSON.parse(text) };
    gateway.configure({ others: cfg });
    expect(await counted()).toEqual(await foundByOpenClaw(cfg));
    rmSync(join(gateway.place.home, ".openclaw/extensions"), { recursive: true });
  });
});
