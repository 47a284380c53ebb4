/** What npm itself says of packages, and the locks that it makes: the real npm, a registry of ours. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lockPackage, type NpmContext, viewPackage } from "../../src/author/npm-command.ts";
import { parseLock } from "../../src/core/locks/npm-lock.ts";
import { npmTarball } from "../support/archives.ts";
import { type Loopback, startLoopback } from "../support/loopback.ts";

let dir: string;
let server: Loopback;
let context: NpmContext;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "npm-command-"));
  for (const name of ["home", "work", "bin"]) mkdirSync(join(dir, name));
  server = await startLoopback();
  const env = {
    PATH: `${join(dir, "bin")}:${process.env.PATH}`,
    HOME: join(dir, "home"),
    npm_config_registry: server.registry,
    npm_config_fetch_retries: "0",
  };
  context = { env, offline: false, dir: join(dir, "work") };
});
afterEach(async () => {
  await server.close();
  rmSync(dir, { recursive: true });
});

const publish = (name: string, version: string, manifest: object = {}): void =>
  server.publish(name, version, npmTarball(name, version, { "index.js": "" }), { manifest });

async function lock(spec: string): Promise<Record<string, string>> {
  const parsed = parseLock(await lockPackage(spec, context), "lock");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return Object.fromEntries(
    parsed.held.map(({ path, name, version, optional }) => [
      path.replaceAll("node_modules/", ""),
      `${name}@${version}${optional ? " optional" : ""}`,
    ]),
  );
}

test("a lock has every package for every platform of ours, and no other address or script", async () => {
  publish("a", "1.0.0", { dependencies: { c: "^1.0.0" }, peerDependencies: { host: ">=1" } });
  publish("b", "1.0.0", { dependencies: { c: "^2.0.0" } });
  for (const version of ["1.5.0", "2.0.0"]) publish("c", version);
  publish("host", "3.0.0", { scripts: { install: `touch ${join(dir, "ran")}` } });
  for (const os of ["linux", "darwin"])
    publish(`fast-${os}`, "1.0.0", { os: [os], cpu: ["arm64"] });
  publish("root", "1.0.0", {
    dependencies: { a: "*", b: "^1.0.0", other: "npm:c@^1.0.0" },
    optionalDependencies: { gone: "1", "fast-linux": "1", "fast-darwin": "1" },
  });
  expect(await lock("root@1.0.0")).toEqual({
    ...{ root: "root@1.0.0", a: "a@1.0.0", b: "b@1.0.0", c: "c@1.5.0", "b/c": "c@2.0.0" },
    ...{ other: "c@1.5.0", host: "host@3.0.0", "fast-linux": "fast-linux@1.0.0 optional" },
  });
  expect(existsSync(join(dir, "ran"))).toBe(false);
});

test("a version is what npm takes for it", async () => {
  for (const version of ["1.0.0", "1.1.0", "3.0.0", "2.0.0"]) publish("v", version);
  const version = async (wanted: string) => (await viewPackage(`v${wanted}`, context)).version;
  expect(await version("")).toBe("2.0.0");
  expect(await version("@^1.0.0")).toBe("1.1.0");
  expect(await version("@>=1")).toBe("2.0.0"); // which is the latest
  expect(await version("@latest")).toBe("2.0.0");
  await expect(version("@^9")).rejects.toMatchObject({ kind: "unmet" });
  await expect(version("@constructor")).rejects.toMatchObject({ kind: "unmet" });
});

describe("what no registry has is unmet, and nothing else is asked", () => {
  test.each(["git+https://127.0.0.1:1/a.git", "user/repository", "file:../a"])(
    "%s",
    async (range) => {
      writeFileSync(join(dir, "bin/git"), `#!/bin/sh\ntouch ${join(dir, "ran")}\n`, {
        mode: 0o755,
      });
      publish("root", "1.0.0", { dependencies: { a: range } });
      await expect(lock("root")).rejects.toMatchObject({ kind: "unmet" });
      expect(existsSync(join(dir, "ran"))).toBe(false);
    },
  );

  test("a package, and one that it needs", async () => {
    await expect(lock("root")).rejects.toMatchObject({ kind: "unmet" });
    publish("root", "1.0.0", { dependencies: { gone: "1" } });
    await expect(lock("root")).rejects.toMatchObject({ problem: "E_NPM_VERSION", message: /gone/ });
  });
});

test("a registry that fails, an image without npm, and a run that is offline", async () => {
  server.serve("/registry/root", "", { fault: "503 always" });
  await expect(lock("root")).rejects.toMatchObject({ problem: "E_NPM_UNRESOLVED" });
  for (const answer of ["sorry", ""]) {
    server.serve("/registry/root", answer, answer === "" ? { fault: "html" } : {});
    for (const ask of [lock, (spec: string) => viewPackage(spec, context)]) {
      await expect(ask("root")).rejects.toMatchObject(
        answer === ""
          ? {
              problem: "E_NOT_A_REGISTRY",
              message: `${server.registry}root responded with a web page, not JSON`,
            }
          : { problem: "E_NPM_UNRESOLVED" },
      );
    }
  }
  context = { ...context, env: { ...context.env, PATH: join(dir, "bin") } };
  await expect(lock("root")).rejects.toMatchObject({ problem: "E_NO_NPM" });
  context = { ...context, offline: true };
  await expect(lock("root")).rejects.toMatchObject({ problem: "E_OFFLINE" });
});
