/** The verb `policy`: the answer to OpenClaw's security.installPolicy.exec; test/openclaw shows it to the real one. */
import { execFileSync, spawn } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { copyPackage } from "../support/package.ts";
import { pathWithoutNode } from "../support/without-node.ts";
import {
  entrypoint,
  openWorkplace,
  repository,
  snapshotOf,
  type Workplace,
} from "../support/workplace.ts";

interface Finding {
  readonly ruleId: string;
  readonly severity: string;
  readonly message: string;
}
interface Answer {
  readonly protocolVersion: number;
  readonly decision: string;
  readonly reason?: string;
  readonly findings: readonly Finding[];
}

const hook = join(repository, "test/support/tell-code-cache.cjs");

let place: Workplace;
let staged: string;
beforeAll(async () => {
  place = await openWorkplace();
  staged = join(place.dir, "staged");
  for (const tool of ["zog", "zip2"]) {
    const bytes = archive("tar.gz", { [`bin/${tool}`]: program("1.0.0") });
    const source = place.serve(`${tool}.tar.gz`, bytes);
    place.recipe(tool, { artifacts: { "linux-x64": source, "linux-arm64": source } });
  }
  const elsewhere = { url: "http://127.0.0.1/x.tar.gz", sha256: "0".repeat(64), size: 1 };
  place.recipe("mac", {
    artifacts: { "linux-x64-musl": elsewhere, "linux-arm64-musl": elsewhere },
  });
  place.skill("mail", { bins: ["zog"] });
  const { status, stderr } = await place.run();
  expect(status, stderr).toBe(0);
});
afterAll(() => place.close());

type Given = { words?: string[]; env?: Record<string, string>; line?: string; argv?: string[] };

/** Asks as OpenClaw does: one document on standard input. `line`: a line of bash in which "$@" is the command. */
async function ask(input: string | Buffer | undefined, given: Given = {}) {
  const { words = [], env = {}, line = 'exec "$@"', argv = [entrypoint, "policy"] } = given;
  const all = { ...place.env, OPENCLAW_SKILL_DEPS_NODE: process.execPath, ...env };
  const child = spawn("bash", ["-c", line, "bash", ...argv, ...words], { env: all, cwd: "/" });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => (stderr += text));
  child.stdin.on("error", () => {}); // it may not be read to its end
  if (input !== undefined) child.stdin.end(input);
  const status = await new Promise((done) => child.once("close", done));
  child.stdin.destroy();
  const answer = stdout === "" ? undefined : (JSON.parse(stdout) as Answer);
  return { status, stdout, stderr, answer };
}

function stage(text: string | Buffer): string {
  rmSync(staged, { recursive: true, force: true });
  mkdirSync(staged);
  writeFileSync(join(staged, "SKILL.md"), text);
  return staged;
}

function skillText(requires: object, more: object = {}): string {
  const metadata = JSON.stringify({ openclaw: { requires, ...more } });
  return `---\nname: post\ndescription: Post.\nmetadata: ${metadata}\n---\n`;
}

const request = (over: object = {}): string =>
  JSON.stringify({
    protocolVersion: 1,
    openclawVersion: "2026.9.6",
    targetType: "skill",
    targetName: "post",
    sourcePath: staged,
    sourcePathKind: "directory",
    origin: { type: "path" },
    request: { kind: "skill-install", mode: "install", requestedSpecifier: "./post" },
    skill: { installId: "archive" },
    ...over,
  });

async function askFor(requires: object, given: Given = {}, more: object = {}) {
  stage(skillText(requires, more));
  const { status, answer, stderr } = await ask(request(), given);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const { decision = "", reason, findings = [] } = answer ?? {};
  return { decision, reason, findings, said: findings.map(({ message }) => message).join("\n") };
}

const strict = { words: ["--strict"] };

