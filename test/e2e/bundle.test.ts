import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { $ } from "zx";
import { archive, link, program, run } from "../support/archives.ts";
import { namesWithoutCommand, withoutCommand } from "../support/own-command.ts";
import { started } from "../support/started.ts";
import {
  bundle,
  openWorkplace,
  repository,
  snapshotOf,
  type Workplace,
} from "../support/workplace.ts";

let place: Workplace;
let restore: () => void;
/** An empty volume in a place without network. */
let gap: string;
/** A bundle of the volume. */
let packed: string;
let file: string;
beforeAll(async () => {
  place = await openWorkplace();
  gap = join(place.dir, "gap");
  offer("zog");
  offer("yak", "1.0.0", { needs: ["zog"] });
  place.skill("mail", { bins: ["yak"] });
  expect((await place.run()).status).toBe(0);
  packed = join(place.dir, "volume.tar.zst");
  expect((await pack(packed)).status).toBe(0);
  restore = place.keep();
});
beforeEach(() => {
  restore();
  file = packed;
});
afterAll(() => place.close());

const long = `lib/${"long-name-".repeat(9)}/${"deep/".repeat(20)}data`;

function offer(name: string, version = "1.0.0", more: object = {}): void {
  const tree = {
    [`bin/${name}`]: program(version),
    "lib/data": "x".repeat(5000),
    "lib/naïve ☃": "n",
    "lib/empty": "",
    [long]: "deep",
    "lib/link": link("data"),
    LICENSE: "MIT",
  };
  const source = place.serve(`${name}-${version}.tar.gz`, archive("tar.gz", tree));
  place.recipe(name, { version, artifacts: { "linux-x64": source }, ...more });
}

const sha256 = (path: string): string =>
  createHash("sha256").update(readFileSync(path)).digest("hex");
const ask = (prefix: string, name: string): string =>
  execFileSync(join(prefix, "bin", name), ["--version"], { encoding: "utf8" }).trim();
const listed = (prefix: string) => {
  const document = JSON.parse(readFileSync(join(prefix, "manifest.json"), "utf8")) as {
    tools: Record<string, { version: string; dir: string; contents: string }>;
    skills: { name: string }[];
    requested: string[];
  };
  return { ...document, tools: withoutCommand(document.tools) };
};
const take = (...args: string[]) => place.run("bundle", "import", ...args, "--prefix", gap);
const pack = (to = file) => place.run("bundle", "export", to);

/** Packs a directory as a bundle by hand, the manifest first. */
function forge(dir: string): void {
  const rest = readdirSync(dir).filter((name) => name !== "manifest.json");
  const words = ["--zstd", "-cf", file, "-C", dir, "manifest.json", ...rest];
  execFileSync("tar", words);
}

/** What the bundle unpacks to. */
function unpacked(): string {
  const dir = join(place.dir, "unpacked");
  mkdirSync(dir);
  execFileSync("tar", ["-xf", file, "-C", dir]);
  return dir;
}

