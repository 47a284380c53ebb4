/** `--catalogue`: recipes from a registry, a URL or a file instead of the bundled ones. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { archive, npmTarball, program } from "../support/archives.ts";
import { makeKey } from "../support/minisign.ts";
import { perTest } from "../support/per-test.ts";
import { started } from "../support/started.ts";
import { openWatchers, type Watchers } from "../support/watchers.ts";
import { entrypoint, openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
perTest(openWorkplace, (opened) => {
  place = opened;
});

const name = "openclaw-install-skill-deps";
const sha256 = (bytes: Buffer | string): string => createHash("sha256").update(bytes).digest("hex");
const stored = (): string[] => {
  const dir = join(place.prefix, "share/openclaw-skill-deps/catalogues");
  return existsSync(dir) ? readdirSync(dir) : [];
};
const fileOf = (catalogue: string): string => `${sha256(catalogue)}.catalogue.json`;
const versionOf = (tool: string): string | undefined => place.manifest().tools[tool]?.version;
/** The environment of every container that shares the volume. */
const naming = (spec: string, key?: string): Record<string, string> => ({
  OPENCLAW_SKILL_CATALOGUE: spec,
  ...(key !== undefined && { OPENCLAW_SKILL_CATALOGUE_KEY: key }),
});

/** A compiled catalogue of one tool, whose skill wants it. No recipe of it stays in --recipes. */
async function compile(tool: string, version = "1.0.0", ...more: string[]): Promise<string> {
  const bytes = archive("tar.gz", { [`bin/${tool}`]: program(version) });
  const source = place.serve(`${tool}-${version}.tar.gz`, bytes);
  place.recipe(tool, { version, artifacts: { "linux-x64": source, "linux-arm64": source } });
  const file = join(place.dir, "made.json");
  const { status, stdout, stderr } = await place.run(
    ...["recipe", "compile", place.recipes, file, ...more],
  );
  expect(status, stderr).toBe(0);
  const catalogue = readFileSync(file, "utf8");
  expect(stdout).toBe(`${sha256(catalogue)}  ${file}\n`);
  rmSync(join(place.recipes, `${tool}.yaml`));
  place.skill(tool, { bins: [tool] });
  return catalogue;
}

function publish(catalogue: string, version = "9.1.0"): string {
  const files = {
    "dist/catalogue.json": catalogue,
    "install.js": `require("fs").writeFileSync("${place.dir}/ran", "")`,
  };
  place.server.publish(name, version, npmTarball(name, version, files));
  return `npm:${name}@${version}`;
}

/** A signed catalogue behind a URL. */
function serveSigned(catalogue: string, signature: string): string {
  place.server.serve("/fleet/catalogue.json.minisig", signature);
  return place.server.serve("/fleet/catalogue.json", catalogue);
}

/** A signed catalogue that is a file, and can be replaced by another one. */
function fleetFile(key: ReturnType<typeof makeKey>) {
  const path = join(place.dir, "fleet.json");
  const put = (catalogue: string, time: number): void => {
    writeFileSync(path, catalogue);
    writeFileSync(`${path}.minisig`, key.sign(catalogue, time));
  };
  return { path, put };
}

