/** The verb `config`; test/openclaw/config.test.ts shows its output to the real OpenClaw. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { $ } from "zx";
import { copyPackage } from "../support/package.ts";
import { openWorkplace, repository, type Workplace } from "../support/workplace.ts";

const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
});
afterEach(() => place.close());

const config = (...words: string[]) => place.run("config", ...words, "--prefix", "/srv/volume");

test("stock images: a service of npx writes, gateway and sandboxes read", async () => {
  const { status, stdout } = await config("--json");
  expect(status).toBe(0);
  const { topology, openclaw, compose, dockerfile, commands } = JSON.parse(stdout);
  expect(topology).toBe("stock");
  expect(openclaw.agents.defaults.sandbox.docker).toEqual({
    image: "openclaw-sandbox:bookworm-slim",
    binds: ["/srv/volume:/opt/openclaw:ro"],
    dangerouslyAllowExternalBindSources: true,
    env: { PATH: expect.stringMatching(/^\/usr\/local\/sbin:.*:\/opt\/openclaw\/bin$/) },
    setupCommand: "/opt/openclaw/bin/openclaw-install-skill-deps",
  });
  const { "skill-deps": service, "openclaw-gateway": gateway } = compose.services;
  expect(service.volumes[0]).toBe("/srv/volume:/opt/openclaw:rw");
  expect(gateway.volumes[0]).toBe("/srv/volume:/opt/openclaw:ro");
  expect(service.volumes[1]).toMatch(/:\/home\/node\/\.openclaw:rw$/);
  expect(service.image).toBe(gateway.image);
  expect(gateway.depends_on).toEqual(["skill-deps"]);
  expect(gateway.environment.PATH).toMatch(/:\/opt\/openclaw\/bin$/);
  expect(dockerfile).toEqual({ sandbox: [], gateway: [] });
  expect(commands.join("\n")).not.toContain("docker build");
});

test("skills' own packages, allowed or there: what lets scripts in stock sandboxes find them", async () => {
  const expected = {
    PATH: expect.any(String),
    PYTHONPATH: "/opt/openclaw/share/openclaw-skill-deps/python",
    NODE_OPTIONS: "--require=/opt/openclaw/share/openclaw-skill-deps/node/register.cjs",
    UV_OFFLINE: "1",
    UV_FIND_LINKS: "/opt/openclaw/share/openclaw-skill-deps/wheels",
    UV_CACHE_DIR: "/tmp/uv-cache",
  };
  const envOf = async (...words: string[]) => {
    const { stdout } = await place.run("config", "--json", "--prefix", place.prefix, ...words);
    const { openclaw, compose, notes } = JSON.parse(stdout);
    // The gateway's own process must not get them.
    expect(JSON.stringify(compose)).not.toMatch(/NODE_OPTIONS|PYTHONPATH/);
    return { env: openclaw.agents.defaults.sandbox.docker.env, notes: notes.join("\n") };
  };
  expect((await envOf()).env).toEqual({ PATH: expect.any(String) });
  const allowed = await envOf("--allow-libraries");
  expect(allowed.env).toEqual(expected);
  expect(allowed.notes).toMatch(/NODE_OPTIONS/);
  mkdirSync(join(place.prefix, "share/openclaw-skill-deps/libraries"), { recursive: true });
  expect((await envOf()).env).toEqual(expected);
});

describe("the package that npx gets", () => {
  const commandOf = (stdout: string): string =>
    JSON.parse(stdout).compose.services["skill-deps"].command.at(-1);

  test("installed: this version, and that npm has to have it", async () => {
    const installed = copyPackage(join(place.dir, "installed"));
    const command = join(installed, "entrypoint/openclaw-install-skill-deps");
    const words = ["config", "stock", "--prefix", "/srv/volume"];
    const text = await $({ env: place.env, quiet: true })`${command} ${words}`;
    const name = `openclaw-install-skill-deps@${version}`;
    expect(text.stdout).toContain(`# note: npm's registry must have ${name}; `);
    expect(text.stdout).toContain(`npx -y ${name} --ignore-system; exec`);
    expect(text.stdout).not.toContain("npm pack --silent");
  });

  test("named: a tarball, or another name", async () => {
    const tarball = join(place.dir, "mine.tgz");
    writeFileSync(tarball, "");
    const { stdout } = await config("stock", "--package", tarball, "--json");
    expect(stdout).toContain(`"${tarball}:/openclaw-install-skill-deps.tgz:ro"`);
    const watch = "exec /opt/openclaw/bin/openclaw-install-skill-deps watch --ignore-system";
    expect(commandOf(stdout)).toBe(
      `npx -y file:/openclaw-install-skill-deps.tgz --ignore-system; ${watch}`,
    );
    const other = await config("stock", "--package", "@me/skill-deps@2.0.0", "--json");
    expect(commandOf(other.stdout)).toBe(`npx -y @me/skill-deps@2.0.0 --ignore-system; ${watch}`);
  });
});

test("a provisioner writes, gateway and sandboxes read", async () => {
  const { status, stdout } = await config("provisioner");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^# provisioner: /);
  expect(stdout).toContain('"/srv/volume:/opt/openclaw:ro"');
  const [, yaml = ""] = stdout.split("# ---- compose.yaml, beside .env\n");
  const { services } = parseAllDocuments(yaml.split("# ----")[0] ?? "")[0]?.toJS() ?? {};
  expect(services["skill-deps"].volumes[0]).toBe("/srv/volume:/opt/openclaw:rw");
  expect(services["skill-deps"].volumes[1]).toMatch(/:\/home\/node\/\.openclaw:rw$/);
  expect(services["openclaw-gateway"].volumes[0]).toBe("/srv/volume:/opt/openclaw:ro");
});

test.each(["stock", "sandbox", "gateway", "provisioner", "seed", "image"])(
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
    /no such topology \[E_USAGE\]\n {2}hint: There are stock, sandbox, gateway, provisioner/,
  );
});
