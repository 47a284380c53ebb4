/** Roots that are not Debian's: busybox alone, with and without a loader of musl. */
import { chmodSync, copyFileSync, cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { repository } from "../support/workplace.ts";
import { buildFrom, host, removeImages } from "./host.ts";
import { changeTimes, openPlace, type Place, setup } from "./sandbox.ts";

const image = `localhost/openclaw-skills-busybox:${process.pid}`;
let place: Place;

beforeEach(() => {
  place = openPlace();
  place.skill("syntax", ["ast-grep"]);
});
afterEach(async () => {
  await place.close();
  await removeImages([image]);
});

/** An image of one static busybox, our package without Node, and, if asked, musl's loader's name. */
async function busyboxImage({ musl }: { musl: boolean }): Promise<void> {
  const root = join(place.dir, "root");
  for (const directory of ["bin", "usr/bin", "lib", "tmp", "opt/openclaw", "workspace", "package"])
    mkdirSync(join(root, directory), { recursive: true });
  chmodSync(join(root, "tmp"), 0o1777);
  const busybox = (await host`command -v busybox`).stdout.trim();
  copyFileSync(busybox, join(root, "bin/busybox"));
  for (const applet of (await host`busybox --list`).stdout.trim().split("\n"))
    if (applet !== "busybox") symlinkSync("/bin/busybox", join(root, "bin", applet));
  // Static, so it starts as the loader that it only stands for.
  const arch = process.arch === "arm64" ? "aarch64" : "x86_64";
  if (musl) copyFileSync(busybox, join(root, `lib/ld-musl-${arch}.so.1`));
  for (const part of ["dist", "entrypoint", "package.json"])
    cpSync(join(repository, part), join(root, "package", part), { recursive: true });
  symlinkSync("/package/entrypoint/openclaw-install-skill-deps", join(root, "usr/bin", setup));
  await buildFrom(image, ["FROM scratch", "COPY root /", "USER 1000:1000"], place.dir);
}

test.each([{ musl: false }, { musl: true }])(
  "busybox and nothing else (musl: $musl): what cannot be done is said, with a hint, and status 0",
  async ({ musl }) => {
    await busyboxImage({ musl });
    const box = await place.sandbox({ network: "none", access: "rw", image });
    const { exitCode, stderr } = await box.run(setup);
    expect(stderr).toMatch(/not verified: \/opt\/openclaw has no record of a finished run/);
    expect(stderr).toMatch(/\[E_NO_NODE\][\s\S]*hint: .*container that has Node/);
    expect(stderr).not.toMatch(/not found|syntax error|bad/i);
    expect(exitCode).toBe(0);
  },
);

test("musl's loader: a volume of glibc's programs is not taken for good", async () => {
  const mounts = place.mounts({ access: "rw" });
  const provided =
    await host`podman run --rm --network host ${mounts} ${inject("images").sandbox} ${setup}`;
  expect(provided.exitCode, provided.stderr).toBe(0);
  const before = changeTimes(place.volume);
  await busyboxImage({ musl: true });
  const box = await place.sandbox({ network: "none", access: "ro", image });
  const { exitCode, stderr } = await box.run(setup);
  expect(stderr).not.toMatch(/nothing to do/);
  expect(stderr).toMatch(/not verified[\s\S]*hint:/);
  expect(exitCode).toBe(0);
  expect(changeTimes(place.volume)).toEqual(before);
});