describe("where it comes from", () => {
  test("npm's package; later runs need no network, and sh no Node", async () => {
    const catalogue = await compile("zog");
    const spec = publish(catalogue);

    const first = await place.start(naming(spec), "-v");
    expect(first.status, first.stderr).toBe(0);
    expect(first.stderr).toContain(`catalogue: ${spec} (0.1.0, 1 recipe, sha256:`);
    expect(versionOf("zog")).toBe("1.0.0");
    expect(place.manifest()).toMatchObject({ catalogue: spec, tools: { zog: { recipe: spec } } });
    expect(stored()).toEqual([fileOf(catalogue)]);
    expect(existsSync(join(place.dir, "ran"))).toBe(false);

    await place.server.close();
    expect(await place.start(naming(spec))).toMatchObject({ status: 0, alone: true });
    const other = await place.start(naming(`npm:${name}@9.2.0`));
    expect(other.alone).toBe(false);
    const { stdout } = await place.runWith(naming(spec), "requirements", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      catalogue: { spec, version: "0.1.0", sha256: sha256(catalogue) },
      bins: { zog: { state: "present" } },
    });
    const lastRun = join(place.prefix, "share/openclaw-skill-deps/last-run.json");
    expect(JSON.parse(readFileSync(lastRun, "utf8"))).toHaveProperty("catalogue");
  });

  test.each(["a URL", "a URL of a package", "a file"])("%s with its digest", async (where) => {
    const catalogue = await compile("zog");
    const packed = npmTarball("fleet", "1.0.0", { "catalogue.json": catalogue });
    const file = join(place.dir, "fleet.json");
    writeFileSync(file, catalogue);
    const specs: Record<string, string> = {
      "a URL": `${place.server.serve("/c.json", catalogue)}#sha256=${sha256(catalogue)}`,
      "a URL of a package": `${place.server.serve("/c.tgz", packed)}#sha256=${sha256(packed)}`,
      "a file": `${file}#sha256=${sha256(catalogue)}`,
    };
    const spec = specs[where] ?? "";
    const { status, stderr } = await place.run("--catalogue", spec);
    expect(status, stderr).toBe(0);
    expect(versionOf("zog")).toBe("1.0.0");

    // The volume's copy serves all later runs, also for what was never installed.
    rmSync(file);
    rmSync(join(place.prefix, "lib/zog"), { recursive: true });
    const without = place.server.requests.filter(({ path }) => path.startsWith("/c.")).length;
    expect((await place.run("--catalogue", spec)).status).toBe(0);
    expect(place.server.requests.filter(({ path }) => path.startsWith("/c.")).length).toBe(without);
  });

  test("recipes of --recipes are used before it, and the bundled ones not at all", async () => {
    const spec = publish(await compile("zog"));
    const mine = archive("tar.gz", { "bin/zog": program("7.0.0") });
    place.recipe("zog", { version: "7.0.0", artifacts: { "linux-x64": place.serve("m", mine) } });
    const { stdout } = await place.runWith(naming(spec), "recipe", "list", "--json");
    const recipes: { name: string; version: string }[] = JSON.parse(stdout).recipes;
    expect(recipes.map(({ name, version }) => `${name} ${version}`)).toEqual(["zog 7.0.0"]);
  });

  test("recipe compile --catalogue: the recipes of both, those of the directory first", async () => {
    const spec = publish(await compile("zog"));
    const both = await compile("gog", "2.0.0", "--catalogue", spec);
    const merged = publish(both, "9.2.0");
    expect((await place.runWith(naming(merged))).status).toBe(0);
    expect([versionOf("zog"), versionOf("gog")]).toEqual(["1.0.0", "2.0.0"]);
  });

  test("eight runs at once on an empty volume, with two catalogues", async () => {
    const first = publish(await compile("zog"));
    const both = publish(await compile("gog", "1.0.0", "--catalogue", first), "9.2.0");
    const runs = await Promise.all(
      Array.from({ length: 8 }, (_, i) => place.runWith(naming(i % 2 ? first : both), "zog")),
    );
    expect(runs.map(({ status }) => status)).toEqual(Array(8).fill(0));
    expect(versionOf("zog")).toBe("1.0.0");
    expect(stored()).toHaveLength(2);
    await place.server.close();
    for (const spec of [first, both])
      expect((await place.runWith(naming(spec), "info", "zog")).stdout).toContain(`(${spec})`);
  });

  test("the volume's own command, policy and config", async () => {
    const spec = publish(await compile("zog"));
    expect((await place.start(naming(spec))).status).toBe(0);
    const env = { ...place.env, ...naming(spec), OPENCLAW_SKILL_DEPS_NODE: "none" };
    const own = await started([join(place.prefix, "bin", name)], { env, cwd: place.home });
    expect(own).toMatchObject({ status: 0 });
    expect(own.stderr).toContain("nothing to do");

    // The program is gone from the volume; whether it can be installed is what the catalogue says.
    const askPolicy = (more: Record<string, string>): string => {
      const sourcePath = join(place.skills, "zog");
      const input = JSON.stringify({
        ...{
          protocolVersion: 1,
          openclawVersion: "2026.9.6",
          targetType: "skill",
          targetName: "zog",
        },
        ...{ sourcePath, sourcePathKind: "directory", source: { kind: "local-path" } },
        ...{ origin: { type: "path" }, request: { kind: "skill-install", mode: "install" } },
      });
      const set = { ...place.env, OPENCLAW_SKILL_DEPS_NODE: process.execPath, ...more };
      return execFileSync("sh", [entrypoint, "policy"], { env: set, input, encoding: "utf8" });
    };
    expect((await place.run("remove", "zog")).status).toBe(0);
    expect(askPolicy(naming(spec))).toMatch(/zog.*1\.0\.0/);
    expect(askPolicy({})).toContain("no recipe");
    expect(askPolicy(naming(`npm:${name}@9.3.0`))).toContain("does not have the catalogue");

    const key = makeKey();
    const file = join(place.dir, "fleet.pub");
    writeFileSync(file, key.file);
    const url = "https://fleet.example/catalogue.json";
    const { stdout } = await place.runWith(
      { ...naming(url, file), OPENCLAW_SKILL_PREFIX: "/srv/volume" },
      ...["config", "provisioner", "--json"],
    );
    const { openclaw, compose } = JSON.parse(stdout);
    const set = naming(url, key.line);
    expect(openclaw.agents.defaults.sandbox.docker.env).toMatchObject(set);
    expect(compose.services["skill-deps"].environment).toMatchObject(set);
  });
});

