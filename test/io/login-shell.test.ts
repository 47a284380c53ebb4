import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkLoginShell, writeProfile } from "../../src/io/volume/login-shell.ts";

const repository = join(import.meta.dirname, "..", "..");
const found = { missing: [], shadowed: {} };
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
  expect(await checkLoginShell(prefix, ["zog"], env)).toEqual({ missing: ["zog"], shadowed: {} });
  await writeProfile(prefix, env, repository);
  expect(await checkLoginShell(prefix, ["zog"], env)).toEqual(found);
});

test("a program that the volume has not, or that cannot be executed, is no matter of PATH", async () => {
  const { prefix, env } = place("volume");
  writeFileSync(join(dir, "profile.d", "none.sh"), "");
  chmodSync(join(prefix, "bin", "zog"), 0o644);
  expect(await checkLoginShell(prefix, ["zog", "nope"], env)).toEqual(found);
});

test("another program of the name that comes first is told with its path", async () => {
  const { prefix, env, etc } = place("volume");
  const system = join(dir, "system");
  mkdirSync(system);
  writeFileSync(join(system, "zog"), "#!/bin/sh\n", { mode: 0o755 });
  writeFileSync(join(prefix, "bin", "yak"), "#!/bin/sh\n", { mode: 0o755 });
  await writeProfile(prefix, env, repository);
  writeFileSync(join(etc, "before.sh"), `PATH=${system}:$PATH\n`); // /etc/profile sets PATH again
  const shadowed = { zog: join(system, "zog") };
  expect(await checkLoginShell(prefix, ["zog", "yak"], env)).toEqual({ missing: [], shadowed });
  writeFileSync(join(etc, "z.sh"), `PATH=${prefix}/bin:$PATH\n`);
  expect(await checkLoginShell(prefix, ["zog", "yak"], env)).toEqual(found);
});

test("a link to the volume's program is the volume's; a word of the shell is not", async () => {
  const { prefix, env } = place("volume");
  const system = join(dir, "system");
  mkdirSync(system);
  symlinkSync(join(prefix, "bin", "zog"), join(system, "zog"));
  writeFileSync(join(prefix, "bin", "echo"), "#!/bin/sh\n", { mode: 0o755 });
  const talk = "echo welcome; printf 'no end of line'";
  writeFileSync(join(dir, "profile.d", "talk.sh"), `${talk}; PATH=${system}:$PATH\n`);
  expect(await checkLoginShell(prefix, ["zog", "echo"], env)).toEqual({
    missing: [],
    shadowed: { echo: "echo" },
  });
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
  expect((await checkLoginShell(moved, ["zog"], env)).missing).toEqual(["zog"]);
  const given = { ...env, OPENCLAW_SKILL_PREFIX: moved };
  expect(await checkLoginShell(moved, ["zog"], given)).toEqual(found);
});
