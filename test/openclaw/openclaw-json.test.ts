/**
 * The real OpenClaw reads the configurations of test/support/config-cases.ts: it sees the skills that our
 * command is expected to see. OpenClaw comes from the machine's npm registry and is kept in the cache.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { $ } from "zx";
import { configCases, configSkills } from "../support/config-cases.ts";
import { fetchOpenClaw } from "./package.ts";

let command: string | undefined;
let home: string;

beforeAll(async () => {
  command = await fetchOpenClaw().catch((error: unknown) => {
    process.stderr.write(`\nNOT TESTED with the real OpenClaw: ${error}\n\n`);
    return undefined;
  });
}, 900_000);
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "openclaw-json-")));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

test.each(configCases)("%s", async (_, files, expected, env = {}) => {
  if (command === undefined) return;
  for (const [path, text] of Object.entries({ ...configSkills, ...files })) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), text.replaceAll("{home}", home));
  }
  const run = $({
    cwd: home,
    quiet: true,
    nothrow: true,
    env: { PATH: process.env.PATH, HOME: home, ...env },
  });
  const { stdout, stderr } = await run`${process.execPath} ${command} skills list --json`;
  const { skills } = JSON.parse(stdout) as { skills: { name: string }[] };
  const ours = new Set(Object.keys(configSkills).map((path) => path.split("/").at(-2)));
  const seen = skills.flatMap(({ name }) => (ours.has(name) ? [name] : []));
  expect(seen.sort(), stderr).toEqual(expected);
});