describe("what is refused, and leaves nothing", () => {
  const refused = async (spec: string, problem: string, status: number, key?: string) => {
    const ran = await place.runWith(naming(spec, key));
    expect(ran.stderr).toContain(`[${problem}]`);
    expect(ran.status).toBe(status);
    expect(existsSync(place.prefix)).toBe(false);
    return ran.stderr;
  };

  test("other bytes than the digest's, or than the registry names", async () => {
    const catalogue = await compile("zog");
    const url = place.server.serve("/c.json", catalogue.replace("1.0.0", "1.0.1"));
    await refused(`${url}#sha256=${sha256(catalogue)}`, "E_CATALOGUE_DIGEST", 4);
    const file = join(place.dir, "fleet.json");
    writeFileSync(file, `${catalogue} `);
    for (const digest of [sha256(catalogue), "0".repeat(64)])
      await refused(`${file}#sha256=${digest}`, "E_CATALOGUE_DIGEST", 4);
    const spec = publish(catalogue);
    const tarball = npmTarball(name, "9.1.0", { "dist/catalogue.json": "{}" });
    place.server.serve(`/registry/${name}/-/${name}-9.1.0.tgz`, tarball);
    await refused(spec, "E_CATALOGUE_DIGEST", 4);
  });

  test.each([
    ["cut short", (text: string) => text.slice(0, -40)],
    ["no catalogue", () => "{}"],
    ["neither JSON nor a tarball", () => "<html>"],
    ["a name that is a path", (text: string) => text.replace('"name":"zog"', '"name":"../zog"')],
    ["a program that is a path", (text: string) => text.replace('{"zog":', '{"../../zog":')],
    [
      "a file of its smoke test that is elsewhere",
      (text: string) => text.replace('"test":[', '"testFiles":{"../../zog":""},"test":['),
    ],
    [
      "modules elsewhere",
      (text: string) => text.replace('"strip":', '"bytecode":"../..","strip":'),
    ],
    ["a malformed digest", (text: string) => text.replace(/[0-9a-f]{64}/, "abc")],
    ["an unknown kind of source", (text: string) => text.replaceAll('"archive"', '"magic"')],
    ["a smoke test that is no text", (text: string) => text.replace('"test":["zog"', '"test":[5')],
    ["an address that is none", (text: string) => text.replaceAll('"url":"http', '"url":"file')],
    ["a size that is a text", (text: string) => text.replace(/"size":(\d+)/, '"size":"$1"')],
    ["sources that are none", (text: string) => withSources(text, null)],
    ["a source that is none", (text: string) => withSources(text, { any: [null] })],
    [
      "a package outside of the tree",
      (text: string) => {
        const zug = { path: "../../zug", name: "zug", version: "1.0.0", optional: false };
        const hash = { algorithm: "sha512", hex: "0".repeat(128) };
        const source = { kind: "npm-closure", name: "zog", version: "1.0.0", packages: [0] };
        return withSources(text, { any: [source] }, { ...zug, digest: hash });
      },
    ],
  ])("%s", async (_what, spoil) => {
    const text = spoil(await compile("zog"));
    const url = place.server.serve("/c.json", text);
    await refused(`${url}#sha256=${sha256(text)}`, "E_CATALOGUE", 4);
  });

  test("a package that the registry does not have is asked for by its name", async () => {
    place.skill("zog", { bins: ["zog"] });
    const { status, stderr } = await place.runWith(naming("npm:zog@1.0.0"));
    expect(status).toBe(5);
    expect(stderr).toMatch(
      /registry\/zog responded with 404.*\n +hint: Check the name in --catalogue/,
    );
  });

  /** The catalogue of one recipe with other lines for its sources and packages. */
  function withSources(text: string, ...[sources, ...packages]: readonly unknown[]): string {
    const [head] = text.split("\n");
    const lines = packages.map((each) => JSON.stringify(each)).join(",\n");
    return `${head}\n${JSON.stringify(sources)}\n],"packages":[\n${lines}\n]}\n`;
  }

  test("a package without one, and a file that is too large", async () => {
    await compile("zog");
    const packed = npmTarball("other", "1.0.0", { "index.js": "" });
    const url = place.server.serve("/c.tgz", packed);
    await refused(`${url}#sha256=${sha256(packed)}`, "E_CATALOGUE", 4);
    const large = place.server.serve("/large.json", Buffer.alloc(65 * 1024 ** 2, "{"));
    const said = await refused(`${large}#sha256=${"0".repeat(64)}`, "E_CATALOGUE", 4);
    expect(said).toMatch(/is larger than 64 MiB, the limit for a catalogue/);
    const file = join(place.dir, "large.json");
    writeFileSync(file, "{");
    truncateSync(file, 65 * 1024 ** 2);
    expect(await refused(`${file}#sha256=${"0".repeat(64)}`, "E_CATALOGUE", 4)).toBe(
      said.replace(large, file),
    );
    place.server.serve("/small.json", "{");
    place.server.serve("/small.json.minisig", Buffer.alloc(33 * 1024 ** 2, "{"));
    const signed = `${place.server.origin}/small.json`;
    await refused(signed, "E_DOWNLOAD_TOO_LARGE", 4, makeKey().line);
  });

  test("a newer schema, and which command reads it; unknown fields are no error", async () => {
    const text = await compile("zog");
    const newer = text.replace(
      /^\{"schema":\d+,"version":"[^"]*"/,
      '{"schema":99,"version":"3.4.5"',
    );
    const spec = publish(newer);
    const said = await refused(spec, "E_CATALOGUE_SCHEMA", 2);
    expect(said).toMatch(/has schema 99; this command reads schema \d+/);
    expect(said).toContain("openclaw-install-skill-deps 3.4.5 reads it");
    const more = text
      .replace('"recipes":[{', '"extra":{"a":1},"recipes":[{"future":true,')
      .replace('"kind":"archive"', '"kind":"archive","later":[1]');
    expect(more).not.toBe(text);
    expect((await place.runWith(naming(publish(more, "9.2.0")))).status).toBe(0);
    expect(versionOf("zog")).toBe("1.0.0");
  });

  test.each([
    ["npm:openclaw-install-skill-deps", "names no exact version"],
    ["npm:openclaw-install-skill-deps@^1.0.0", "names no exact version"],
    ["https://example.test/c.json", "nothing says what"],
    ["/c.json", "nothing says what"],
    ["https://me:pw@example.test/c.json", "holds a password"],
    [`/c.json#sha256=abc`, "has no digest after #"],
    ["ftp://example.test/c.json", "is neither npm:, an http URL nor a path"],
  ])("%s", async (spec, why) => {
    await compile("zog");
    const said = await refused(spec, "E_USAGE", 2);
    expect(said).toContain(why);
    expect(said).not.toContain("me:pw");
  });

  test("a signature that is missing, wrong, by another key, or without a time", async () => {
    const catalogue = await compile("zog");
    const [key, other] = [makeKey(), makeKey()];
    const url = place.server.serve("/fleet/catalogue.json", catalogue);
    const missing = await refused(url, "E_CATALOGUE_SIGNATURE", 4, key.line);
    expect(missing).toContain(`there is no ${url}.minisig`);
    const time = 1_800_000_000;
    for (const [signature, why] of [
      ["nonsense", "is not a signature of minisign"],
      [other.sign(catalogue, time), "is by the key"],
      [key.sign(`${catalogue} `, time), "does not belong to these bytes"],
      [
        key.sign(catalogue, time).replace("timestamp:18", "timestamp:19"),
        "comment that was changed",
      ],
      [key.sign(catalogue, time, "no time"), "has no timestamp"],
    ] as const) {
      serveSigned(catalogue, signature);
      expect(await refused(url, "E_CATALOGUE_SIGNATURE", 4, key.line)).toContain(why);
    }
    await refused(url, "E_INPUT", 2, join(place.dir, "absent.pub"));
    writeFileSync(join(place.dir, "bad.pub"), "x\n");
    await refused(url, "E_INPUT", 2, join(place.dir, "bad.pub"));
    await refused(`npm:${name}@9.1.0`, "E_USAGE", 2, key.line);
    place.server.serve("/fleet/catalogue.json.minisig", "", { fault: "html" });
    expect(await place.runWith(naming(url, key.line))).toMatchObject({
      status: 5,
      stderr: expect.stringContaining(`${url}.minisig responded with a web page, not a signature`),
    });
  });
});

