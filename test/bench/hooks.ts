import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type LibraryPlace, openLibraryPlace } from "../support/library-place.ts";
import { type Command, timeOften } from "./measure.ts";
import type { Line, Part } from "./report.ts";

const python = "/usr/bin/python3";

/** What the hooks by which scripts find their packages add to the start of a script; plain starts are the floor. */
export const hooks: Part = async (place, tell) => {
  const libraries = await openLibraryPlace();
  const [rounds, runs] = place.quick ? [3, 10] : [10, 20];
  try {
    for (const [title, entries] of Object.entries(races(libraries))) {
      for (let round = 0; round < rounds; round += 1) {
        place.say(`${title}: round ${round + 1} of ${rounds}`);
        for (const [line, command] of entries) line.samples.push(...timeOften(command, runs));
      }
      const note =
        "An empty script, and one that imports a package of its set, which is one empty file.";
      tell({ title, note, unit: "ms", lines: entries.map(([line]) => line) });
    }
  } finally {
    await libraries.close();
  }
};

function races(place: LibraryPlace): Record<string, [Line, Command][]> {
  const share = join(place.prefix, "share/openclaw-skill-deps");
  const python3 = { PYTHONPATH: join(share, "python") };
  const node = { NODE_OPTIONS: `--require=${join(share, "node/register.cjs")}` };
  place.write("one/requirements.txt", "alpha\n");
  place.provide("one", "cpython-311", { "alpha.py": "" });
  place.write("one/package.json", '{ "dependencies": { "alpha": "1" } }');
  place.provide("one", "node", { "alpha/index.js": "" });
  const command = (argv: [string, ...string[]], env: Record<string, string>): Command => ({
    argv,
    env: { PATH: "/usr/bin:/bin", ...env },
    cwd: place.home,
  });
  const race = (
    program: string,
    [empty, own, importing]: [string, string, string],
    env: Record<string, string>,
  ): [Line, Command][] => [
    [{ name: "without the hook", floor: true, samples: [] }, command([program, empty], {})],
    [{ name: "a script elsewhere", samples: [] }, command([program, empty], env)],
    [{ name: "a skill's script", samples: [] }, command([program, own], env)],
    [{ name: "with an import", samples: [] }, command([program, importing], env)],
  ];
  const elsewhere = (name: string): string => {
    writeFileSync(join(place.home, name), "");
    return join(place.home, name);
  };
  return {
    "Start of Python": race(
      python,
      [elsewhere("x.py"), place.write("one/x.py"), place.write("one/y.py", "import alpha")],
      python3,
    ),
    "Start of Node": race(
      process.execPath,
      [elsewhere("x.mjs"), place.write("one/x.mjs"), place.write("one/y.mjs", 'import "alpha"')],
      node,
    ),
  };
}
