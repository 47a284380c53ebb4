/** The verb `config`; test/openclaw/config.test.ts shows its output to the real OpenClaw. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
});
afterEach(() => place.close());

const config = (...words: string[]) => place.run("config", ...words, "--prefix", "/srv/volume");

test("a provisioner writes, gateway and sandboxes read", async () => {
  const { status, stdout } = await config();
  expect(status).toBe(0);
  expect(stdout).toMatch(/^# provisioner: /);
  expect(stdout).toContain('"/srv/volume:/opt/openclaw:ro"');
  const [, yaml = ""] = stdout.split("# ---- compose.yaml, beside .env\n");
  const { services } = parseAllDocuments(yaml.split("# ----")[0] ?? "")[0]?.toJS() ?? {};
  expect(services["skill-deps"].volumes[0]).toBe("/srv/volume:/opt/openclaw:rw");
  expect(services["openclaw-gateway"].volumes[0]).toBe("/srv/volume:/opt/openclaw:ro");
});

test.each(["sandbox", "gateway", "provisioner", "seed", "image"])(
  "%s: sandboxes are recreated after the change that it is for, and nobody is asked",
  async (topology) => {
    const { stdout } = await config(topology);
    const recreated = stdout.lastIndexOf("sandbox recreate --all --force");
    expect(recreated).toBeGreaterThan(stdout.indexOf("// ---- openclaw.json"));
    expect(stdout).not.toMatch(/recreate --all$/m);
  },
);

test("an image that is taken as it is gets a PATH, and no command that it lacks", async () => {
  const { stdout } = await config("provisioner", "--image", "stock:1", "--json");
  const { openclaw, commands, dockerfile } = JSON.parse(stdout);
  const { docker } = openclaw.agents.defaults.sandbox;
  expect(docker).toMatchObject({ image: "stock:1", binds: ["/srv/volume:/opt/openclaw:ro"] });
  expect(docker.env.PATH.split(":").at(-1)).toBe("/opt/openclaw/bin");
  expect(docker.setupCommand).toBeUndefined();
  expect(dockerfile.sandbox).toEqual([]);
  expect(commands.join("\n")).not.toContain("--target sandbox");
});

test("a sandbox that installs for itself has a network and writes", async () => {
  const { stdout } = await config("sandbox", "--json");
  const { openclaw, compose } = JSON.parse(stdout);
  expect(openclaw.agents.defaults.sandbox.docker).toMatchObject({
    network: "bridge",
    binds: ["/srv/volume:/opt/openclaw:rw"],
    dangerouslyAllowExternalBindSources: true,
    setupCommand: "openclaw-install-skill-deps",
  });
  expect(compose).toBeNull();
});

test("a directory that OpenClaw lends no sandbox is refused, with another one", async () => {
  const { status, stderr } = await place.run("config", "--prefix", "/etc/openclaw");
  expect(status).toBe(2);
  expect(stderr).toMatch(
    /OpenClaw does not mount \/etc into a sandbox \[E_SANDBOX_MOUNT\]\n {2}hint: .*--prefix \/srv/,
  );
});

test("a word that is no topology", async () => {
  const { status, stderr } = await config("gatewy");
  expect(status).toBe(2);
  expect(stderr).toMatch(
    /no such topology \[E_USAGE\]\n {2}hint: There are sandbox, gateway, provisioner/,
  );
});