describe("signed by a key that the operator names", () => {
  test("a URL moves by update, never back", async () => {
    const key = makeKey();
    const file = join(place.dir, "fleet.pub");
    writeFileSync(file, key.file);
    const first = await compile("zog", "1.0.0");
    const url = serveSigned(first, key.sign(first, 1_800_000_000));
    const env = naming(url, file);
    expect((await place.start(env)).status).toBe(0);
    expect(await place.start(env)).toMatchObject({ status: 0, alone: true });

    const second = await compile("zog", "2.0.0");
    serveSigned(second, key.sign(second, 1_800_000_100));
    expect((await place.runWith(env)).status).toBe(0);
    expect(versionOf("zog")).toBe("1.0.0");
    const updated = await place.runWith(env, "update");
    expect(updated.status, updated.stderr).toBe(0);
    expect(versionOf("zog")).toBe("2.0.0");

    place.server.serve("/fleet/catalogue.json", "", { fault: "status", status: 404 });
    const away = await place.runWith(env, "update");
    expect(away.status).toBe(5);
    expect(away.stderr).toContain("[E_CATALOGUE_KEPT]");
    serveSigned(first, key.sign(first, 1_800_000_050));
    const back = await place.runWith(env, "update");
    expect(back.status).toBe(4);
    expect(back.stderr).toContain("[E_CATALOGUE_OLDER]");
    expect(versionOf("zog")).toBe("2.0.0");
    expect((await place.runWith(env, "requirements")).stdout).toContain(
      sha256(second).slice(0, 12),
    );
    // Also after gc, and although another catalogue was used meanwhile.
    const spec = publish(await compile("gog"));
    expect((await place.runWith(naming(spec))).status).toBe(0);
    expect((await place.runWith(naming(spec), "gc")).status).toBe(0);
    expect(stored()).toHaveLength(1);
    const again = await place.runWith(env);
    expect(again.status).toBe(4);
    expect(again.stderr).toContain("[E_CATALOGUE_OLDER]");
    // Nor from a seed.
    const seed = join(place.dir, "seed");
    const filled = { ...env, OPENCLAW_SKILL_PREFIX: seed };
    expect((await place.runWith(filled)).status).toBe(0);
    const seeded = await place.runWith({ ...env, OPENCLAW_SKILL_SEED: seed });
    expect(seeded.stderr).toContain("[E_CATALOGUE_OLDER]");
  });

  test("a file is read again when it is replaced; a container without it uses the volume's copy", async () => {
    const key = makeKey();
    const { path, put } = fleetFile(key);
    put(await compile("zog"), 1_800_000_000);
    const env = naming(path, key.line);
    expect((await place.start(env)).status).toBe(0);
    expect((await place.start(env)).alone).toBe(true);
    put(await compile("gog"), 1_800_000_001);
    const moved = await place.start(env);
    expect(moved).toMatchObject({ status: 0, alone: false });
    expect(versionOf("gog")).toBe("1.0.0");
    rmSync(path);
    rmSync(`${path}.minisig`);
    rmSync(join(place.prefix, "lib/gog"), { recursive: true });
    const without = await place.runWith(env);
    expect(without.status, without.stderr).toBe(0);
    put(await compile("zog"), 1_799_999_999);
    const back = await place.runWith(env);
    expect(back.status).toBe(4);
    expect(back.stderr).toMatch(/copy in the volume is used: .*E_CATALOGUE_OLDER/);
    // With another key the copy does not count.
    const other = await place.runWith(naming(path, makeKey().line));
    expect(other.stderr).toContain("[E_CATALOGUE_SIGNATURE]");
  });
});