describe("export and import", () => {
  test.each(["volume.tar.gz", "volume.tar.zst"])(
    "%s brings all of a volume to where no network is",
    async (name) => {
      file = join(place.dir, name);
      const exported = await pack();
      expect(exported.status).toBe(0);
      expect(exported.stdout).toBe(`${sha256(file)}  ${file}\n`);
      place.server.empty(); // from here on nothing can be fetched

      const { status, stdout, stderr } = await take(file, "--json", "--sha256", sha256(file));
      expect(stderr).not.toMatch(/error|warning/);
      expect(status).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ exitStatus: 0, sha256: sha256(file), failed: [] });
      expect([ask(gap, "zog"), ask(gap, "yak")]).toEqual(["1.0.0", "1.0.0"]);
      expect(stderr).toContain(`installed zog (from ${file}, `);
      const [theirs, ours] = [listed(place.prefix), listed(gap)];
      expect(Object.values(ours.tools).map(({ contents }) => contents)).toEqual(
        Object.values(theirs.tools).map(({ contents }) => contents),
      );
      const dir = ours.tools.zog?.dir ?? "";
      const tree = snapshotOf(join(gap, dir));
      expect(tree).toEqual(snapshotOf(join(place.prefix, dir)));
      expect(ours.skills.map((skill) => skill.name)).toEqual(["mail"]);
      expect(readdirSync(join(gap, "lib/.staging"))).toEqual([]);

      const deep = await place.run("doctor", "--deep", "--json", "--prefix", gap);
      const findings = JSON.parse(deep.stdout).findings.filter((it: { tool?: string }) => it.tool);
      expect(findings).toEqual([]);
      const plain = await place.run("--offline", "--prefix", gap);
      expect(plain.stderr).toMatch(/nothing to do/);
    },
  );

  test("the same volume gives the same bytes, also when it was copied", async () => {
    const first = sha256(file);
    const copy = join(place.dir, "copy");
    execFileSync("cp", ["-a", place.prefix, copy]);
    expect((await place.run("doctor", "--prefix", copy)).status).toBe(0);
    expect((await place.run("bundle", "export", file, "--prefix", copy)).status).toBe(0);
    expect(sha256(file)).toBe(first);
    const names = execFileSync("tar", ["-tf", file], { encoding: "utf8" }).split("\n");
    expect(names[0]).toBe("manifest.json");
    const licences = execFileSync("tar", ["-xOf", file, "LICENCES.txt"], { encoding: "utf8" });
    expect(licences).toMatch(/zog 1\.0\.0: MIT\n {2}from http.*\n {2}lib\/zog\/.*\/LICENSE/);
  });

  test("what is the same stays as it is, what is newer here too, and what is older is replaced", async () => {
    expect((await take(file)).status).toBe(0);
    const before = snapshotOf(gap);
    const again = await take(file);
    expect(again).toMatchObject({ status: 0 });
    expect(again.stderr).toMatch(/0 imported, 2 kept/);
    expect(snapshotOf(gap)).toEqual(before);

    offer("zog", "1.10.0");
    expect((await place.run("update")).status).toBe(0);
    const newer = join(place.dir, "newer.tgz");
    await pack(newer);
    expect((await take(newer)).stderr).toMatch(/1 imported, 1 kept/);
    expect(ask(gap, "zog")).toBe("1.10.0");
    const back = await take(file, "--json");
    expect(JSON.parse(back.stdout).steps).toContainEqual({
      action: "keep",
      tool: "zog",
      version: "1.0.0",
      why: "1.10.0 here is newer",
    });
    expect(ask(gap, "zog")).toBe("1.10.0");
    expect((await take(file, "-f")).status).toBe(0);
    expect(ask(gap, "zog")).toBe("1.0.0");
  });

  test("what is damaged here is repaired from it", async () => {
    expect((await take(file)).status).toBe(0);
    truncateSync(join(gap, listed(gap).tools.zog?.dir ?? "", "bin/zog"));
    expect((await take(file)).status).toBe(0);
    expect(ask(gap, "zog")).toBe("1.0.0");
  });

  test("what it brings is not removed by gc", async () => {
    offer("owl");
    place.skill("other", { bins: ["owl"] });
    rmSync(join(place.skills, "mail"), { recursive: true });
    expect((await place.run("--prefix", gap)).status).toBe(0);
    expect((await take(file)).status).toBe(0);
    expect(listed(gap).requested).toEqual(["yak"]);
    expect((await place.run("gc", "--prefix", gap)).status).toBe(0);
    expect(Object.keys(listed(gap).tools)).toEqual(["owl", "yak", "zog"]);
  });

  test("an unpacked bundle, and another volume, are taken in as they lie there", async () => {
    const dir = unpacked();
    const before = snapshotOf(dir);
    expect((await take(dir)).status).toBe(0);
    expect(snapshotOf(dir)).toEqual(before);
    expect(ask(gap, "yak")).toBe("1.0.0");
    rmSync(gap, { recursive: true });
    expect((await take(place.prefix)).status).toBe(0);
    expect(ask(gap, "yak")).toBe("1.0.0");
  });

  test("several containers at once take it in, and others take it away again", async () => {
    const all = await Promise.all([take(file), take(file), take(file, "-f"), take(place.prefix)]);
    expect(all.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
    expect([ask(gap, "zog"), ask(gap, "yak")]).toEqual(["1.0.0", "1.0.0"]);
    const remove = () => place.run("remove", "yak", "zog", "--prefix", gap);
    expect((await Promise.all([remove(), remove()])).map(({ status }) => status)).toEqual([0, 0]);
    expect(listed(gap).tools).toEqual({});
    expect(namesWithoutCommand(join(gap, "bin"))).toEqual([]);
  });

  test("--dry-run says what would be taken and changes nothing", async () => {
    const { status, stdout } = await take(file, "--dry-run");
    expect(status).toBe(0);
    expect(stdout).toMatch(/take\s+zog\s+1\.0\.0\s+missing/);
    expect(existsSync(gap)).toBe(false);
  });

  test("a damaged volume is not packed, and no half of a bundle is left", async () => {
    const data = join(place.prefix, listed(place.prefix).tools.zog?.dir ?? "", "lib/data");
    writeFileSync(data, "y".repeat(5000));
    rmSync(file);
    const { status, stderr } = await pack();
    expect(status).toBe(4);
    expect(stderr).toMatch(/lib\/data was changed[\s\S]*doctor --repair/);
    expect(existsSync(file)).toBe(false);
    expect(readdirSync(place.dir).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test.skipIf(process.getuid?.() !== 0)(
    "an import into a read-only volume fails: nothing was imported",
    async () => {
      const script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';
      const words = ["unshare", "--mount", "sh", "-c", script, place.prefix] as const;
      const command = [process.execPath, bundle, "bundle", "import", file, "-f"];
      const { status, stderr } = await started([...words, ...command], {
        env: place.env,
        cwd: place.home,
      });
      expect([status, stderr]).toEqual([5, expect.stringMatching(/read-only here.*\n {2}hint: /)]);
    },
  );

  test.each([
    [["bundle"], /bundle import FILE/],
    [["bundle", "export", "x.zip"], /ends in .tar.gz or .tar.zst/],
    [["bundle", "export", "/nowhere/x.tgz"], /\/nowhere is not a directory/],
    [["bundle", "import", "/nowhere/x.tgz"], /no such file/],
    [["bundle", "import", "x.tgz", "--sha256", "abc"], /--sha256 abc is not a sha256/],
    [["list", "--sha256", "0".repeat(64)], /--sha256 is for bundle import/],
  ])("%j is refused with what to write", async (args, message) => {
    const { status, stderr } = await place.run(...args);
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
  });
});

describe("what others made is refused whole", () => {
  let dir: string;
  beforeEach(() => {
    dir = unpacked();
  });
  const tree = (path = ""): string => join(dir, listed(dir).tools.zog?.dir ?? "", path);
  const edit = (
    change: (manifest: ReturnType<typeof listed> & Record<string, unknown>) => void,
  ) => {
    const manifest = listed(dir) as ReturnType<typeof listed> & Record<string, unknown>;
    change(manifest);
    writeFileSync(join(dir, "manifest.json"), JSON.stringify(manifest));
  };

  test.each<[string, () => void, RegExp, number]>([
    [
      "another platform",
      () => edit((it) => (it.platform = "linux-arm64-musl")),
      /holds programs for linux-arm64-musl/,
      2,
    ],
    ["a newer schema", () => edit((it) => (it.schema = 99)), /schema 99/, 2],
    [
      "a manifest that is none",
      () => writeFileSync(join(dir, "manifest.json"), "{"),
      /not JSON/,
      4,
    ],
    [
      "a manifest whose tree lies elsewhere",
      () => edit((it) => Object.assign(it.tools.zog as object, { dir: "lib/../../etc" })),
      /not a manifest of this package/,
      4,
    ],
  ])("%s: nothing is changed", async (_, change, message, status) => {
    change();
    forge(dir);
    for (const from of [file, dir]) {
      const refused = await take(from);
      expect(refused.stderr).toMatch(message);
      expect(refused.status).toBe(status);
      expect(existsSync(gap)).toBe(false);
    }
  });

  test.each<[string, () => void, RegExp]>([
    ["a byte", () => writeFileSync(tree("lib/data"), "y".repeat(5000)), /manifest: lib\/data/],
    ["a file more", () => writeFileSync(tree("lib/more"), ""), /manifest: lib\/more/],
    ["a file less", () => unlinkSync(tree("lib/data")), /manifest: lib\/data/],
    ["no tree", () => rmSync(tree(), { recursive: true }), /lib\/zog\/.* does not exist/],
    [
      "a program of another size",
      () =>
        edit((it) =>
          Object.assign((it.tools.zog as never as { bins: { zog: object } }).bins.zog, { size: 7 }),
        ),
      /its program zog does not match/,
    ],
  ])(
    "%s: that tool is refused with what needs it, and no stale file is left",
    async (_, change, message) => {
      change();
      forge(dir);
      for (const from of [file, dir]) {
        const refused = await take(from);
        expect(refused.stderr).toMatch(message);
        expect(refused.stderr).toMatch(/yak needs zog.*\[E_NEED\]/);
        expect(refused.status).toBe(4);
        expect(Object.keys(listed(gap).tools)).toEqual([]);
        expect(namesWithoutCommand(join(gap, "lib"))).toEqual([".staging"]);
        expect(readdirSync(join(gap, "lib/.staging"))).toEqual([]);
        expect(namesWithoutCommand(join(gap, "bin"))).toEqual([]);
      }
    },
  );

  test("links that lead out of the tree, though the manifest lists them", async () => {
    // Whoever makes a bundle can also write its digests: by a volume that holds the link already.
    const own = join(place.prefix, listed(place.prefix).tools.zog?.dir ?? "");
    for (const target of ["../../../../../etc", "/etc/passwd"]) {
      rmSync(join(own, "lib/out"), { force: true });
      symlinkSync(target, join(own, "lib/out"));
      resign(place.prefix);
      const refused = await take(place.prefix);
      expect(refused.stderr).toMatch(/"lib\/out" links out of the tree/);
      expect(refused.status).toBe(4);
      expect(existsSync(join(gap, "bin/zog"))).toBe(false);
    }
    unlinkSync(join(own, "lib/out"));
    chmodSync(join(own, "lib/data"), 0o4755);
    resign(place.prefix);
    expect((await take(place.prefix)).stderr).toMatch(/"lib\/data" has the mode 4755/);
  });

  test("an entry that leads out of the bundle, a pipe, another file in front", async () => {
    const outside = join(place.dir, "outside");
    execFileSync("tar", ["-Pcf", `${file}.tar`, "-C", dir, "manifest.json", "lib"]);
    writeFileSync(outside, "theirs");
    execFileSync("tar", ["-Prf", `${file}.tar`, "-C", dir, "../outside"]);
    execFileSync("zstd", ["-qf", `${file}.tar`, "-o", file]);
    unlinkSync(outside);
    const out = await take(file);
    expect(out.stderr).toMatch(/leads out of the tree/);
    expect(out.status).toBe(4);
    expect(existsSync(outside)).toBe(false);

    run("mkfifo", [tree("lib/pipe")]);
    forge(dir);
    for (const from of [file, dir]) expect((await take(from)).status).toBe(4);

    execFileSync("tar", ["--zstd", "-cf", file, "-C", dir, "lib"]);
    expect((await take(file)).stderr).toMatch(/does not begin with a manifest\.json/);
    writeFileSync(file, "no archive");
    expect((await take(file)).status).toBe(4);
    truncateSync(file);
    expect((await take(file)).status).toBe(4);
    expect(Object.keys(listed(gap).tools ?? {})).toEqual([]);
  });

  test("a second manifest, and a digest that is not the expected one", async () => {
    const twice = join(place.dir, "twice.tar");
    execFileSync("tar", ["-cf", twice, "-C", dir, "manifest.json", "lib"]);
    edit((it) => (it.skills = []));
    execFileSync("tar", ["-rf", twice, "-C", dir, "manifest.json"]);
    execFileSync("zstd", ["-qf", twice, "-o", file]);
    const two = await take(file);
    expect(two.stderr).toMatch(/has two manifests/);
    expect(two.status).toBe(4);
    rmSync(gap, { recursive: true });
    const wrong = await take(file, "--sha256", "0".repeat(64));
    expect(wrong.stderr).toMatch(/has the sha256 [0-9a-f]{64}, not 0000/);
    expect(wrong.status).toBe(4);
    expect(existsSync(gap)).toBe(false);
  });

  /** Writes a tree's digests again, as its maker could. */
  function resign(prefix: string): void {
    const { tools } = listed(prefix);
    const dirOf = tools.zog?.dir ?? "";
    const path = join(prefix, dirOf, ".openclaw-skill-deps.json");
    const found = JSON.parse(readFileSync(path, "utf8"));
    const own = snapshotOf(join(prefix, dirOf));
    const files: Record<string, string> = {};
    for (const [name, what] of Object.entries(own)) {
      if (name === "." || name === ".openclaw-skill-deps.json") continue;
      const [kind, mode, digest] = what.split(" ");
      if (kind === "directory") files[name] = "dir";
      else if (kind === "link") files[name] = `-> ${what.slice("link to ".length)}`;
      else files[name] = `${mode} ${digest}`;
    }
    const sorted = Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1));
    const contents = createHash("sha256").update(JSON.stringify(sorted)).digest("hex");
    const record = { ...found.record, contents };
    writeFileSync(path, JSON.stringify({ record, files: Object.fromEntries(sorted) }));
    const manifest = JSON.parse(readFileSync(join(prefix, "manifest.json"), "utf8"));
    manifest.tools.zog.contents = contents;
    writeFileSync(join(prefix, "manifest.json"), JSON.stringify(manifest));
  }
});

