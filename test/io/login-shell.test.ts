import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkLoginShell, writeProfile } from "../../src/io/login-shell.ts";

const repository = join(import.meta.dirname, "..", "..");
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "login-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** A login shell reads $HOME/.profile, which here reads what /etc/profile.d would hold. */
function place(name: string) {
  const prefix = join(dir, name);
  const etc = join(dir, "profile.d");
  mkdirSync(join(prefix, "bin"), { recursive: true });
  mkdirSync(etc, { recursive: true });
  writeFileSync(join(prefix, "bin", "zog"), "#!/bin/sh\n", { mode: 0o755 });
  writeFileSync(join(dir, ".profile"), `for f in '${etc}'/*.sh; do . "$f"; done\n`);
  return {
    prefix,
    env: { HOME: dir, PATH: "/usr/bin:/bin", OPENCLAW_SKILL_PROFILE_DIR: etc },
    etc,
  };
}

test("a login shell finds the programs once the script is there, and not before", async () => {
  const { prefix, env } = place("it's a volume");
  writeFileSync(join(dir, "profile.d", "none.sh"), "");
  expect(await checkLoginShell(prefix, ["zog"], env)).toBe(false);
  await writeProfile(prefix, env, repository);
  expect(await checkLoginShell(prefix, ["zog"], env)).toBe(true);
  expect(await checkLoginShell(prefix, ["zog", "nope"], env)).toBe(false);
});

test("a script that is there already stays; the volume has its own", async () => {
  const { prefix, env, etc } = place("volume");
  const script = join(etc, "openclaw-skill-deps.sh");
  writeFileSync(script, "# the image's\n");
  await writeProfile(prefix, env, repository);
  expect(readFileSync(script, "utf8")).toBe("# the image's\n");
  const own = readFileSync(join(prefix, "etc/profile.d/openclaw-skill-deps.sh"), "utf8");
  expect(own).toContain(`openclaw_volume='${prefix}'`);
});

test("a volume's script also serves a place that has the volume elsewhere", async () => {
  const { prefix, env, etc } = place("gateway");
  await writeProfile(prefix, env, repository);
  const moved = join(dir, "moved");
  renameSync(prefix, moved);
  const script = join(etc, "openclaw-skill-deps.sh");
  writeFileSync(script, readFileSync(join(moved, "etc/profile.d/openclaw-skill-deps.sh")));
  expect(await checkLoginShell(moved, ["zog"], env)).toBe(false);
  const given = { ...env, OPENCLAW_SKILL_PREFIX: moved };
  expect(await checkLoginShell(moved, ["zog"], given)).toBe(true);
});
