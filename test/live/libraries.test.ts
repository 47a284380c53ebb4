/** Skills' own libraries from the machine's registries: those that skills use most, imported once each. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { $ } from "zx";
import { repository } from "../support/workplace.ts";

let dir: string;
let prefix: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "live-libraries-"));
  prefix = join(dir, "volume");
});
afterAll(() => rmSync(dir, { recursive: true, force: true }), 60_000);

function skill(name: string, files: Readonly<Record<string, string>>): string {
  const skills = join(dir, name);
  mkdirSync(join(skills, name), { recursive: true });
  const head = `---\nname: ${name}\ndescription: A skill.\n---\n`;
  for (const [file, text] of Object.entries({ "SKILL.md": head, ...files }))
    writeFileSync(join(skills, name, file), text);
  return skills;
}

async function install(skills: string, ...args: string[]) {
  const env = {
    ...process.env,
    OPENCLAW_SKILL_PREFIX: prefix,
    OPENCLAW_SKILL_PROFILE_DIR: "",
    OPENCLAW_SKILL_RECIPES: join(repository, "test/fixtures/recipes"), // a Python from the registry
  };
  const run = $({ cwd: repository, quiet: true, nothrow: true, env });
  return await run`entrypoint/openclaw-install-skill-deps --skills-dir ${skills} --ignore-system --allow-libraries ${args}`;
}

/** What the index leads to, by the line of its set. */
const found = (line: string): string[] => {
  const index = join(prefix, "share/openclaw-skill-deps/libraries");
  return readdirSync(index)
    .filter((name) => name.endsWith(`-${line}`))
    .map((name) => join(index, name));
};

function runWith(argv: readonly [string, ...string[]], env: Readonly<Record<string, string>>) {
  const [program, ...args] = argv;
  const options = { encoding: "utf8", stdio: "pipe", cwd: dir } as const;
  return execFileSync(program, args, {
    ...options,
    env: { PATH: "/usr/bin:/bin", HOME: dir, ...env },
  });
}

describe("libraries", { timeout: 600_000 }, () => {
  test("Python: for the volume's own and for the line of the stock sandbox, each imported once", async () => {
    const requirements = "requests\npyyaml>=6\npandas\nlxml\npillow\n";
    const { exitCode, stderr } = await install(
      skill("py-skill", { "requirements.txt": requirements }),
    );
    expect(stderr).toMatch(/Python 3\.11 packages of py-skill: installed/);
    expect(exitCode).toBe(0);
    const [own = ""] = found("cpython-312");
    const script =
      "import io, requests, yaml, pandas, lxml.etree, PIL.Image\n" +
      "frame = pandas.read_csv(io.StringIO('a,b\\n1,2\\n'))\n" +
      "PIL.Image.new('RGB', (2, 2)).save(io.BytesIO(), 'PNG')\n" +
      "print(frame.b[0], yaml.safe_load('a: 3')['a'], lxml.etree.fromstring('<x/>').tag)";
    const python = join(prefix, "bin/python3");
    expect(runWith([python, "-c", script], { PYTHONPATH: own })).toBe("2 3 x\n");
    const [stock = ""] = found("cpython-311");
    const built = readdirSync(join(stock, "lxml")).filter((name) => name.endsWith(".so"));
    expect(built.length).toBeGreaterThan(0);
    for (const name of built) expect(name).toMatch(/cpython-311|abi3/);
    const record = join(prefix, "share/openclaw-skill-deps/declared.json");
    expect(readFileSync(record, "utf8")).toMatch(/cp311-\w+linux[\w.]*_aarch64\.whl/); // for a fleet
    const again = await install(join(dir, "py-skill"));
    expect(again.stderr).toMatch(/nothing to do/);
  });

  test("Node: pure packages, prebuilt ones, and one that cannot be built here", async () => {
    const dependencies = {
      axios: "^1",
      "playwright-core": "*",
      sharp: "^0.34.0",
      "better-sqlite3": "^11",
    };
    const packageJson = JSON.stringify({ dependencies });
    const { exitCode, stderr } = await install(skill("js-skill", { "package.json": packageJson }));
    expect(stderr).toMatch(/better-sqlite3.*\[E_LIBRARIES_SCRIPTS\]/s);
    expect(exitCode).toBe(0);
    const [tree = ""] = found("node");
    const script = (line: string): string => {
      const file = join(tree, "..", "..", "..", "..", "try.cjs");
      writeFileSync(file, line.replaceAll(/require\("/g, `require("${tree}/node_modules/`));
      return file;
    };
    const start = (line: string) => runWith([process.execPath, script(line)], {});
    expect(start('console.log(typeof require("axios").get)')).toBe("function\n");
    expect(start('console.log(typeof require("playwright-core").chromium.launch)')).toBe(
      "function\n",
    );
    const image =
      'require("sharp")({ create: { width: 2, height: 2, channels: 3, background: "red" } }).png().toBuffer().then((it) => console.log(it.length > 50))';
    expect(start(image)).toBe("true\n");
    // Its binary would be downloaded or built by a script.
    const database = 'new (require("better-sqlite3"))(":memory:")';
    expect(() => start(database)).toThrow(/Could not locate the bindings file/);
  });

  test("what has no wheel or is too large ends with its name, and the rest of the run goes on", async () => {
    const skills = skill("odd-skill", { "requirements.txt": "docopt==0.6.2\n" });
    const { exitCode, stderr } = await install(skills);
    expect(stderr).toMatch(
      /docopt has no wheel \(source distributions only\).*E_LIBRARIES_NO_WHEEL/s,
    );
    expect(exitCode).toBe(0); // no retry can help
    const large = await install(skill("large-skill", { "requirements.txt": "torch\n" }));
    expect(large.stderr).toMatch(/torch \(\d+ MB\).*machine-learning.*E_LIBRARIES_TOO_LARGE/s);
  });
});
