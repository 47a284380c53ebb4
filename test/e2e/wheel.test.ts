/** A wheel that is used as an archive: its program needs no Python. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { describe as weigh } from "../support/archives.ts";
import { type MadeWheel, makeWheel, serveIndex } from "../support/wheels.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let index: string;
beforeEach(async () => {
  place = await openWorkplace();
  place.skill("mail", { bins: ["zog"] });
});
afterEach(() => place.close());

const tagOf = { x64: "py3-none-musllinux_1_1_x86_64", arm64: "py3-none-musllinux_1_1_aarch64" };
type Arch = keyof typeof tagOf;

function wheelFor(arch: Arch, version = "1.0.0"): MadeWheel {
  const script = {
    name: `zog-${version}.data/scripts/zog`,
    body: `#!/bin/sh\necho ${arch} ${version}\n`,
  };
  return makeWheel("zog", version, {}, {}, { tags: tagOf[arch], more: [script] });
}
const wheels = [wheelFor("x64"), wheelFor("arm64")];

function sourceOf({ version, file, bytes }: MadeWheel): Record<string, unknown> {
  const bins = { zog: `zog-${version}.data/scripts/zog` };
  const { sha256, size } = weigh(bytes);
  return { pypi: `zog@${version}`, wheel: file, sha256, size, bins };
}
const sources = (change = (source: Record<string, unknown>): unknown => source) =>
  Object.fromEntries(
    (["x64", "arm64"] as const).map((arch) => {
      const made = sourceOf(wheelFor(arch));
      return [`linux-${arch}`, change(made)];
    }),
  );
const offer = (artifacts: object = sources()): void => {
  index = serveIndex(place.server, wheels, "json");
  place.recipe("zog", { artifacts });
};
const env = () => ({ PIP_INDEX_URL: index, PIP_CONFIG_FILE: "/dev/null" });
const install = (...args: string[]) => place.runWith(env(), ...args);
const here: Arch = process.arch === "arm64" ? "arm64" : "x64";
const recipe = (): string => join(place.recipes, "zog.yaml");
const ask = (): string => execFileSync(join(place.prefix, "bin/zog"), { encoding: "utf8" });

describe("installing", () => {
  test("needs an index, and no Python", async () => {
    offer();
    const { status, stderr } = await install();
    expect(stderr).toMatch(/1 installed/);
    expect(status).toBe(0);
    expect(ask()).toBe(`${here} 1.0.0\n`);
    expect(place.manifest().tools.zog).toMatchObject({
      needs: [],
      source: { kind: "wheel", from: "zog@1.0.0" },
    });
    expect((await install()).stderr).toMatch(/nothing to do/);
  });

  test("gets the other processor's wheel for the other platform", async () => {
    offer();
    const other = here === "x64" ? "arm64" : "x64";
    expect((await install("--platform", `linux-${other}`)).status).toBe(0);
    expect(ask()).toBe(`${other} 1.0.0\n`);
  });

  test("from a directory of wheels that pip.conf names", async () => {
    offer();
    const dir = join(place.dir, "wheels");
    mkdirSync(dir);
    for (const { file, bytes } of wheels) writeFileSync(join(dir, file), bytes);
    const { status } = await place.runWith({ PIP_FIND_LINKS: dir, PIP_NO_INDEX: "1" });
    expect(status).toBe(0);
    expect(ask()).toBe(`${here} 1.0.0\n`);
  });

  test("is used where the first source is gone", async () => {
    const gone = { url: `${place.server.origin}/zog.tar.gz`, sha256: "0".repeat(64) };
    offer(sources((source) => [gone, source]));
    expect((await install()).status).toBe(0);
    expect(ask()).toBe(`${here} 1.0.0\n`);
  });

  test("other bytes are an error of integrity", async () => {
    offer(sources((source) => ({ ...source, sha256: "0".repeat(64) })));
    expect((await install()).status).toBe(4);
  });
});

describe("authoring", () => {
  test("recipe check --fetch compares it, and looks for its programs", async () => {
    offer();
    const checked = await install("recipe", "check", "--fetch", recipe());
    expect(checked.stdout).toMatch(
      /ok {2}zog linux-x64 pypi:zog@1\.0\.0\nok {2}zog linux-arm64 pypi/,
    );
    expect(checked.status).toBe(0);
    offer(sources((source) => ({ ...source, bins: { zog: "zog-1.0.0.data/scripts/zig" } })));
    expect((await install("recipe", "check", "--fetch", recipe())).status).toBe(2);
  });

  test.each([
    [{ wheel: undefined }, /has pypi and no lock, and names no wheel/],
    [{ pypi: "zog@1.0.1" }, /wheel is not a wheel of zog@1\.0\.1/],
    [{ pypi: "zig@1.0.0" }, /wheel is not a wheel of zig@1\.0\.0/],
    [{ wheel: "zog.zip" }, /wheel is "zog\.zip", which is not a wheel's name/],
    [{ lock: "zog.pypi.lock.json" }, /wheel means nothing with a lock/],
    [{ pypi: undefined, npm: "zog@1.0.0" }, /wheel applies only to pypi/],
    [{ wheel: "zog-1.0.0-py3-none-win_amd64.whl" }, /wheel is not for linux-x64/],
  ])("recipe check reports %j", async (change, expected) => {
    offer(sources((source) => ({ ...source, ...change })));
    const { status, stderr, stdout } = await place.run("recipe", "check", recipe());
    expect(stdout + stderr).toMatch(expected);
    expect(status).toBe(2);
  });

  test("recipe pin computes digest and size of the wheel that is named", async () => {
    offer(sources((source) => ({ ...source, sha256: "0".repeat(64), size: 1 })));
    const { status, stdout } = await install("recipe", "pin", recipe());
    expect(stdout).toMatch(/artifacts\.linux-arm64\.sha256: 0000/);
    expect(status).toBe(0);
    expect((await install()).status).toBe(0);
  });

  test("recipe bump moves the version in its name, too", async () => {
    offer();
    index = serveIndex(place.server, [
      ...wheels,
      ...(["x64", "arm64"] as const).map((arch) => wheelFor(arch, "1.1.0")),
    ]);
    const { stdout, stderr, status } = await install("recipe", "bump", "zog");
    expect(stdout + stderr).toMatch(/zog +1\.0\.0 +1\.1\.0 +pypi:zog +.*bumped/);
    expect(status).toBe(0);
    const text = readFileSync(recipe(), "utf8");
    expect(text).toContain("wheel: zog-1.1.0-py3-none-musllinux_1_1_aarch64.whl");
    expect(text).toContain("zog: zog-1.1.0.data/scripts/zog");
    expect(text).not.toContain("1.0.0");
    expect((await install()).status).toBe(0);
    expect(ask()).toBe(`${here} 1.1.0\n`);
  });
});

describe("an older second source", () => {
  const first = (version: string) => {
    const bytes = wheelFor(here, version).bytes;
    return {
      ...place.serve(`zog-${version}.zip`, bytes),
      bins: { zog: `zog-${version}.data/scripts/zog` },
    };
  };

  test("is installed as what it is, where the first one is gone", async () => {
    offer({
      any: [
        { ...first("2.0.0"), url: `${place.server.origin}/gone.zip` },
        { ...first("1.0.0"), version: "1.0.0" },
      ],
    });
    place.recipe("zog", {
      version: "2.0.0",
      artifacts: {
        any: [
          { ...first("2.0.0"), url: `${place.server.origin}/gone.zip` },
          { ...first("1.0.0"), version: "1.0.0" },
        ],
      },
    });
    const { stderr, status } = await place.run();
    expect(stderr).toMatch(/zog 1\.0\.0 in place of 2\.0\.0 is used/);
    expect(status).toBe(0);
    expect(place.manifest().tools.zog?.version).toBe("1.0.0");
    expect(ask()).toBe(`${here} 1.0.0\n`);
    first("2.0.0");
    place.recipe("zog", {
      version: "2.0.0",
      artifacts: { any: [first("2.0.0"), { ...first("1.0.0"), version: "1.0.0" }] },
    });
    expect((await place.run("update")).status).toBe(0);
    expect(place.manifest().tools.zog?.version).toBe("2.0.0");
  });

  test.each([
    [[{}, { version: "1.0.0" }], /any\[1\]\.version is not older than the recipe's 1\.0\.0/],
    [[{}, { version: "1.2.0" }], /any\[1\]\.version is not older than/],
    [[{ version: "0.9.0" }, {}], /any\[0\]\.version is for a later source/],
  ])("recipe check reports %j", async (changes, expected) => {
    place.recipe("zog", {
      artifacts: { any: changes.map((change) => ({ ...first("1.0.0"), ...change })) },
    });
    const { stdout, stderr } = await place.run("recipe", "check", recipe());
    expect(stdout + stderr).toMatch(expected);
  });

  test("stays when the recipe is bumped", async () => {
    const later = (["x64", "arm64"] as const).map((arch) => wheelFor(arch, "1.1.0"));
    const older = {
      url: "https://files.invalid/zog-0.9.0.zip",
      sha256: "1".repeat(64),
      version: "0.9.0",
    };
    offer(sources((source) => [source, older]));
    index = serveIndex(place.server, [...wheels, ...later]);
    const { stdout, status } = await install("recipe", "bump", "zog");
    expect(stdout).toMatch(/bumped/);
    expect(status).toBe(0);
    const text = readFileSync(recipe(), "utf8");
    expect(text).toContain(`sha256: "${"1".repeat(64)}"`);
    expect(text).toContain("https://files.invalid/zog-0.9.0.zip");
    expect(text).toContain("pypi: zog@1.1.0");
  });
});