describe("watch", () => {
  let watchers: Watchers;
  afterEach(() => watchers.end());

  test("takes a signed file that is replaced, and a registry that comes back", async () => {
    const key = makeKey();
    const { path, put } = fleetFile(key);
    put(await compile("zog"), 1_800_000_000);
    watchers = openWatchers(place);
    const words = ["watch", "--interval", "1"];
    const watcher = watchers.start(words, ["sh"], naming(path, key.line));
    await watcher.says("1 installed");
    const both = await compile("gog");
    const from = watcher.said().length;
    put(both, 1_800_000_001);
    await watcher.says("gog 1.0.0", from);
    await watcher.end();

    const spec = publish(await compile("yak"));
    const document = `/registry/${name}`;
    const registry = place.server.keep();
    place.server.serve(document, "", { fault: "status", status: 404 });
    const other = watchers.start(words, ["sh"], naming(spec));
    await other.says("E_CATALOGUE_UNAVAILABLE");
    registry();
    await other.says("yak 1.0.0");
  });
});

describe("without network", () => {
  test("what is installed stays; only what is missing makes the run fail, and nothing bundled replaces it", async () => {
    const spec = publish(await compile("zog"));
    expect((await place.runWith(naming(spec))).status).toBe(0);
    rmSync(join(place.prefix, "share/openclaw-skill-deps/catalogues"), { recursive: true });
    await place.server.close();
    const env = { ...naming(spec), OPENCLAW_SKILL_TIMEOUT: "1" };
    const kept = await place.runWith(env);
    expect(kept.status, kept.stderr).toBe(0);
    expect(kept.stderr).toContain("[E_CATALOGUE_UNAVAILABLE]");
    expect(versionOf("zog")).toBe("1.0.0");
    expect((await place.start(env)).alone).toBe(false);

    const named = await place.runWith(env, "zag");
    expect([named.status, named.stderr]).toEqual([
      5,
      expect.not.stringContaining("E_UNKNOWN_NAME"),
    ]);
    const mistyped = await place.runWith(env, "udpate");
    expect([mistyped.status, mistyped.stderr]).toEqual([
      2,
      expect.stringMatching(/Did you mean update/),
    ]);
    place.skill("json", { bins: ["rg"] });
    const missing = await place.runWith({ ...env, PATH: "/nowhere" });
    expect(missing.status).toBe(5);
    expect(missing.stderr).toMatch(/rg .* is unmet: the catalogue npm:.* cannot be used now/);
    expect((await place.runWith({ ...env, PATH: "/nowhere" }, "--offline")).status).toBe(0);
  });
});

