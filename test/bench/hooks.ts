import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type LibraryPlace, openLibraryPlace } from "../support/library-place.ts";
import { type Command, timeOften } from "./measure.ts";
import type { Line, Part } from "./report.ts";

const python = "/usr/bin/python3";

/**
 * What the hooks by which scripts find their packages add to the start of a script. Floors are the same start without
 * the hook, and with a hook that does nothing but what any hook of its kind must.
 */
export const hooks: Part = async (place, tell) => {
  const libraries = await openLibraryPlace();
  const [rounds, runs] = place.quick ? [6, 5] : [40, 5];
  try {
    for (const [title, entries] of Object.entries(races(libraries))) {
      for (let round = 0; round < rounds; round += 1) {
        place.say(`${title}: round ${round + 1} of ${rounds}`);
        // Before and after each other, because what else the machine does is different in every minute.
        const order = round % 2 === 0 ? entries : entries.toReversed();
        for (const [line, command] of order) line.samples.push(...timeOften(command, runs));
      }
      const note =
        "An empty script, and one that imports a package of one empty file. Without a hook, and with an empty one, the package lies beside the script.";
      tell({ title, note, unit: "ms", lines: entries.map(([line]) => line) });
    }
  } finally {
    await libraries.close();
  }
};

const register = `require("node:module").registerHooks({ resolve: (name, context, next) => next(name, context) });`;

function races(place: LibraryPlace): Record<string, [Line, Command][]> {
  const share = join(place.prefix, "share/openclaw-skill-deps");
  const skill = (name: string, lock: string): void => {
    place.write(`${name}/requirements.txt`, `alpha\n${lock}`);
    place.provide(name, "cpython-311", { "alpha.py": "" });
    place.write(`${name}/package.json`, '{ "dependencies": { "alpha": "1" } }');
    place.write(`${name}/package-lock.json`, lock);
    place.provide(name, "node", { "alpha/index.js": "" });
  };
  skill("one", "");
  skill("large", `# ${"x".repeat(60_000)}`);
  const elsewhere = (name: string, text = ""): string => {
    const file = join(place.home, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  };
  const hook = (file: string): string => join(share, file);
  const python3 = { PYTHONPATH: hook("python") };
  const emptyPython = { PYTHONPATH: dirname(elsewhere("empty/sitecustomize.py")) };
  elsewhere("empty/__pycache__"); // as in the volume: no bytecode may be kept
  elsewhere("alpha.py");
  elsewhere("node_modules/alpha/index.js");
  const node = { NODE_OPTIONS: `--require=${hook("node/register.cjs")}` };
  const emptyNode = { NODE_OPTIONS: `--require=${elsewhere("empty/register.cjs", register)}` };
  const race = (
    program: string,
    [suffix, text]: readonly [string, string],
    [empty, own]: readonly [Record<string, string>, Record<string, string>],
  ): [Line, Command][] => {
    const plain = elsewhere(`empty.${suffix}`);
    const importing = elsewhere(`import.${suffix}`, text);
    const rows: [name: string, script: string, env?: Record<string, string>, floor?: boolean][] = [
      ["no hook", plain, {}, true],
      ["an empty hook", plain, empty],
      ["a script elsewhere", plain, own],
      ["a skill's script", place.write(`one/empty.${suffix}`), own],
      ["import, no hook", importing, {}],
      ["import, an empty hook", importing, empty],
      ["a skill's import", place.write(`one/import.${suffix}`, text), own],
      ["the same, lock of 60 kB", place.write(`large/import.${suffix}`, text), own],
    ];
    return rows.map(([name, script, env, floor = false]) => [
      { name, floor, samples: [] },
      { argv: [program, script], env: { PATH: "/usr/bin:/bin", ...env }, cwd: place.home },
    ]);
  };
  return {
    "Start of Python": race(python, ["py", "import alpha"], [emptyPython, python3]),
    "Start of Node, ES modules": race(
      process.execPath,
      ["mjs", 'import "alpha"'],
      [emptyNode, node],
    ),
    "Start of Node, CommonJS": race(
      process.execPath,
      ["cjs", 'require("alpha")'],
      [emptyNode, node],
    ),
  };
}
