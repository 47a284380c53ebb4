import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ArchiveFormat, Artifact, LockedPackage } from "../../src/core/recipe.ts";
import { readAptConfig } from "../../src/net/apt-config.ts";
import { createHttp, type Http } from "../../src/net/http.ts";
import { readNpmConfig } from "../../src/net/npm-config.ts";
import type { StageContext } from "../../src/sources/context.ts";
import { stage } from "../../src/sources/source.ts";
import { archive, describe as facts, npmTarball, program, zipOf } from "../support/archives.ts";
import { type Loopback, startLoopback } from "../support/loopback.ts";
import { noToolchains } from "../support/toolchains.ts";

let dir: string;
let server: Loopback;
let http: Http;
let context: StageContext;
let phases: string[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "stage-"));
  server = await startLoopback();
  http = createHttp({ env: {}, mirrors: () => [], offline: false, timing: { backoffMs: 5 } });
  phases = [];
  context = {
    http,
    npm: () => readNpmConfig({ npm_config_registry: server.registry }, join(dir, "home")),
    apt: () => readAptConfig({ APT_CONFIG: join(dir, "apt.conf") }),
    toolchains: noToolchains(),
    platform: { os: "linux", arch: "x64", libc: "glibc" },
    runsHere: true,
    dir,
    bins: { gog: "bin/gog" },
    written: new Map(),
    onProgress: () => {},
    onPhase: (phase) => phases.push(phase),
  };
});