describe("a skill's programs", () => {
  test("are all there: allowed, and OpenClaw has nothing to print", async () => {
    const { decision, findings } = await askFor({ bins: ["zog", "sh"] }, strict);
    expect(decision).toBe("allow");
    expect(findings).toEqual([
      {
        ruleId: "skill-deps/present",
        severity: "info",
        message: "all programs that post needs are present: zog, sh",
      },
    ]);
  });

  test("none are needed", async () => {
    const { findings } = await askFor({});
    expect(findings[0]?.message).toBe("all programs that post needs are present: none");
  });

  test("have a recipe: allowed, also with --strict, and it says what will be installed", async () => {
    const { decision, findings } = await askFor({ bins: ["zog", "zip2"] }, strict);
    expect(decision).toBe("allow");
    expect(findings).toEqual([
      {
        ruleId: "skill-deps/to-be-installed",
        severity: "warn",
        message:
          "post needs zip2 (zip2 1.0.0), not installed yet; the next run of openclaw-install-skill-deps installs it",
      },
    ]);
  });

  test("that are not available: allowed with the reason; blocked with --strict", async () => {
    const needs = { bins: ["nowhere", "mac", "zip2"] };
    const open = await askFor(needs);
    expect(open.decision).toBe("allow");
    const why =
      /^post needs what cannot be installed here: nowhere: no recipe provides it \[E_NO_RECIPE\], mac: the recipe mac has nothing for linux-.* \[E_NO_BUILD\]/;
    expect(open.findings[0]).toMatchObject({ ruleId: "skill-deps/unmet", severity: "warn" });
    expect(open.findings[0]?.message).toMatch(why);
    expect(open.findings[1]?.ruleId).toBe("skill-deps/to-be-installed");
    const closed = await askFor(needs, strict);
    expect(closed.decision).toBe("block");
    expect(closed.reason).toMatch(why);
    expect(closed.reason).toMatch(/leave out --strict\.$/);
  });

  test("that are available nowhere: the reason says why", async () => {
    const { findings } = await askFor({ bins: ["distrobox"] });
    expect(findings[0]?.message).toContain(
      "distrobox: no recipe can provide it: it needs rights that a container does not have [E_NO_RECIPE]",
    );
  });

  test("are alternatives: one is enough", async () => {
    const some = await askFor({ anyBins: ["nowhere", "zip2"] }, strict);
    expect(some).toMatchObject({ decision: "allow" });
    expect(some.said).toContain("zip2 1.0.0");
    const neither = await askFor({ anyBins: ["nowhere", "never"] }, strict);
    expect(neither).toMatchObject({ decision: "block" });
    expect(neither.reason).toContain("one of nowhere, never: no recipe provides it");
  });

  test("lie on PATH, which counts unless it is told otherwise", async () => {
    const aside = join(place.dir, "aside");
    mkdirSync(aside);
    writeFileSync(join(aside, "own"), "#!/bin/sh\n", { mode: 0o755 });
    const env = { PATH: `${aside}:${place.env.PATH}` };
    expect(await askFor({ bins: ["own"] }, { ...strict, env })).toMatchObject({
      decision: "allow",
    });
    const words = ["--strict", "--ignore-system"];
    expect(await askFor({ bins: ["own"] }, { words, env })).toMatchObject({ decision: "block" });
  });

  test("are damaged in the volume: to be installed", async () => {
    const bin = join(place.prefix, "bin/zog");
    rmSync(bin);
    const { said } = await askFor({ bins: ["zog"] });
    symlinkSync(`../${place.manifest().tools.zog?.bins.zog?.path}`, bin);
    expect(said).toContain("post needs zog (zog 1.0.0), not installed yet");
  });

  test("may come from its own install spec, if that is allowed: not blocked", async () => {
    const install = [{ kind: "node", package: "nowhere", bins: ["nowhere"] }];
    const words = ["--strict", "--allow-declared"];
    const declared = await askFor({ bins: ["nowhere"] }, { words }, { install });
    expect(declared).toMatchObject({ decision: "allow" });
    const other = await askFor({ bins: ["never"] }, { words }, { install });
    expect(other).toMatchObject({ decision: "block" });
  });

  test("one of its installers is about to install them: not blocked", async () => {
    stage(skillText({ bins: ["nowhere"] }));
    const skill = { installId: "brew-0", installSpec: { kind: "brew", formula: "nowhere" } };
    const { answer } = await ask(request({ skill }), strict);
    expect(answer).toMatchObject({ decision: "allow" });
  });

  test("it is not for Linux: it needs nothing here", async () => {
    const { decision, said } = await askFor({ bins: ["nowhere"] }, strict, { os: ["darwin"] });
    expect(decision).toBe("allow");
    expect(said).toContain("present: none");
  });

  test("what the prefix's volume has counts, not another's", async () => {
    const words = ["--strict", "--prefix", join(place.dir, "nothing")];
    const { said } = await askFor({ bins: ["zog"] }, { words });
    expect(said).toContain("zog 1.0.0");
    expect(existsSync(join(place.dir, "nothing"))).toBe(false);
  });
});

