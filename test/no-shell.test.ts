/** Nothing that others wrote is ever read by a shell: not by ours, not by a launcher, not by the entrypoint. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { quote, renderLauncher } from "../src/core/launcher.ts";
import { repository } from "./support/workplace.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "no-shell-"));
  mkdirSync(join(dir, "cwd"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Each would leave a file called evil in the working directory, if a shell ever read it. */
const hostile = [
  "$(touch evil)",
  "`touch evil`",
  "; touch evil;",
  "\ntouch evil\n",
  "'; touch evil; '",
  '"; touch evil; "',
  "a && touch evil",
  "| touch evil",
  "> evil",
  "*; ${IFS}touch${IFS}evil",
  "-e touch evil",
  "--",
  "*",
  "/*/*",
  " a  b ",
  "%s%n\\n\\",
];

const shells = ["/bin/sh", "/bin/bash", "/usr/bin/busybox"].filter((shell) => {
  return readdirSync(join(shell, "..")).includes(shell.split("/").at(-1) ?? "");
});
const sh = (shell: string): string[] => (shell.endsWith("busybox") ? [shell, "sh"] : [shell]);

function run(argv: readonly string[], env: Readonly<Record<string, string>>): string {
  const [file = "", ...args] = argv;
  const options = {
    cwd: join(dir, "cwd"),
    env: { PATH: "/usr/bin:/bin", ...env },
    timeout: 30_000,
  };
  try {
    return execFileSync(file, args, {
      ...options,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (error) {
    const { status, stdout } = error as { status: number | null; stdout: string };
    expect(status, "it hangs, or was killed").not.toBeNull();
    return stdout;
  }
}

const expectNothingRun = (): void => expect(readdirSync(join(dir, "cwd"))).toEqual([]);

const bundleScript = "new Script(text, { filename, ...(cachedData && { cachedData }) });";

/** The two that a shell runs: it becomes the plugin's command, whose words are arguments; or it reads them. */
const scripts: Readonly<Record<string, { name: string; start: string }>> = {
  "plugin/child.ts": { name: "beside", start: 'spawn("/bin/sh", ["-c", beside, "sh", ...argv], {' },
  "io/starter.ts": { name: "script", start: 'spawn("/bin/sh", ["-c", script], {' },
};
const scriptIn = (file: string): string => {
  const text = readFileSync(join(repository, "src", file), "utf8");
  return new RegExp(`const ${scripts[file]?.name} = \`(.*?)\`;`, "s").exec(text)?.[1] ?? "";
};

test("programs are started by execFile alone, or by a shell with a fixed script; no text is compiled but the bundle", () => {
  const source = join(repository, "src");
  const files = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => [name, readFileSync(join(source, name), "utf8")] as const);
  const users = files.filter(([, text]) => /"(node:)?child_process"/.test(text));
  expect(users.map(([name]) => name)).toEqual(["io/exec.ts", "io/starter.ts", "plugin/child.ts"]);
  for (const [name, text] of files) {
    expect(text, name).not.toMatch(/shell:/);
    expect(text, name).not.toMatch(/\b(eval|Function)\(|eval: true/);
    if (name === "pieces.ts") expect(text.match(/new Script\(.*/g)).toEqual([bundleScript]);
    else expect(text, name).not.toMatch(/node:vm/);
    if (scripts[name]) {
      expect(text.split(scripts[name].start)).toHaveLength(2);
      expect(text.match(/\/bin\//g)).toHaveLength(1);
      expect(scriptIn(name)).toMatch(/\w/);
      expect(scriptIn(name)).not.toContain("${");
    }
    if (name === "io/exec.ts")
      expect(text).toMatch(/import \{ execFile \} from "node:child_process"/);
  }
});

describe.each(shells)("%s", (shell) => {
  test.each(hostile)("a quoted word is that word: %j", (word) => {
    expect(run([...sh(shell), "-c", `printf %s ${quote(word)}`], {})).toBe(word);
    expectNothingRun();
  });

  test.each(hostile.filter((word) => !word.includes("\n")))(
    "what the starter of smoke tests reads: %j",
    (word) => {
      const told = join(dir, "told");
      const words = ["7", join(dir, "cwd"), "/bin/sh", "-c", `printf %s "$1" >${told}`, "sh", word];
      const [file = "", ...args] = [...sh(shell), "-c", scriptIn("io/starter.ts")];
      const input = `${[words.length, ...words].join("\n")}\n`;
      expect(execFileSync(file, args, { input, encoding: "utf8", timeout: 30_000 })).toBe("7 0\n");
      expect(readFileSync(told, "utf8")).toBe(word);
      expectNothingRun();
    },
  );

  test.each(hostile.filter((word) => !word.includes("/")))("a launcher of %j", (word) => {
    const volume = join(dir, `volume ${word}`);
    mkdirSync(join(volume, "bin"), { recursive: true });
    mkdirSync(join(volume, "lib", word), { recursive: true });
    writeFileSync(join(volume, "bin", "node"), '#!/bin/sh\nprintf "%s|" "${1##*/}" "$2"\n');
    writeFileSync(join(volume, "lib", word, "main.js"), "");
    const launcher = join(volume, "bin", "tool");
    const path = `lib/${word}/main.js`;
    writeFileSync(launcher, renderLauncher({ path, size: 0, runtime: "node" }));
    chmodSync(join(volume, "bin", "node"), 0o755);
    symlinkSync(launcher, join(dir, "link to it"));
    for (const place of [launcher, join(dir, "link to it")]) {
      expect(run([...sh(shell), place, word], {})).toBe(`main.js|${word}|`);
    }
    expectNothingRun();
  });

  test.each(hostile)("the entrypoint with %j everywhere", (word) => {
    const packageDir = join(dir, "package");
    cpSync(join(repository, "entrypoint"), join(packageDir, "entrypoint"), { recursive: true });
    const prefix = join(dir, `volume ${word.replaceAll("/", ":")}`);
    plantRecords(prefix, word);
    const names = ["SKILLS", "SKILL_DIRS", "SKILL_RECIPES", "SKILL_DEPS_NODE", "HOME", "STATE_DIR"];
    const more = ["CONFIG_PATH", "WORKSPACE_DIR", "BUNDLED_SKILLS_DIR", "SKILL_MIRRORS"];
    const env = Object.fromEntries([...names, ...more].map((name) => [`OPENCLAW_${name}`, word]));
    const script = join(packageDir, "entrypoint", "openclaw-install-skill-deps");
    for (const extra of [{}, env, { ...env, HOME: word, XDG_DATA_HOME: word, IFS: "t" }]) {
      const given = { OPENCLAW_SKILL_PROFILE_DIR: "", OPENCLAW_SKILL_PREFIX: prefix, ...extra };
      run([...sh(shell), script], given);
      run([...sh(shell), script, "--", "printf", "%s", word], given);
      run([...sh(shell), script, "--skills-dir", word, "--prefix", word, word], given);
    }
    expectNothingRun();
  });

  test.each(hostile)("the profile script with %j", (word) => {
    const profile = join(repository, "entrypoint", "profile.sh");
    const script = '. "$1"; printf %s "$PATH"';
    const path = run([...sh(shell), "-c", script, "sh", profile], { OPENCLAW_SKILL_PREFIX: word });
    expect(path).toMatch(/^\/usr\/bin:\/bin(:\/opt\/openclaw\/bin)?$/);
    expectNothingRun();
  });
});

/** Records of the steady state as an agent could write them. */
function plantRecords(prefix: string, word: string): void {
  const steady = join(prefix, "share/openclaw-skill-deps/freshness");
  mkdirSync(join(prefix, "bin"), { recursive: true });
  const names = ["any-0", `any-${word.replaceAll("/", ":")}`];
  for (const name of names) {
    const record = join(steady, name);
    for (const kind of ["files", "roots", "listed", "programs", "watch"]) {
      mkdirSync(join(record, kind), { recursive: true });
      symlinkSync(word, join(record, kind, word.replaceAll("/", ":")));
    }
    const arch = process.arch === "arm64" ? "arm64" : "x64";
    writeFileSync(join(record, "view"), `1 ${arch}-glibc\n${word}\n`);
    for (const file of ["system", "unmet", "sizes", "stat", "content", "satisfied"]) {
      writeFileSync(join(record, file), `${word}: ${word}\n${word}\n`);
    }
  }
}
