import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { factsOf, hasShell, makePlace, type Place, shells, write, writeSkill } from "./place.ts";
import { hash, named } from "./rows.ts";

let place: Place;
afterEach(() => place.remove());

/** Starts the command by a line of sh in which "$@" is the command. */
const by = (line: string): string[] => ["sh", "-c", line, "sh"];

for (const shell of shells) {
  describe.skipIf(!hasShell(shell))(shell[0], () => {
    test.each(["C.UTF-8", "en_US.UTF-8", "no_SUCH.UTF-8", ""])(
      "names that are not ASCII are as long as Node says, in the locale %j",
      async (LC_ALL) => {
        place = makePlace(shell);
        const dir = join(place.dir, "fähig keiten");
        const file = writeSkill(dir, "größe");
        const facts = factsOf(place);
        const inputs = facts.inputs.filter(({ skill }) => !skill);
        await place.record(["--skills-dir", dir], {
          roots: [dir],
          directories: [dir],
          inputs: [...inputs, { path: file, sha256: hash(file), skill: true }],
          satisfied: [hash(file)],
        });
        const { node, stderr } = place.run(["--skills-dir", dir], { env: { LC_ALL } });
        expect(node).toBeUndefined();
        expect(stderr).toContain("nothing to do");
      },
    );

    test("CMD has the locale that the command was started with", async () => {
      place = makePlace(shell);
      await place.record(named(place));
      const show = [...named(place), "--", "sh", "-c", 'echo "${LC_ALL-none}"'];
      expect(place.run(show, { env: { LC_ALL: "C.UTF-8" } }).stdout).toBe("C.UTF-8\n");
      expect(place.run(show).stdout).toBe("none\n");
    });

    test("PATH is no pattern", async () => {
      place = makePlace(shell);
      write(join(place.systemBin, "only-here"), "", 0o755);
      await place.record(named(place), { system: ["only-here"] });
      expect(place.run(named(place)).node).toBeUndefined();
      const PATH = `${place.dir}/*:${place.dir}/[s]ystem:/usr/local/bin:/usr/bin:/bin`;
      expect(place.run(named(place), { env: { PATH } }).node).toBeDefined();
    });

    test.each([
      ["empty and relative entries, newlines, blanks", "::rel:\n: /a b:"],
      ["none that is absolute", "x:"],
    ])("PATH with %s", async (_what, begin) => {
      place = makePlace(shell);
      await place.record(named(place));
      const PATH = `${begin}:/usr/local/bin:/usr/bin:/bin:`;
      expect(place.run(named(place), { env: { PATH } }).node).toBeUndefined();
    });

    test("what shells take from the environment changes nothing", async () => {
      place = makePlace(shell);
      await place.record(named(place));
      const env = { IFS: "/lo", CDPATH: "/tmp:/", ENV: "/nonexistent", BASH_ENV: "/nonexistent" };
      expect(place.run(named(place), { env }).node).toBeUndefined();
    });

    test.each(["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full 2>/dev/full"])(
      "streams that are %s",
      async (streams) => {
        place = makePlace(shell);
        const behind = by(`exec "$@" ${streams}`);
        const first = place.run(["install"], { behind });
        expect([first.status, first.node?.args]).toEqual([0, ["install"]]);
        await place.record(named(place));
        const { node, status } = place.run(named(place), { behind });
        expect([status, node]).toEqual([0, undefined]);
        const up = join(place.dir, "up");
        place.run([...named(place), "--", "mkdir", up], { behind });
        rmdirSync(up); // it is there
      },
    );

    test("a working directory that is gone", async () => {
      place = makePlace(shell);
      const gone = join(place.dir, "gone");
      const behind = by(`cd ${gone} && rmdir ${gone} && exec "$@"`);
      mkdirSync(gone);
      const { status, node } = place.run(named(place), { behind });
      expect([status, node?.args]).toEqual([0, named(place)]);
    });
  });
}
