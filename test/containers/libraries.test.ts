/** Scripts of skills in a hardened sandbox, with packages and programs of the machine's own registries. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { $ } from "zx";
import { repository } from "../support/workplace.ts";
import { host } from "./host.ts";
import { fetchUv } from "./python-tools.ts";
import { openPlace, type Place, type Sandbox } from "./sandbox.ts";

const files = {
  "py/requirements.txt": "requests<3\npyyaml\n",
  "py/scripts/tell.py": 'import requests, yaml; print("py", requests.__file__)',
  "py/scripts/own.py": `# /// script
# requires-python = ">=3.8"
# dependencies = ["rich", "httpx[http2]>=0.27"]
# ///
import rich, httpx, h2
print("own", httpx.__file__)
`,
  "js/package.json": '{ "dependencies": { "nanoid": "^5", "ms": "^2", "semver": "^7" } }',
  "js/scripts/tell.mjs":
    'import { nanoid } from "nanoid"; import ms from "ms"; console.log("esm", typeof nanoid(), ms("1h"));',
  "js/scripts/tell.cjs":
    'console.log("cjs", require("semver").valid("1.2.3"), require("ms")("1h"));',
  "other/scripts/tell.py": "import requests",
};
const hooks = "/opt/openclaw/share/openclaw-skill-deps";

let place: Place;
let uv: string;
beforeAll(async () => {
  place = openPlace();
  for (const name of ["py", "js", "other"]) place.skill(name, []);
  const skills = join(place.dir, "workspace/skills");
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(skills, path)), { recursive: true });
    writeFileSync(join(skills, path), text);
  }
  const env = {
    ...process.env,
    OPENCLAW_SKILL_RECIPES: join(repository, "test/fixtures/recipes"), // a Python from the registry
    OPENCLAW_SKILL_PROFILE_DIR: "",
    OPENCLAW_SKILL_TOOLS: "node",
  };
  const words = ["--prefix", place.volume, "--skills-dir", skills, "--ignore-system"];
  const command = join(repository, "entrypoint/openclaw-install-skill-deps");
  const filled = await $({
    env,
    quiet: true,
    nothrow: true,
  })`${command} ${words} --allow-libraries`;
  expect(filled.exitCode, filled.stderr).toBe(0);
  await host`chown -R 1000:1000 ${place.volume}`;
  uv = await fetchUv(join(place.dir, "uv"));
}, 900_000); // three sets are resolved by pip and npm
afterAll(() => place.close());

const variables = [
  `PYTHONPATH=${hooks}/python`,
  `NODE_OPTIONS=--require=${hooks}/node/register.cjs`,
  `UV_OFFLINE=1`,
  `UV_FIND_LINKS=${hooks}/wheels`,
  `UV_CACHE_DIR=/tmp/uv-cache`,
].flatMap((it) => ["--env", it]);

describe.each([
  ["the volume's profile script", true],
  ["the variables that config prints", false],
])("no network, read-only, uid 1000: %s", (_, hasProfile) => {
  let box: Sandbox;
  beforeAll(async () => {
    const profile = "/etc/profile.d/openclaw-skill-deps.sh";
    const source = hasProfile ? join(place.volume, profile) : "/dev/null";
    const flags = ["--volume", `${source}:${profile}:ro`, "--volume", `${uv}:/usr/local/bin/uv:ro`];
    const given = hasProfile ? [] : variables;
    box = await place.sandbox({ network: "none", access: "ro", flags: [...flags, ...given] });
  });
  const call = async (command: string) => {
    const path = "/usr/local/bin:/usr/bin:/bin:/opt/openclaw/bin";
    const { stdout, stderr } = await box.call(command, path);
    return [stdout, stderr];
  };
  const tree = (line: string): string =>
    `/opt/openclaw/lib/skills/[0-9a-f]{16}-${line}-[0-9a-f]{12}`;

  test("the image's Python and the volume's", async () => {
    const said = (line: string) => [
      expect.stringMatching(new RegExp(`^py ${tree(line)}/site-packages/requests/__init__.py\n$`)),
      "",
    ];
    expect(await call("python3 skills/py/scripts/tell.py")).toEqual(said("cpython-311"));
    expect(await call("cd skills/py && python3 scripts/tell.py")).toEqual(said("cpython-311"));
    expect(await call("/opt/openclaw/bin/python3 skills/py/scripts/tell.py")).toEqual(
      said("cpython-312"),
    );
    const [, failed] = await call("python3 skills/other/scripts/tell.py");
    expect(failed).toMatch(/No module named 'requests'/);
  });

  test("ES modules and CommonJS", async () => {
    expect(await call("node skills/js/scripts/tell.mjs")).toEqual(["esm string 3600000\n", ""]);
    expect(await call("node skills/js/scripts/tell.cjs")).toEqual(["cjs 1.2.3 3600000\n", ""]);
  });

  test("inline metadata: python3, and uv run without an index", async () => {
    const said = expect.stringMatching(
      new RegExp(`^own ${tree("cpython-311")}/site-packages/httpx/__init__.py\n$`),
    );
    expect(await call("python3 skills/py/scripts/own.py")).toEqual([said, ""]);
    const [stdout, stderr] = await call("uv run skills/py/scripts/own.py");
    expect([stdout, stderr]).toEqual([said, expect.stringMatching(/^Installed \d+ packages/)]);
    expect(await call("cd skills/py/scripts && uv run --script own.py")).toEqual([said, ""]);
    const [plain] = await call("uv run skills/py/scripts/tell.py");
    expect(plain).toMatch(/^py /);
  });
});