describe("the volume's copy", () => {
  test("doctor finds one that was changed, and --repair fetches it again", async () => {
    const catalogue = await compile("zog");
    const spec = publish(catalogue);
    expect((await place.runWith(naming(spec))).status).toBe(0);
    const copy = join(place.prefix, "share/openclaw-skill-deps/catalogues", fileOf(catalogue));
    writeFileSync(copy, catalogue.replace("1.0.0", "1.0.1"));
    const found = await place.runWith({}, "doctor");
    expect(found.stdout).toContain(`the catalogue ${spec} is missing or damaged`);
    expect(found.status).toBe(4);
    const repaired = await place.runWith(naming(spec), "doctor", "--repair");
    expect(repaired.status, repaired.stdout).toBe(0);
    expect(readFileSync(copy, "utf8")).toBe(catalogue);
  });

  test("of another schema is left to the command that reads it; what is installed stays in use", async () => {
    const catalogue = await compile("zog");
    const spec = publish(catalogue);
    expect((await place.runWith(naming(spec))).status).toBe(0);
    const newer = catalogue.replace(
      /^\{"schema":\d+,"version":"[^"]*"/,
      '{"schema":99,"version":"3.4.5"',
    );
    const manifest = join(place.prefix, "manifest.json");
    const text = readFileSync(manifest, "utf8").replaceAll(sha256(catalogue), sha256(newer));
    writeFileSync(manifest, text);
    const dir = join(place.prefix, "share/openclaw-skill-deps/catalogues");
    writeFileSync(join(dir, fileOf(newer)), newer);
    const kept = await place.runWith(naming(spec));
    expect(kept.status, kept.stderr).toBe(0);
    expect(kept.stderr).toMatch(/schema 99; this command reads schema \d+ \[E_CATALOGUE_SCHEMA\]/);
    expect(kept.stderr).toContain("openclaw-install-skill-deps 3.4.5 reads it");
    expect(stored()).toContain(fileOf(newer));
    place.skill("json", { bins: ["rg"] });
    expect((await place.runWith({ ...naming(spec), PATH: "/nowhere" })).status).toBe(2);
  });

  test("gc removes those of no run; a run without --catalogue is recorded, too", async () => {
    const first = publish(await compile("zog"));
    expect((await place.runWith(naming(first))).status).toBe(0);
    const second = publish(await compile("gog"), "9.2.0");
    expect((await place.runWith(naming(second))).status).toBe(0);
    expect(stored()).toHaveLength(2);
    const dry = await place.runWith(naming(second), "gc", "--dry-run");
    expect(dry.stdout).toContain(".catalogue.json");
    expect(stored()).toHaveLength(2);
    expect((await place.runWith({}, "gc")).status).toBe(0);
    expect(place.manifest()).toMatchObject({ catalogue: second });
    expect(stored()).toHaveLength(1);
    expect((await place.run("--offline")).status).toBe(0);
    expect(place.manifest()).not.toHaveProperty("catalogue");
    expect((await place.run("gc")).status).toBe(0);
    expect(stored()).toEqual([]);
  });

  test("a file that no manifest lists is removed after an hour", async () => {
    const spec = publish(await compile("zog"));
    expect((await place.runWith(naming(spec))).status).toBe(0);
    const dir = join(place.prefix, "share/openclaw-skill-deps/catalogues");
    for (const left of ["a.catalogue.json", ".0123456789ab.tmp"]) {
      writeFileSync(join(dir, left), "");
      utimesSync(join(dir, left), 1e9, 1e9);
    }
    expect((await place.runWith(naming(spec))).status).toBe(0);
    expect(stored()).toHaveLength(1);
  });

  test("a bundle and a seed have it", async () => {
    const spec = publish(await compile("zog"));
    expect((await place.runWith(naming(spec))).status).toBe(0);
    const file = join(place.dir, "volume.tar.gz");
    expect((await place.run("bundle", "export", file)).status).toBe(0);
    const seed = join(place.dir, "seed");
    renameSync(place.prefix, seed);
    await place.server.close();

    expect((await place.run("bundle", "import", file)).status).toBe(0);
    expect(await place.runWith(naming(spec))).toMatchObject({ status: 0 });
    expect(stored()).toHaveLength(1);
    rmSync(join(place.prefix, "share/openclaw-skill-deps/catalogues"), { recursive: true });
    expect((await place.run("bundle", "import", file)).stderr).toContain("was copied, too");
    expect(stored()).toHaveLength(1);

    rmSync(place.prefix, { recursive: true });
    const env = { ...naming(spec), OPENCLAW_SKILL_SEED: seed };
    const seeded = await place.runWith(env);
    expect(seeded.status, seeded.stderr).toBe(0);
    expect(versionOf("zog")).toBe("1.0.0");
    expect(stored()).toHaveLength(1);
  });
});

