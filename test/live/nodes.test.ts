/**
 * The packed package on other Nodes than ours, which come from npm's package of them: what of zlib and V8
 * is not documented is there too.
 */
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { $ } from "zx";
import { archive, program } from "../support/archives.ts";
import { installPackage, packPackage } from "../support/package.ts";
import { openWorkplace, repository } from "../support/workplace.ts";

let dir: string;
let tarball: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "nodes-"));
  tarball = await packPackage(dir);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function fetchNode(version: string): string {
  const place = join(dir, version);
  mkdirSync(place);
  execFileSync("npm", ["pack", "--silent", `node-linux-${process.arch}@${version}`], {
    cwd: place,
  });
  const [file = ""] = readdirSync(place);
  execFileSync("tar", ["-xzf", file, "--strip-components", "1"], { cwd: place });
  return join(place, "bin", "node");
}

const hook = join(repository, "test/support/tell-code-cache.cjs");

test.each(["22", "24", "26"])(
  "npm on Node %s installs the command, which installs, and starts from its code cache",
  async (version) => {
    const node = fetchNode(version);
    const place = await openWorkplace();
    const PATH = [dirname(node), process.env.PATH].join(":");
    const command = await installPackage(tarball, join(dir, `prefix-${version}`), {
      ...process.env,
      PATH,
    });
    const data = randomBytes(3_000_000);
    const files = { "bin/tool": program("1.0.0"), "share/data": { body: data } };
    for (const format of ["tar.gz", "zip"] as const) {
      const name = `from-${format.replace("tar.", "")}`;
      const source = place.serve(`${name}.${format}`, archive(format, files));
      place.recipe(name, {
        bins: { [name]: "bin/tool" },
        artifacts: { "linux-x64": source, "linux-arm64": source },
      });
      place.skill(name, { bins: [name] });
    }
    const env = {
      ...place.env,
      PATH,
      OPENCLAW_SKILL_DEPS_CODE_CACHE: "write",
      NODE_OPTIONS: `--require ${hook}`,
    };
    const run = (...args: string[]) => $({ env, quiet: true, nothrow: true })`${command} ${args}`;
    try {
      const first = await run();
      expect([first.exitCode, first.stderr]).toEqual([
        0,
        expect.stringMatching(/code cache: none.*2 installed/s),
      ]);
      for (const { dir: tree } of Object.values(place.manifest().tools)) {
        const found = createHash("sha256").update(
          readFileSync(join(place.prefix, tree, "share/data")),
        );
        expect(found.digest("hex")).toBe(createHash("sha256").update(data).digest("hex"));
      }
      const again = await run("--force-reinstall");
      expect([again.exitCode, again.stderr]).toEqual([
        0,
        expect.stringMatching(/code cache: taken.*2 installed/s),
      ]);
    } finally {
      await place.close();
    }
  },
);
