import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
    const read = (prefix: string | undefined, times = 1, path = "/usr/bin:/bin"): string => {
      const text = `set -eu; ${`. '${profile}'; `.repeat(times)} echo "$PATH|\${openclaw_volume-}"`;
      const env = {
        PATH: path,
        SHLVL: "1",
        ...(prefix === undefined ? {} : { OPENCLAW_SKILL_PREFIX: prefix }),
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

    test.each(["relative", ".", "/tmp:/usr", "-x"])("a prefix of %s does not count", (prefix) => {
      expect(read(prefix)).toBe(read(undefined));
    });
  });
}