const huge = Buffer.alloc(2_000_000, "x");
const oddRequests: [string, string | Buffer][] = [
  ["nothing", ""],
  ["no JSON", "hello"],
  ["JSON that is cut short", '{"protocolVersion":1,"targetType":"sk'],
  ["bytes", Buffer.from([0, 255, 254, 1, 2, 3])],
  ["two megabytes", huge],
  ["deeply nested", "[".repeat(200_000)],
  ["null", "null"],
  ["a list", "[1]"],
  ["a number", "7"],
];
const oddFields: [string, object][] = [
  ["a newer protocol", { protocolVersion: 2 }],
  ["a protocol that is a text", { protocolVersion: "1" }],
  ["another target", { targetType: "wallpaper" }],
  ["a target that is an object", { targetType: {} }],
  ["no sourcePath", { sourcePath: undefined }],
  ["a sourcePath that is a number", { sourcePath: 7 }],
  ["a sourcePath that is a list", { sourcePath: ["/"] }],
  ["a relative sourcePath", { sourcePath: "staged" }],
  ["an empty sourcePath", { sourcePath: "" }],
  ["a sourcePath with a zero byte", { sourcePath: "/tmp/\0" }],
  ["a sourcePath of 100 kB", { sourcePath: `/${"x".repeat(100_000)}` }],
  ["a sourcePath that does not exist", { sourcePath: "/nowhere/at/all" }],
  ["a sourcePath that is a device", { sourcePath: "/dev/zero" }],
  ["a sourcePath without SKILL.md", { sourcePath: "/proc" }],
];

const texts: [string, string | Buffer][] = [
  ["empty", ""],
  ["of 100 MB", Buffer.alloc(100_000_000, "x")],
  ["of bytes", Buffer.from([0, 1, 255, 254])],
  ["without front matter", "# Mail\n"],
  ["with broken front matter", "---\nname: [\n---\n"],
  ["with requires of wrong types", skillText({ bins: { a: 1 }, anyBins: 7 })],
  [
    "that needs 1,000 programs",
    skillText({ bins: Array.from({ length: 1000 }, (_, i) => `p${i}`) }),
  ],
];

type Warned = Awaited<ReturnType<typeof ask>>;

function expectAllowed({ status, answer }: Warned): string {
  expect(status).toBe(0);
  expect(answer).toMatchObject({ protocolVersion: 1, decision: "allow" });
  return answer?.findings[0]?.message ?? "";
}