afterEach(async () => {
  await http.close();
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

function artifactOf(format: ArchiveFormat, bytes: Buffer, strip = 0): Artifact {
  const url = server.serve(`/gog.${format}`, bytes);
  const { digest, size } = facts(bytes);
  return { kind: "archive", url, format, strip, size, digest };
}

const modeOf = (path: string): number => lstatSync(join(dir, "tree", path)).mode & 0o777;

describe("archive", () => {
  test("a release", async () => {
    const bytes = archive("tar.gz", { "bin/gog": program("1.0") }, { top: "gog-1.0" });
    const artifact = artifactOf("tar.gz", bytes, 1);
    const staged = await stage(artifact, context);
    expect(staged).toEqual({
      tree: join(dir, "tree"),
      source: {
        kind: "archive",
        from: `${server.origin}/gog.tar.gz`,
        digest: `sha256:${facts(bytes).sha256}`,
        size: bytes.length,
      },
    });
    expect(readdirSync(dir)).toEqual(["tree"]);
    expect(phases).toEqual(["download", "unpack"]);
  });

  test.each<ArchiveFormat>(["raw", "gz", "bz2"])("%s: one program, executable", async (format) => {
    await stage(artifactOf(format, archive(format, { gog: "#!/bin/sh\n" }), 3), context);
    expect(modeOf("bin/gog")).toBe(0o755);
    expect(readdirSync(dir)).toEqual(["tree"]);
  });

  test("a zip without Unix modes: a program is made executable, text is refused", async () => {
    const elf = zipOf([{ name: "bin/gog", body: "\x7fELF…", mode: 0 }]);
    await stage(artifactOf("zip", elf), context);
    expect(modeOf("bin/gog")).toBe(0o755);
    rmSync(join(dir, "tree"), { recursive: true });
    const text = artifactOf("zip", zipOf([{ name: "bin/gog", body: "read me", mode: 0 }]));
    await expect(stage(text, context)).rejects.toThrow("has no executable bin/gog");
  });

  test("a program that is not there: the error says what is", async () => {
    const bytes = archive("tar.gz", { "gog-1.0/bin/gog": program("1"), "gog-1.0/README": "" });
    await expect(stage(artifactOf("tar.gz", bytes), context)).rejects.toMatchObject({
      kind: "recipe",
      message:
        "the archive has no bin/gog; it has: gog-1.0/, gog-1.0/README, gog-1.0/bin/, gog-1.0/bin/gog; did you mean gog-1.0/bin/gog, or a strip larger by 1?",
    });
  });

  test("a program that is a directory, or a link to nothing", async () => {
    const bytes = archive("tar.gz", { "bin/gog/x": "", "bin/dangling": { link: "none" } });
    const artifact = artifactOf("tar.gz", bytes);
    await expect(stage(artifact, context)).rejects.toThrow("has no regular file bin/gog");
    rmSync(join(dir, "tree"), { recursive: true });
    const bins = { gog: "bin/dangling" };
    await expect(stage(artifact, { ...context, bins })).rejects.toThrow("has no bin/dangling");
  });
});

describe("npm", () => {
  const tarball = npmTarball("@scope/gog", "1.0.0", { "bin/gog": program("1.0") });
  const artifact: Artifact = {
    kind: "npm-package",
    name: "@scope/gog",
    version: "1.0.0",
    digest: facts(tarball).sha512,
    strip: 1,
  };

  test("a package by npm's layout: one request", async () => {
    server.publish("@scope/gog", "1.0.0", tarball);
    const { source } = await stage(artifact, context);
    expect(source).toMatchObject({ kind: "npm-package", from: "@scope/gog@1.0.0" });
    expect(source.digest).toMatch(/^sha512:/);
    expect(modeOf("bin/gog")).toBe(0o755);
    expect(server.hits()).toBe(1);
  });

  test("a registry with another layout is asked where it is", async () => {
    server.publish("@scope/gog", "1.0.0", tarball, { layout: false });
    await stage(artifact, context);
    expect(server.requests.map(({ path }) => path)).toEqual([
      "/registry/@scope/gog/-/gog-1.0.0.tgz",
      "/registry/@scope/gog",
      "/registry/elsewhere/gog-1.0.0.tgz",
    ]);
  });

  test("a package that is nowhere, and one that is another", async () => {
    await expect(stage(artifact, context)).rejects.toMatchObject({ kind: "network" });
    server.publish("@scope/gog", "1.0.0", npmTarball("@scope/gog", "1.0.0", { other: "" }));
    await expect(stage(artifact, context)).rejects.toMatchObject({ kind: "integrity" });
  });

  /** Publishes a package and gives its entry in a lock. */
  function locked(path: string, files: Record<string, string>, more = {}): LockedPackage {
    const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    const bytes = npmTarball(name, "1.0.0", files, { scripts: { postinstall: "touch ran" } });
    server.publish(name, "1.0.0", bytes);
    return { path, name, version: "1.0.0", digest: facts(bytes).sha512, optional: false, ...more };
  }

  test("a closure: every package in its place, foreign platforms left out, no script run", async () => {
    const packages = [
      locked("node_modules/app", {
        "cli.js": "#!/usr/bin/env node\n",
        "node_modules/inner/index.js": "published by mistake",
      }),
      locked("node_modules/app/node_modules/inner", { "index.js": "inner" }),
      locked("node_modules/@s/lib", { "index.js": "lib" }),
      locked("node_modules/native-arm", { "index.js": "" }, { cpu: ["arm64"], optional: true }),
      ...Array.from({ length: 30 }, (_, i) => locked(`node_modules/p${i}`, { f: `${i}` })),
    ];
    const closure: Artifact = { kind: "npm-closure", name: "app", version: "1.0.0", packages };
    const bins = { app: "node_modules/app/cli.js" };
    const { tree, source } = await stage(closure, { ...context, bins });
    expect(readFileSync(join(tree, "node_modules/app/node_modules/inner/index.js"), "utf8")).toBe(
      "inner",
    );
    expect(readFileSync(join(tree, "node_modules/p29/f"), "utf8")).toBe("29");
    expect(existsSync(join(tree, "node_modules/@s/lib/package.json"))).toBe(true);
    expect(existsSync(join(tree, "node_modules/native-arm"))).toBe(false);
    expect(existsSync(join(tree, "node_modules/app/ran"))).toBe(false);
    expect(modeOf("node_modules/@s")).toBe(0o755);
    expect(readdirSync(dir)).toEqual(["tree"]);
    expect(source.from).toBe("app@1.0.0");
    rmSync(tree, { recursive: true });
    const reversed = { ...closure, packages: packages.toReversed() };
    const again = await stage(reversed, { ...context, bins });
    expect(again.source).toEqual(source);
  });

  test("one bad package ends the closure, and nothing goes on writing", async () => {
    const packages = Array.from({ length: 30 }, (_, i) => locked(`node_modules/p${i}`, { f: "x" }));
    server.serve("/registry/p3/-/p3-1.0.0.tgz", "not it");
    const closure: Artifact = { kind: "npm-closure", name: "p0", version: "1.0.0", packages };
    await expect(stage(closure, context)).rejects.toMatchObject({ kind: "integrity" });
    expect(readdirSync(dir)).toEqual(["tree"]);
    expect(server.hits()).toBeLessThan(30);
  });
});
