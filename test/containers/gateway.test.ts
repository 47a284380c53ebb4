/** Topology B: the image of the gateway, whose entrypoint fills the volume and then becomes the gateway. */
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { host } from "./host.ts";
import { openPlace, type Place } from "./sandbox.ts";

let place: Place;

beforeEach(() => {
  place = openPlace();
  place.skill("syntax", ["ast-grep"]);
  place.skill("hub", ["clawhub"]);
});
afterEach(() => place.close());

test("installs, then becomes the command with the programs on its PATH", async () => {
  const command = "readlink -f /proc/1/exe; ast-grep --version; clawhub --cli-version";
  const mounts = ["--network", "host", ...place.mounts({ access: "rw" })];
  const { stdout, stderr, exitCode } =
    await host`podman run --rm ${mounts} ${inject("images").gateway} sh -c ${command}`;
  expect(stderr).toMatch(/3 installed/);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^\/usr\/bin\/dash\nast-grep 0\.51\.1[\s\S]*0\.23\.3/);
});

test("a one-off container without our entrypoint has the volume on its PATH", async () => {
  const { gateway } = inject("images");
  const { stdout } = await host`podman run --rm --entrypoint printenv ${gateway} PATH`;
  expect(stdout.trim().split(":")).toContain("/opt/openclaw/bin");
});

test("the command starts although nothing could be installed", async () => {
  const mounts = ["--network", "none", ...place.mounts({ access: "ro" })];
  const { stdout, stderr, exitCode } =
    await host`podman run --rm ${mounts} ${inject("images").gateway} echo started`;
  expect(stderr).toMatch(/ast-grep[\s\S]*read-only/);
  expect(exitCode).toBe(0);
  expect(stdout).toBe("started\n");
});