describe("anything odd is allowed, with a warning and status 0, also with --strict", () => {
  test.each(oddRequests)("standard input: %s", async (_what, input) => {
    const asked = await ask(input, strict);
    expectAllowed(asked);
    expect(asked.answer?.findings).toMatchObject([
      { ruleId: "skill-deps/not-checked", severity: "warn" },
    ]);
  });

  test.each(oddFields)("the request: %s", async (_what, over) => {
    stage(skillText({ bins: ["nowhere"] }));
    const asked = await ask(request(over), strict);
    expectAllowed(asked);
    expect(asked.answer?.findings).toMatchObject([
      { ruleId: "skill-deps/not-checked", severity: "warn" },
    ]);
    expect(asked.stdout.length).toBeLessThan(1500);
  });

  test("a plugin is not checked, and OpenClaw prints nothing about it", async () => {
    const { answer } = await ask(request({ targetType: "plugin" }), strict);
    expect(answer).toMatchObject({ decision: "allow", findings: [{ severity: "info" }] });
  });

  test.each(texts)("a SKILL.md %s", async (_what, text) => {
    stage(text);
    expectAllowed(await ask(request(), strict));
  });

  test("a SKILL.md that is a directory, a pipe, a link away, or unreadable", async () => {
    const file = join(stage(""), "SKILL.md");
    const outside = join(place.dir, "outside.md");
    writeFileSync(outside, skillText({ bins: ["nowhere"] }));
    const ways: (() => unknown)[] = [
      () => mkdirSync(file),
      () => execFileSync("mkfifo", [file]),
      () => symlinkSync(outside, file),
      () => symlinkSync(file, file),
      () => symlinkSync("/dev/zero", file),
    ];
    for (const plant of ways) {
      rmSync(file, { recursive: true, force: true });
      plant();
      expect(expectAllowed(await ask(request(), strict))).toMatch(/SKILL\.md is not read: /);
    }
  });

  test("program names that are none: named, and not available", async () => {
    const { decision, said } = await askFor({ bins: ["../sh", "a b", "x".repeat(5000)] });
    expect(decision).toBe("allow");
    expect(said).toContain('"../sh": this is not a program\'s name');
    expect(said.length).toBeLessThan(1000);
  });

  test("options that do not exist", async () => {
    const said = expectAllowed(await ask(request(), { words: ["--no-such-option"] }));
    expect(said).toContain("Unknown option");
  });

  test("a volume whose manifest is broken, from a newer version, of another platform, or a pipe", async () => {
    const prefix = join(place.dir, "odd-volume");
    const words = ["--strict", "--prefix", prefix];
    stage(skillText({ bins: ["zip2"] }));
    for (const text of ["{", '{"schema":99}', "[]", "\0"]) {
      mkdirSync(prefix, { recursive: true });
      writeFileSync(join(prefix, "manifest.json"), text);
      expectAllowed(await ask(request(), { words }));
      rmSync(prefix, { recursive: true });
    }
    mkdirSync(join(prefix, "manifest.json"), { recursive: true });
    expectAllowed(await ask(request(), { words }));
  });

  test.each([
    ["no standard input", '"$@" <&-'],
    ["standard input is a directory", '"$@" </'],
    ["standard input has no end", '"$@" </dev/zero'],
    ["all three closed but one", '"$@" <&- 2>&-'],
  ])("%s", async (_what, line) => {
    expectAllowed(await ask("", { line }));
  });

  test("standard input stays open: the answer comes after a while", async () => {
    expect(expectAllowed(await ask(undefined))).toContain("could not run to its end here");
  });

  test.each([
    ["closed", '"$@" >&-'],
    ["a reader that has gone", '"$@" > >(exec true)'],
    ["a full disk", '"$@" >/dev/full'],
  ])("standard output: %s", async (_what, line) => {
    stage(skillText({ bins: ["zog"] }));
    const { status, stderr } = await ask(request(), { line });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });
});

describe("where it cannot check anything it allows everything", () => {
  test("no Node", async () => {
    const env = { PATH: pathWithoutNode(), OPENCLAW_SKILL_DEPS_NODE: "none" };
    const said = expectAllowed(await ask(request(), { env }));
    expect(said).toContain("could not run to its end here");
  });

  test("a package that was copied in part", async () => {
    const packageDir = copyPackage(join(place.dir, "part"));
    const argv = [join(packageDir, "entrypoint/openclaw-install-skill-deps"), "policy"];
    rmSync(join(packageDir, "dist/catalogue.json"));
    stage(skillText({ bins: ["zog"] }));
    expect(expectAllowed(await ask(request(), { argv }))).toContain("catalogue");
    rmSync(join(packageDir, "dist/policy.cjs"));
    expect(expectAllowed(await ask(request(), { argv }))).toContain("could not run to its end");
  });
});

/** With the bundled catalogue alone. */
const bare = (words: string[] = []): Given => ({
  words: ["--prefix", place.prefix, ...words],
  env: { OPENCLAW_SKILL_RECIPES: "", OPENCLAW_SKILL_PREFIX: "" },
});
/** Of the options that the quick answer does not know, one that changes nothing. */
const late = ["--seed="];