describe("sandboxes, whose skills lie elsewhere and who have no Node", () => {
  test("are answered by sh if they name the same catalogue, and by no other", async () => {
    const spec = publish(await compile("zog"));
    const { OPENCLAW_SKILL_DIRS: _, OPENCLAW_SKILL_RECIPES: __, ...rest } = place.env;
    const skills = join(place.home, ".openclaw/skills");
    mkdirSync(join(place.home, ".openclaw"));
    renameSync(place.skills, skills);
    const plain = { ...rest, OPENCLAW_SKILL_DIRS: "", OPENCLAW_SKILL_RECIPES: "" };
    const filled = await place.start({ ...plain, ...naming(spec) });
    expect(filled.status, filled.stderr).toBe(0);

    const home = join(place.dir, "sandbox");
    mkdirSync(join(home, ".openclaw"), { recursive: true });
    cpSync(skills, join(home, ".openclaw/skills"), { recursive: true });
    const sandbox = { ...plain, HOME: home, OPENCLAW_SKILL_DEPS_NODE: "none" };
    const same = await place.start({ ...sandbox, ...naming(spec) }, "--strict");
    expect(same.stderr).toContain("nothing to do");
    expect(same).toMatchObject({ status: 0, alone: true });
    for (const env of [naming(`npm:${name}@9.2.0`), naming(spec, makeKey().line), {}]) {
      const other = await place.start({ ...sandbox, ...env }, "--strict");
      expect(other.stderr).toContain("[E_NOT_VERIFIED]");
      expect(other.status).toBe(3);
    }
  });
});
