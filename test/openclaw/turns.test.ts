/** Turns of the real OpenClaw: what its sandboxes get from our setupCommand. */
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { buildFrom, host, removeImages } from "../containers/host.ts";
import { changeTimes } from "../containers/sandbox.ts";
import { archive, program } from "../support/archives.ts";
import { type Gateway, openGateway } from "./gateway.ts";

const openclaw = inject("openclaw");
const missing = "missing" in openclaw ? openclaw.missing : "";
let gateway: Gateway;

describe.skipIf(missing)(missing ? `OpenClaw is not here: ${missing}` : "OpenClaw", () => {
  beforeEach(async () => {
    gateway = await openGateway();
  });
  afterEach(() => gateway.close());

  test("a sandbox installs for itself; the programs outlive `sandbox recreate` with a new image", async () => {
    const image = `localhost/${gateway.prefix}image:1`;
    await host`podman tag ${inject("sandboxImage")} ${image}`;
    gateway.skill("syntax", ["ast-grep"]);
    gateway.configure({
      sandbox: { workspaceAccess: "rw" },
      docker: { ...gateway.online(), image },
    });
    try {
      const first = await gateway.turn("ast-grep --version; id -u; ls /updated 2>&1");
      expect(first.text).toMatch(/^ast-grep 0\.51\.1\n1000\nls: .*No such file/);

      const lines = [`FROM ${image}`, "USER 0", "RUN touch /updated", "USER 1000:1000"];
      await buildFrom(image, lines, gateway.place.dir);
      const recreated = await gateway.openclaw(["sandbox", "recreate", "--all", "--force"]);
      expect(recreated.stdout).toMatch(/1 removed, 0 failed/);
      expect(await gateway.containers()).toEqual([]);
      const before = changeTimes(gateway.volume);
      const second = await gateway.turn("ast-grep --version; ls /updated");
      expect(second.text).toMatch(/^ast-grep 0\.51\.1\n\/updated/);
      expect(changeTimes(gateway.volume)).toEqual(before);

      const [name] = await gateway.containers();
      await host`podman exec ${name} /bin/sh -lc true`;
      const execs = await gateway.execs();
      const setups = [execs[0], execs.find(({ id }) => id !== execs[0]?.id), execs.at(-1)];
      const [installed = 0, verified = 0, nothing = 0] = setups.map((exec) => exec?.took);
      process.stdout.write(
        `  setup of the first container ${installed} ms, of the second ${verified} ms ` +
          `(\`true\` instead: ${nothing} ms)\n`,
      );
      expect(verified).toBeLessThan(nothing + 250);
    } finally {
      await removeImages([image]);
    }
  });

  test("a skill becomes eligible beside the gateway, and a hardened sandbox has its programs", async () => {
    gateway.skill("syntax", ["ast-grep"]);
    gateway.configure({ docker: { binds: [`${gateway.volume}:/opt/openclaw:ro`] } });
    const check = async (path?: string) => {
      const { stdout } = await gateway.openclaw(["skills", "check", "--json"], path);
      return JSON.parse(stdout) as { eligible: string[]; missingRequirements: { name: string }[] };
    };
    const before = await check();
    expect(before.eligible).not.toContain("syntax");
    expect(before.missingRequirements).toMatchObject([
      { name: "syntax", missing: { bins: ["ast-grep"] } },
    ]);
    const without = await gateway.turn("ls /workspace/skills; ast-grep --version");
    expect(without.text).toMatch(/ast-grep: not found/);
    expect(gateway.offered()).not.toContain("syntax");

    const { exitCode, stderr } = await gateway.provide();
    expect(stderr).toMatch(/1 installed/);
    expect(exitCode).toBe(0);
    const path = join(gateway.volume, "bin");
    expect((await check(path)).eligible).toContain("syntax");

    const written = changeTimes(gateway.volume);
    const asked =
      "grep ^name /workspace/skills/syntax/SKILL.md; ast-grep --version; cat /proc/net/route | wc -l; touch /opt/openclaw/x 2>&1";
    const { text } = await gateway.turn(asked, { session: "second", path });
    expect(text).toMatch(/^name: syntax\nast-grep 0\.51\.1\n[01]\ntouch: .*Read-only file system/);
    expect(gateway.offered()).toContain("syntax");
    const [name] = await gateway.containers();
    const verified = await host`podman exec ${name} /bin/sh -lc openclaw-install-skill-deps`;
    expect(verified.stderr).toMatch(/nothing to do/);
    expect(changeTimes(gateway.volume)).toEqual(written);
  });

  test("a setup that fails is told to the user, and the next turn sets up again", async () => {
    gateway.skill("odd", ["no-such-program"]);
    const strict = (flags: string) =>
      gateway.configure({
        sandbox: { workspaceAccess: "rw" },
        docker: { setupCommand: `openclaw-install-skill-deps ${flags}` },
      });
    strict("--strict");
    expect((await gateway.turn("true")).error).toMatch(/no-such-program.*no recipe provides it/);
    expect(await gateway.containers()).toEqual([]);
    strict("--prefix relative/path");
    expect((await gateway.turn("true")).error).toMatch(/relative\/path[\s\S]*hint:/);
    strict("");
    expect((await gateway.turn("echo works")).text).toBe("works");
  });

  test("sessions with a container each are set up at once on one volume; all is fetched once", async () => {
    const tools = ["one", "two", "three"];
    for (const tool of tools) {
      const bytes = archive("tar.gz", { [`bin/${tool}`]: program(`${tool} 1.0.0`) });
      const source = gateway.place.serve(`${tool}.tar.gz`, bytes, { fault: "drip" });
      gateway.place.recipe(tool, { artifacts: { "linux-x64": source, "linux-arm64": source } });
      gateway.skill(`with-${tool}`, [tool]);
    }
    gateway.configure({
      sandbox: { workspaceAccess: "rw", scope: "session" },
      docker: gateway.online(),
    });
    await gateway.start();
    const sessions = ["a", "b", "c", "d"];
    const turns = await Promise.all(
      sessions.map((session) => gateway.turn(tools.join("; "), { session })),
    );
    for (const { text } of turns) expect(text).toBe("one 1.0.0\ntwo 1.0.0\nthree 1.0.0");
    const execs = await gateway.execs();
    const names = await gateway.containers();
    expect(names).toHaveLength(sessions.length);
    const setups = names.map((name) => execs.find(({ container }) => container === name));
    const ends = setups.map((setup) => (setup ? setup.began + setup.took : 0));
    expect(Math.max(...setups.map((setup) => setup?.began ?? 0))).toBeLessThan(Math.min(...ends));
    for (const tool of tools) expect(gateway.place.server.hits(`/${tool}.tar.gz`)).toBe(1);
  });
});