/** Without recipes of the operator's, most answers are made by a small part of the code. */
describe("the quick answer is the same as the whole catalogue's", () => {
  test.each<[string, object, object?]>([
    ["all present", { bins: ["zog", "sh"] }],
    ["nothing needed", {}],
    ["one to be installed", { bins: ["zog", "gog"] }],
    ["an alias", { bins: ["ripgrep"] }],
    ["one that needs Node", { bins: ["clawhub"] }],
    ["one that needs a certain libc", { bins: ["ast-grep"] }],
    ["one without a recipe", { bins: ["no-such-program", "gog"] }],
    ["alternatives", { anyBins: ["no-such-program", "gog"] }],
    ["no alternative", { anyBins: ["no-such-program", "none-either"] }],
    ["a name that is none", { bins: ["../sh"] }],
    ["another system", { bins: ["no-such-program"] }, { os: ["darwin"] }],
    ["this system", { bins: ["gog"] }, { os: ["linux"] }],
  ])("%s", async (_what, requires, more = {}) => {
    const quick = await askFor(requires, bare(["--strict"]), more);
    const full = await askFor(requires, bare(["--strict", ...late]), more);
    expect(quick).toEqual(full);
  });

  test("it needs nothing of the program", async () => {
    const packageDir = copyPackage(join(place.dir, "small"));
    for (const name of ["program", "install", "rest", "signatures"])
      rmSync(join(packageDir, `dist/${name}.cjs`));
    const argv = [join(packageDir, "entrypoint/openclaw-install-skill-deps"), "policy"];
    const small = await askFor({ bins: ["zog", "gog", "no-such-program"] }, { ...bare(), argv });
    expect(small.findings.map(({ ruleId }) => ruleId)).toEqual([
      "skill-deps/unmet",
      "skill-deps/to-be-installed",
    ]);
    const whole = await askFor({ bins: ["ast-grep"] }, { ...bare(), argv });
    expect(whole.said).toMatch(/cannot use \S+\/dist\/program\.cjs: ENOENT/);
  });
});

describe("the answer of the program's own code", () => {
  const copied = () => {
    const packageDir = join(place.dir, "copied");
    rmSync(packageDir, { recursive: true, force: true });
    copyPackage(packageDir);
    const argv = [join(packageDir, "entrypoint/openclaw-install-skill-deps"), "policy"];
    return { dist: join(packageDir, "dist"), argv };
  };

  test("needs no more than the first file, as a run with nothing to do", async () => {
    const { dist, argv } = copied();
    for (const name of ["install", "rest", "signatures"]) rmSync(join(dist, `${name}.cjs`));
    const { said } = await askFor({ bins: ["zog", "gog", "nowhere"] }, { ...bare(late), argv });
    expect(said).toContain("nowhere: no recipe provides it");
    expect(said).toMatch(/post needs gog \(gog \S+\), not installed yet/);
  });

  test.each<[string, (file: string) => void, RegExp]>([
    ["cut short", (file) => truncateSync(file, 300_000), /cannot use \S+program\.cjs: /],
    [
      "that is empty",
      (file) => truncateSync(file, 0),
      /cannot use \S+program\.cjs: it has no code/,
    ],
    [
      "of another build",
      (file) => writeFileSync(file, '({"./main.js"(){}})'),
      /dist is not of one build: it has no \.\/policy-full\.js/,
    ],
    ["that is gone", (file) => rmSync(file), /cannot use \S+program\.cjs: ENOENT/],
  ])("a program.cjs %s: allowed, and it says what is wrong", async (_what, spoil, said) => {
    const { dist, argv } = copied();
    spoil(join(dist, "program.cjs"));
    stage(skillText({ bins: ["nowhere"] }));
    const asked = await ask(request(), { argv, ...strict });
    expect(expectAllowed(asked)).toMatch(said);
    expect(asked.stderr).toBe("");
  });

  test("begins with the code cache", async () => {
    const { dist, argv } = copied();
    const words = ["--require", hook, join(dist, "policy.cjs"), "policy", ...late];
    const cacheOf = async () => {
      stage(skillText({ bins: ["nowhere"] }));
      const asked = await ask(request(), {
        ...bare(),
        argv: [process.execPath, ...words],
        words: [],
      });
      expectAllowed(asked);
      return asked.stderr;
    };
    expect(await cacheOf()).toBe("code cache: none\n");
    const env = { OPENCLAW_SKILL_DEPS_CODE_CACHE: "write" };
    const { status } = await ask("", { argv: argv.slice(0, 1), env });
    expect(status).toBe(0);
    expect(await cacheOf()).toBe("code cache: taken\n");
  });
});

