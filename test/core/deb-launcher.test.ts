import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type DebLauncher, renderDebLauncher } from "../../src/core/deb-launcher.ts";

let dir: string;
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "launcher-")));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const shells = ["dash", "bash", "busybox"].filter((name) => existsSync(`/bin/${name}`));
const hostile = [
  "plain",
  "it's",
  'a "b" `touch ran` $(touch ran) $HOME',
  "*[a]?~#{}",
  "a\\b",
  "-n; touch ran",
  "}x",
];

/** A tree whose loader prints the arguments and one variable, and how to call it. */
function makeTree(root: string, over: Partial<DebLauncher> & Pick<DebLauncher, "place">): string {
  const loader = "lib/ld.so";
  const text = renderDebLauncher({
    loader,
    libraries: "usr/lib/openclaw-libs",
    command: [`{root}/programs/${over.place}`],
    env: {},
    fallbacks: [],
    ...over,
  });
  for (const path of [loader, over.place])
    mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, loader), `#!/bin/sh\nprintf '%s|' "$WORD" "$@"\n`);
  writeFileSync(join(root, over.place), text);
  for (const path of [loader, over.place]) chmodSync(join(root, path), 0o755);
  return join(root, over.place);
}

function run(shell: string, args: readonly string[], env = {}): string[] {
  const sh = shell === "busybox" ? ["/bin/busybox", "sh"] : [`/bin/${shell}`];
  const [program = "", ...rest] = [...sh, ...args];
  const options = { cwd: dir, encoding: "utf8", env: { PATH: "/usr/bin:/bin", ...env } } as const;
  return execFileSync(program, rest, options).split("|").slice(0, -1);
}

test("there is a shell to try", () => {
  expect(shells.length).toBeGreaterThan(0);
});

describe.each(shells)("in %s", (shell) => {
  test.each(hostile)("names, values and arguments are taken as they are: %s", (word) => {
    const root = join(dir, `tree ${word}`);
    const place = `usr/bin/${word}`;
    const launcher = makeTree(root, { place, env: { WORD: `{root}/${word}` } });
    symlinkSync(launcher, join(dir, "link"));
    for (const called of [launcher, join(dir, "link"), join(`tree ${word}`, place)]) {
      const [value, ...args] = run(shell, ["--", called, word, ""]);
      expect(value).toBe(`${root}/${word}`);
      expect(args).toEqual([
        "--inhibit-cache",
        "--library-path",
        `${root}/usr/lib/openclaw-libs`,
        "--argv0",
        called,
        `${root}/programs/${place}`,
        word,
        "",
      ]);
    }
    expect(run(shell, ["--", launcher], { WORD: word })[0]).toBe(word);
    expect(existsSync(join(dir, "ran"))).toBe(false);
  });

  test("without a loader the program itself is started, with the library path before the user's", () => {
    const root = join(dir, "it's");
    const launcher = makeTree(root, {
      place: "x",
      loader: undefined,
      command: ["{root}/real", "one"],
    });
    writeFileSync(join(root, "real"), `#!/bin/sh\nprintf '%s|' "$LD_LIBRARY_PATH" "$@"\n`);
    chmodSync(join(root, "real"), 0o755);
    const own = `${root}/usr/lib/openclaw-libs`;
    expect(run(shell, [launcher, "two"])).toEqual([own, "one", "two"]);
    expect(run(shell, [launcher], { LD_LIBRARY_PATH: "/a" })[0]).toBe(`${own}:/a`);
  });

  test("a fallback is for who has none", () => {
    const own = { variable: "WORD", own: "own" };
    const lacking = makeTree(join(dir, "a"), {
      place: "x",
      fallbacks: [{ ...own, system: "/absent" }],
    });
    const having = makeTree(join(dir, "b"), {
      place: "x",
      fallbacks: [{ ...own, system: "/usr" }],
    });
    expect(run(shell, [lacking])[0]).toBe(join(dir, "a/own"));
    expect(run(shell, [lacking], { WORD: "mine" })[0]).toBe("mine");
    expect(run(shell, [having])[0]).toBe("");
  });
});
