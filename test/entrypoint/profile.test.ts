import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { absolute, hasShell, shells } from "./place.ts";

const profile = join(import.meta.dirname, "..", "..", "entrypoint", "profile.sh");
let volume: string;
beforeEach(() => {
  volume = mkdtempSync(join(tmpdir(), "profile-"));
  mkdirSync(join(volume, "bin"));
});
afterEach(() => rmSync(volume, { recursive: true }));

for (const [name, command = "", ...words] of [...shells, ["bash as itself", "bash"]]) {
  describe.skipIf(!hasShell(["", command]))(String(name), () => {
    /** PATH after the profile was read as often, and whatever else it left. */
    const read = (prefix: string | undefined, times = 1, path = "/usr/bin:/bin"): string =>
      tell('"$PATH|${openclaw_volume-}${openclaw_hooks-}"', prefix, times, { PATH: path });

    const tell = (
      asked: string,
      prefix: string | undefined,
      times = 1,
      more: Record<string, string> = {},
    ): string => {
      const text = `set -eu; ${`. '${profile}'; `.repeat(times)} echo ${asked}`;
      const env = {
        PATH: "/usr/bin:/bin",
        SHLVL: "1",
        ...(prefix === undefined ? {} : { OPENCLAW_SKILL_PREFIX: prefix }),
        ...more,
      };
      const { stdout, stderr } = spawnSync(absolute(command), [...words, "-c", text], {
        env,
        encoding: "utf8",
      });
      return stdout.trim() + stderr;
    };

    test("appends the volume's bin once, and leaves nothing else", () => {
      expect(read(volume)).toBe(`/usr/bin:/bin:${volume}/bin|`);
      expect(read(volume, 3)).toBe(`/usr/bin:/bin:${volume}/bin|`);
      expect(read(volume, 1, `${volume}/bin:/usr/bin`)).toBe(`${volume}/bin:/usr/bin|`);
    });

    test("does nothing without the volume", () => {
      expect(read(join(volume, "nowhere"))).toBe("/usr/bin:/bin|");
    });

    describe("hooks by which scripts find their packages", () => {
      const hooks = (prefix: string, times?: number, more?: Record<string, string>): string =>
        tell('"${PYTHONPATH-unset}|${NODE_OPTIONS-unset}"', prefix, times, more);
      const add = (prefix: string, ...paths: string[]): void => {
        for (const path of paths) {
          const file = join(prefix, "share/openclaw-skill-deps", path);
          mkdirSync(dirname(file), { recursive: true });
          writeFileSync(file, "");
        }
      };
      const files = ["python/sitecustomize.py", "node/register.cjs"];

      test("are added once, each in its place, if the volume has packages", () => {
        add(volume, ...files);
        expect(hooks(volume)).toBe("unset|unset");
        add(volume, "libraries/entry");
        const share = `${volume}/share/openclaw-skill-deps`;
        const [path, option] = [`${share}/python`, `--require=${share}/node/register.cjs`];
        expect(hooks(volume)).toBe(`${path}|${option}`);
        expect(hooks(volume, 3)).toBe(`${path}|${option}`);
        const own = { PYTHONPATH: "/own", NODE_OPTIONS: "--own" };
        expect(hooks(volume, 2, own)).toBe(`${path}:/own|--own ${option}`);
      });

      test("are not added where one is missing", () => {
        add(volume, "libraries/entry");
        expect(hooks(volume)).toBe("unset|unset");
        add(volume, files[0] as string);
        expect(hooks(volume)).toBe(`${volume}/share/openclaw-skill-deps/python|unset`);
      });

      test("a path that Node would split is none for it", () => {
        const spaced = join(volume, "a b");
        add(spaced, ...files, "libraries/entry");
        expect(hooks(spaced)).toBe(`${spaced}/share/openclaw-skill-deps/python|unset`);
      });
    });

    test.each(["relative", ".", "/tmp:/usr", "-x"])("a prefix of %s does not count", (prefix) => {
      expect(read(prefix)).toBe(read(undefined));
    });
  });
}
