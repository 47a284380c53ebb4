/** Turns of the real OpenClaw whose scripts import packages: nothing is changed but what `config` prints. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { certificates, host } from "../containers/host.ts";
import { fetchUv } from "../containers/python-tools.ts";
import { repository } from "../support/workplace.ts";
import { type Gateway, openGateway } from "./gateway.ts";

const openclaw = inject("openclaw");
const missing = "missing" in openclaw ? openclaw.missing : "";
const files = {
  "py/requirements.txt": "requests<3\n",
  "py/tell.py": 'import requests; print("py", requests.__name__)',
  "py/scripts/own.py":
    '# /// script\n# dependencies = ["rich"]\n# ///\nimport rich; print("own", rich.__name__)',
  "js/package.json": '{ "dependencies": { "nanoid": "^5", "ms": "^2" } }',
  "js/tell.mjs": 'import { nanoid } from "nanoid"; console.log("esm", typeof nanoid());',
  "js/tell.cjs": 'console.log("cjs", require("ms")("1h"));',
};

describe.skipIf(missing)(missing ? `OpenClaw is not here: ${missing}` : "OpenClaw", () => {
  let gateway: Gateway;
  beforeEach(async () => {
    gateway = await openGateway();
  });
  afterEach(() => gateway.close());

  test("Python, ES modules, CommonJS and uv in a hardened sandbox", {
    timeout: 900_000,
  }, async () => {
    const { place, volume, workspace } = gateway;
    for (const name of ["py", "js"]) gateway.skill(name, []);
    for (const [path, text] of Object.entries(files)) {
      const file = join(workspace, "skills", path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    const recipe = "python3.yaml"; // a Python from the registry
    copyFileSync(join(repository, "test/fixtures/recipes", recipe), join(place.recipes, recipe));
    writeFileSync(join(place.home, ".npmrc"), `cafile=${certificates}\n`); // npm knows no SSL_CERT_FILE
    for (const words of [["node"], ["--allow-libraries"]]) {
      const { exitCode, stderr } = await gateway.provide(...words);
      expect(exitCode, stderr).toBe(0);
    }
    await host`chown -R 1000:1000 ${volume}`;
    const printed = await gateway.provide("config", "stock", "--json");
    const { env, setupCommand } = JSON.parse(printed.stdout).openclaw.agents.defaults.sandbox
      .docker;
    const uv = await fetchUv(join(place.dir, "uv"));
    const binds = [`${volume}:/opt/openclaw:ro`, `${uv}:/usr/local/bin/uv:ro`];
    gateway.configure({ docker: { binds, env, setupCommand } });

    const turn = async (command: string) => await gateway.turn(command);
    const python = await turn("python3 skills/py/tell.py");
    expect([python.error, python.text]).toEqual([
      undefined,
      expect.stringMatching(/^py requests$/m),
    ]);
    expect((await turn("node skills/js/tell.mjs")).text).toMatch(/^esm string$/m);
    expect((await turn("cd skills/js && node tell.cjs")).text).toMatch(/^cjs 3600000$/m);
    expect((await turn("uv run skills/py/scripts/own.py")).text).toMatch(/^own rich$/m);
  });
});