test("it writes nothing, and asks no server", async () => {
  stage(skillText({ bins: ["zog", "zip2", "nowhere"] }));
  const before = [snapshotOf(place.dir), place.server.requests.length];
  await ask(request(), strict);
  expect([snapshotOf(place.dir), place.server.requests.length]).toEqual(before);
});

describe("the program in the volume, which OpenClaw starts", () => {
  const inVolume = () => join(place.prefix, "etc/openclaw-install-policy");

  test("answers for its own volume, with no environment at all", async () => {
    stage(skillText({ bins: ["zog"] }));
    const line = `exec env -i PATH=${join(process.execPath, "..")}:/usr/bin:/bin "$@"`;
    const asked = await ask(request(), { line, argv: [inVolume()], words: ["--strict"] });
    expect(asked.stderr).toBe("");
    expect(expectAllowed(asked)).toBe("all programs that post needs are present: zog");
  });

  test("allows everything if the command is gone", async () => {
    const moved = join(place.dir, "moved");
    mkdirSync(join(moved, "etc"), { recursive: true });
    linkSync(inVolume(), join(moved, "etc/openclaw-install-policy"));
    const argv = [join(moved, "etc/openclaw-install-policy")];
    const said = expectAllowed(await ask(request(), { argv }));
    expect(said).toContain("the volume has no openclaw-install-skill-deps");
    rmSync(moved, { recursive: true });
  });

  test("changed or made writable: the next run restores it, and doctor says so", async () => {
    const before = snapshotOf(inVolume());
    writeFileSync(inVolume(), "#!/bin/sh\necho evil\n");
    expect((await place.run("doctor")).stdout).toContain(
      "etc/openclaw-install-policy was not written by this version",
    );
    await place.run();
    expect(snapshotOf(inVolume())).toEqual(before);
    chmodSync(inVolume(), 0o777);
    await place.run();
    expect(snapshotOf(inVolume())).toEqual(before);
  });

  test("a change makes the sh script ask Node", async () => {
    await place.start({});
    expect((await place.start({})).alone).toBe(true);
    appendFileSync(inVolume(), "# more\n");
    expect((await place.start({})).alone).toBe(false);
    expect((await place.start({})).alone).toBe(true);
  });
});

describe("config policy", () => {
  const config = (...words: string[]) => place.run("config", "policy", ...words);

  test("prints what makes OpenClaw start it", async () => {
    const { status, stdout } = await config("--json", "--strict");
    expect(status).toBe(0);
    const { openclaw, notes } = JSON.parse(stdout);
    expect(openclaw.security.installPolicy).toEqual({
      enabled: true,
      targets: ["skill"],
      exec: {
        source: "exec",
        command: join(place.prefix, "etc/openclaw-install-policy"),
        args: ["--strict", "--recipes", place.recipes],
        passEnv: expect.arrayContaining(["PATH", "HOME"]),
      },
    });
    expect(notes.join("\n")).toMatch(
      /in a gateway's container .*\/opt\/openclaw\/etc\/openclaw-install-policy/,
    );
    expect(notes.join("\n")).not.toMatch(/will refuse|does not exist/);
  });

  test("says what OpenClaw would refuse", async () => {
    chmodSync(place.prefix, 0o777);
    const { stdout } = await config();
    chmodSync(place.prefix, 0o755);
    expect(stdout).toContain(`with it every skill: ${place.prefix} can be written by others`);
    const nothing = join(place.dir, "nothing");
    expect((await config("--prefix", nothing)).stdout).toContain("does not exist yet");
  });
});
