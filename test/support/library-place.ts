/**
 * A volume with packages for skills, as scripts find them: the command's own run links its hooks, and trees and
 * index are made by hand.
 *
 *   const place = await openLibraryPlace();
 *   place.write("one/requirements.txt", "alpha");
 *   place.provide("one", "cpython-311", { "alpha.py": "name = 'alpha'" });
 *   const { stdout } = await place.startAs([python, join(place.skills, "one/scripts/y.py")]);
 *   await place.close();
 */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { declaredSets } from "../../src/core/libraries/skill-sets.ts";
import { digestedBytes, type LibraryLine } from "../../src/core/library-set.ts";
import { readDependencyFiles } from "../../src/io/inputs/dependency-files.ts";
import { type Finished, started } from "./started.ts";
import { openWorkplace, repository, type Workplace } from "./workplace.ts";

type Files = Readonly<Record<string, string>>;

export interface LibraryPlace extends Workplace {
  /** Where the index is. */
  readonly index: string;
  /** Writes a file of a skill: `one/scripts/x.py`. The skill gets a SKILL.md. */
  write(path: string, text?: string): string;
  /** Puts the packages of a skill's set into the volume; `file` tells which of several sets. */
  provide(skill: string, line: LibraryLine, files: Files, file?: string): string;
  /** Starts a program in an environment that has read the profile script, as a login shell has. */
  startAs(argv: readonly string[], options?: { cwd?: string; env?: Files }): Promise<Finished>;
}

export async function openLibraryPlace(): Promise<LibraryPlace> {
  const place = await openWorkplace();
  const index = join(place.prefix, "share/openclaw-skill-deps/libraries");
  mkdirSync(place.prefix);
  place.skill("one", {});
  await place.run();
  mkdirSync(index);
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  return {
    ...place,
    index,
    write(path, text = "") {
      const [name = ""] = path.split("/");
      place.skill(name, {});
      const file = join(place.skills, path);
      write(file, text);
      return file;
    },
    provide(skill, line, files, file) {
      const language = line === "node" ? "node" : "python";
      const sets = declaredSets(readDependencyFiles(join(place.skills, skill)));
      const set = sets.find((it) => it.language === language && (!file || it.file === file));
      if (!set || set.refused.length > 0) throw new Error(`${skill} has no such set`);
      const tree = `lib/skills/${set.digest.slice(0, 16)}-${line}-0123456789ab`;
      const inner = line === "node" ? "" : "/site-packages";
      for (const [path, text] of Object.entries(files)) {
        write(
          join(place.prefix, tree, line === "node" ? "node_modules" : "site-packages", path),
          text,
        );
      }
      symlinkSync(`../../../${tree}${inner}`, join(index, `${set.digest}-${line}`));
      if (line === "node") {
        const parts = Object.entries(set.files).map(([name, text]) => ({
          ...{ name, bytes: Buffer.from(text) },
        }));
        const bytes = digestedBytes("node", parts);
        writeFileSync(join(index, `${set.digest}-node-${bytes.length}`), bytes);
      }
      return join(place.prefix, tree + inner);
    },
    startAs: (argv, { cwd = place.home, env = {} } = {}) =>
      started(
        [
          "/bin/sh",
          "-c",
          `. "$0" && exec "$@"`,
          join(repository, "entrypoint/profile.sh"),
          ...argv,
        ],
        {
          cwd,
          env: {
            PATH: "/usr/bin:/bin",
            OPENCLAW_SKILL_PREFIX: place.prefix,
            HOME: place.home,
            ...env,
          },
        },
      ),
  };
}
