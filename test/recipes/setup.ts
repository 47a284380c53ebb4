/** Before these tests: the images of three roots. After them: no image of theirs, but what they are made from. */
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { buildFrom, host, registry, removeImages } from "../containers/host.ts";

/** Where programs are started; `bookworm` is OpenClaw's default sandbox. */
export type Root = "bookworm" | "trixie" | "alpine";

declare module "vitest" {
  interface ProvidedContext {
    roots: Readonly<Record<Root, string>>;
  }
}

/** As OpenClaw's own image has it. */
const user = ["RUN useradd --create-home --shell /bin/bash --uid 1000 sandbox", "USER sandbox"];
const trixie = "localhost/openclaw-skills-trixie:latest";

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const name = (root: Root): string => `localhost/openclaw-skills-${root}:recipes-${process.pid}`;
  const roots = { bookworm: name("bookworm"), trixie: name("trixie"), alpine: name("alpine") };
  const dir = mkdtempSync(join(tmpdir(), "roots-"));
  try {
    await must("test/containers/images.sh", host`test/containers/images.sh`);
    if ((await host`podman image exists ${trixie}`).exitCode !== 0) await makeTrixie(dir);
    await buildFrom(roots.bookworm, ["FROM docker.io/library/debian:bookworm-slim", ...user], dir);
    await buildFrom(roots.trixie, [`FROM ${trixie}`, ...user], dir);
    await makeAlpine(roots.alpine, dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  provide("roots", roots);
  provide("registry", await registry());
  return () => removeImages(Object.values(roots));
}

async function must(what: string, run: PromiseLike<{ exitCode: number | null; stderr: string }>) {
  const { exitCode, stderr } = await run;
  if (exitCode !== 0) throw new Error(`${what}: ${stderr.slice(-2000)}`);
}

async function makeTrixie(dir: string): Promise<void> {
  const tar = join(dir, "trixie.tar");
  await must("mmdebstrap", host`mmdebstrap --quiet --variant=minbase trixie ${tar}`);
  await must("podman import", host`podman import --quiet ${tar} ${trixie}`);
  rmSync(tar);
}

/** What an Alpine image has of a libc and a shell: musl's loader and busybox, no glibc. */
async function makeAlpine(image: string, dir: string): Promise<void> {
  const [root, musl] = [join(dir, "root"), join(dir, "musl")];
  for (const directory of ["bin", "lib", "etc", "tmp", "opt/openclaw", "workspace", "home/sandbox"])
    mkdirSync(join(root, directory), { recursive: true });
  chmodSync(join(root, "tmp"), 0o1777);
  copyFileSync((await host`command -v busybox`).stdout.trim(), join(root, "bin/busybox"));
  for (const applet of (await host`busybox --list`).stdout.trim().split("\n"))
    if (applet !== "busybox") symlinkSync("/bin/busybox", join(root, "bin", applet));
  mkdirSync(musl);
  const fetched = host({ cwd: musl });
  await must("apt-get download musl", fetched`apt-get download musl && dpkg-deb -x *.deb .`);
  const arch = process.arch === "arm64" ? "aarch64" : "x86_64";
  copyFileSync(join(musl, `lib/ld-musl-${arch}.so.1`), join(root, `lib/ld-musl-${arch}.so.1`));
  const lines = ["FROM scratch", "COPY root /", "ENV HOME=/home/sandbox", "USER 1000:1000"];
  await buildFrom(image, lines, dir);
}
