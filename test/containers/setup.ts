/**
 * Before the container tests: the images, one built in this clone, one of a package that is fetched, and the
 * others in the unpacked package. After them: no image of theirs.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { $ } from "zx";
import { startLoopback } from "../support/loopback.ts";
import { packPackage } from "../support/package.ts";
import { repository } from "../support/workplace.ts";
import {
  buildImages,
  host,
  type Images,
  imagesOf,
  registry,
  removeImages,
  targets,
} from "./host.ts";

declare module "vitest" {
  interface ProvidedContext {
    images: Images;
    /** This package, as `npm pack` makes it. */
    tarball: string;
    registry: string;
  }
}

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const tag = `containers-${process.pid}`;
  await buildImages(tag, ["sandbox"]);
  const dir = mkdtempSync(join(tmpdir(), "packed-"));
  const tarball = await packPackage(dir);
  await buildPacked(tag, dir, tarball);
  const [images, latest] = [imagesOf(tag), imagesOf("latest")];
  // What `config` prints, and the examples, name them without a tag.
  for (const target of targets) await host`podman tag ${images[target]} ${latest[target]}`;
  provide("images", images);
  provide("tarball", tarball);
  provide("registry", await registry());
  return () => {
    rmSync(dir, { recursive: true, force: true });
    return removeImages([...Object.values(images), ...Object.values(latest)]);
  };
}

async function buildPacked(tag: string, dir: string, tarball: string): Promise<void> {
  await buildFetched(tag, readFileSync(tarball));
  await $({ cwd: dir, quiet: true })`tar -xzf ${tarball}`;
  const CONTEXT = join(dir, "package");
  cpSync(join(repository, "test/fixtures/sample-skills"), join(CONTEXT, "my/skills"), {
    recursive: true,
  });
  await buildImages(tag, ["gateway", "seeded", "prebuilt"], { CONTEXT, SKILLS: "my/skills" });
}

async function buildFetched(tag: string, tarball: Buffer): Promise<void> {
  const server = await startLoopback();
  try {
    const NPM_PACKAGE = server.serve("/openclaw-install-skill-deps.tgz", tarball);
    await buildImages(tag, ["provisioner"], { NPM_PACKAGE });
  } finally {
    await server.close();
  }
}