const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

test.runIf(process.getuid?.() === 0)("an ordinary user packs, takes in and removes", async () => {
  const home = join(place.dir, "user");
  const packageDir = join(place.dir, "package");
  for (const name of ["dist", "entrypoint", "package.json"]) {
    cpSync(join(repository, name), join(packageDir, name), { recursive: true });
  }
  mkdirSync(home);
  chownSync(home, 65534, 65534);
  chmodSync(place.dir, 0o755);
  const program = [process.execPath, join(packageDir, "dist/openclaw-install-skill-deps.cjs")];
  const env = { PATH: "/usr/bin:/bin", HOME: home, OPENCLAW_SKILL_PROFILE_DIR: "" };
  const asNobody = async (...args: string[]): Promise<void> => {
    const words = [...nobody, ...program, ...args];
    await $({ env, cwd: home, quiet: true })`${words}`;
  };
  const [own, bundle] = [join(home, "volume"), join(home, "v.tar.gz")];
  await asNobody("bundle", "export", bundle, "--prefix", place.prefix);
  await asNobody("bundle", "import", bundle, "--prefix", own);
  expect(statSync(join(own, "bin/yak")).uid).toBe(65534);
  expect(ask(own, "yak")).toBe("1.0.0");
  await asNobody("remove", "yak", "zog", "--prefix", own);
  expect(namesWithoutCommand(join(own, "lib"))).toEqual([".staging"]);
});
