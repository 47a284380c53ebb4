/** Topology C: one container with network fills the volume, hardened sandboxes mount it read-only. */
import { chownSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { buildFrom, host, removeImages } from "./host.ts";
import { changeTimes, openPlace, type Place, setup } from "./sandbox.ts";

const withoutNode = `localhost/openclaw-skills-without-node:${process.pid}`;
let place: Place;

beforeAll(async () => {
  const lines = [
    `FROM ${inject("images").sandbox}`,
    "USER 0",
    "RUN rm -r /usr/local/lib/openclaw-install-skill-deps/node",
    "USER 1000",
  ];
  const scratch = openPlace();
  await buildFrom(withoutNode, lines, scratch.dir);
  await scratch.close();
});
afterAll(() => removeImages([withoutNode]));
beforeEach(() => {
  place = openPlace();
  place.skill("syntax", ["ast-grep"]);
});
afterEach(() => place.close());

/** The one-shot service: the sandbox image with network, gone when it is done. */
async function provision(flags: readonly string[] = []): Promise<void> {
  const mounts = place.mounts({ access: "rw" });
  const { exitCode, stderr } =
    await host`podman run --rm --network host ${mounts} ${flags} ${inject("images").sandbox} ${setup}`;
  expect(stderr).toMatch(/installed;/);
  expect(exitCode, stderr).toBe(0);
}

test("a sandbox without any Node verifies without network or a write, and its programs run", async () => {
  place.skill("hub", ["clawhub"]);
  await provision();
  const before = changeTimes(place.volume);
  const box = await place.sandbox({ network: "none", access: "ro", image: withoutNode });
  const { exitCode, stderr } = await box.run(setup);
  expect(stderr).toMatch(/nothing to do/);
  expect(exitCode).toBe(0);
  expect((await box.run("command -v node")).stdout).toBe("/opt/openclaw/bin/node\n");
  expect((await box.call("ast-grep --version; clawhub --cli-version")).stdout).toMatch(
    /^ast-grep 0\.51\.1\n.*0\.23\.3/,
  );
  expect(changeTimes(place.volume)).toEqual(before);
});

test("a program that is missing is named by a sandbox without Node, and fails nothing", async () => {
  await provision();
  rmSync(join(place.volume, "bin/ast-grep"));
  const box = await place.sandbox({ network: "none", access: "ro", image: withoutNode });
  const { exitCode, stderr } = await box.run(setup);
  expect(stderr).toMatch(/missing or damaged[\s\S]*ast-grep[\s\S]*no Node/);
  expect(exitCode).toBe(0);
  expect((await box.run(`${setup} --strict`)).exitCode).not.toBe(0);
});

test("what is missing on a read-only volume is a warning", async () => {
  const box = await place.sandbox({ network: "none", access: "ro" });
  const { exitCode, stderr } = await box.run(setup);
  expect(stderr).toMatch(/ast-grep[\s\S]*read-only/);
  expect(exitCode).toBe(0);
  expect((await box.run(`${setup} --strict`)).exitCode).toBe(3);
});

test("root provides in a volume of its own, uid 1000 uses it and cannot write there", async () => {
  chownSync(place.volume, 0, 0);
  await provision(["--user", "0:0"]);
  const box = await place.sandbox({ network: "none", access: "rw", image: withoutNode });
  const { exitCode, stderr } = await box.run(setup);
  expect(stderr).toMatch(/nothing to do/);
  expect(exitCode).toBe(0);
  expect((await box.call("ast-grep --version")).stdout).toBe("ast-grep 0.51.1\n");
  expect((await box.run("echo >/opt/openclaw/bin/ast-grep")).exitCode).not.toBe(0);
});
