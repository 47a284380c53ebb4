import { describe, expect, test } from "vitest";
import { renderProblem } from "../../src/core/recipe.ts";
import { parseRecipe } from "../../src/core/recipes/file.ts";

const hex = "a2c9b8497e1f85b1ad0dfcb78b5a622e098801b8e461e459e88e1ee12f018112";
const integrity =
  "sha512-mQ3bVrUpnD2vs7QT0vX90Lt0cnUq467uFtEktIdsJJmW296RoSULRGqWgzG1AKxyBpNDD6l4ZO4qKf6SgyC23Q==";

const good = `name: gh
description: GitHub command-line tool
homepage: https://cli.github.com
license: MIT
version: "2.97.0"
provenance: checksums.txt of the release
bins: { gh: bin/gh }
test: [gh, --version]
artifacts:
  linux-x64:
    url: https://example.com/gh_2.97.0.tar.gz
    sha256: ${hex}
    size: 123
    strip: 1
`;

const closure = good
  .replace("{ gh: bin/gh }", "{ gh: node_modules/gh/cli.js }")
  .replace("artifacts:", "needs: [node]\nartifacts:")
  .replace(/ {2}linux-x64:[\s\S]*/, "  any: { npm: gh@2.97.0, lock: gh.lock.json }\n");

const lockText = JSON.stringify({
  lockfileVersion: 3,
  packages: { "node_modules/gh": { version: "2.97.0", integrity } },
});

function parse(text: string, lock = lockText, file = "recipes/gh.yaml") {
  return parseRecipe({ text, file, lock: (name) => (name === "gh.lock.json" ? lock : undefined) });
}

function problemsOf(...args: Parameters<typeof parse>): string[] {
  const parsed = parse(...args);
  return parsed.ok ? [] : parsed.problems.map(renderProblem);
}

describe("a right recipe", () => {
  test("its smoke test may have files and an output", () => {
    const long = "{ run: [gh, a.txt], files: { a.txt: one }, output: gh }";
    const parsed = parse(good.replace("[gh, --version]", long));
    const recipe = { test: ["gh", "a.txt"], testFiles: { "a.txt": "one" }, testOutput: "gh" };
    expect(parsed).toMatchObject({ ok: true, recipe });
  });

  test("becomes literal, resolved values", () => {
    const parsed = parse(good);
    expect(parsed).toEqual({
      ok: true,
      recipe: {
        name: "gh",
        description: "GitHub command-line tool",
        homepage: "https://cli.github.com",
        license: "MIT",
        version: "2.97.0",
        provenance: "checksums.txt of the release",
        bins: { gh: "bin/gh" },
        test: ["gh", "--version"],
        needs: [],
        artifacts: {
          "linux-x64": [
            {
              kind: "archive",
              url: "https://example.com/gh_2.97.0.tar.gz",
              digest: { algorithm: "sha256", hex },
              size: 123,
              format: "tar.gz",
              strip: 1,
            },
          ],
        },
        origin: "recipes/gh.yaml",
      },
    });
  });

  test("may have several sources, an npm package, a glibc and bins of its own", () => {
    const text = good.replace(
      / {2}linux-x64:[\s\S]*/,
      `  linux-x64-glibc:
    - npm: "@scope/gh-linux-x64@1.0.0-linux-x64"
      integrity: ${integrity}
      glibc: "2.34"
      bins: { gh: dist/gh }
    - url: http://127.0.0.1:8080/gh
      sha256: ${hex.toUpperCase()}
`,
    );
    const parsed = parse(text);
    expect(parsed.ok && parsed.recipe.artifacts["linux-x64-glibc"]).toMatchObject([
      {
        kind: "npm-package",
        name: "@scope/gh-linux-x64",
        version: "1.0.0-linux-x64",
        strip: 1,
        glibc: "2.34",
        bins: { gh: "dist/gh" },
        digest: { algorithm: "sha512" },
      },
      { kind: "archive", format: "raw", strip: 0, digest: { algorithm: "sha256", hex } },
    ]);
  });

  test("gives every bin to a source that overrides one of them", () => {
    const text = good
      .replace("{ gh: bin/gh }", "{ gh: bin/gh, ghx: bin/ghx }")
      .replace("    strip: 1", "    bins: { gh: other/gh }");
    const parsed = parse(text);
    const bins = parsed.ok && parsed.recipe.artifacts["linux-x64"]?.[0]?.bins;
    expect(bins).toEqual({ gh: "other/gh", ghx: "bin/ghx" });
  });

  test("may be a JavaScript program with its lock", () => {
    const parsed = parse(closure);
    expect(parsed.ok && parsed.recipe.artifacts.any).toMatchObject([
      {
        kind: "npm-closure",
        name: "gh",
        version: "2.97.0",
        packages: [{ path: "node_modules/gh", name: "gh", optional: false }],
      },
    ]);
  });

  test.each([
    ["x.tgz", "tar.gz"],
    ["x.tar.xz", "tar.xz"],
    ["x.tbz", "tar.bz2"],
    ["x.tar.zst?download=1", "tar.zst"],
    ["x.tar", "tar"],
    ["x.ZIP", "zip"],
    ["x-linux-amd64", "raw"],
  ])("%s is %s", (name, format) => {
    const parsed = parse(good.replace("gh_2.97.0.tar.gz", name).replace("    strip: 1\n", ""));
    expect(parsed.ok && parsed.recipe.artifacts["linux-x64"]).toMatchObject([{ format }]);
  });
});

/** What is replaced in the good recipe, by what, and what the author must then read. */
const wrong: [was: string, is: string, expected: string][] = [
  [
    '"2.97.0"',
    "1.10",
    'gh.yaml:5: version is a number to YAML; quote it\n  right: version: "1.10"',
  ],
  ['"2.97.0"', "latest", 'gh.yaml:5: version is "latest", which changes'],
  ['"2.97.0"', '"1 0"', 'version is "1 0", which is not a version'],
  ['version: "2.97.0"\n', "", 'gh.yaml:1: version is missing\n  right: version: "1.10"'],
  ["license: MIT", "license:", "gh.yaml:4: license is empty\n  right: license: MIT"],
  ["license: MIT", "licence: MIT", 'gh.yaml:4: unknown key "licence"; did you mean "license"?'],
  ["sha256:", "sha265:", 'unknown key "sha265"; did you mean "sha256"?\n  right: sha256: a2c9'],
  ["size:", "checksum:", 'unknown key "checksum"; known are url, npm,'],
  ["gh_2.97.0", "gh_{{version}}", "gh.yaml:11: artifacts.linux-x64.url holds a template"],
  ["gh_2.97.0", "gh_$" + "{VERSION}", "url holds a template"],
  ["gh_2.97.0", "gh_{version}", "url holds a template ({version}.tar.gz); write it out"],
  ["gh_2.97.0", "gh_%VERSION%", "url holds a template (%VERSION%.tar.gz)"],
  ["gh_2.97.0", "gh_$VERSION", "url holds a template ($VERSION.tar.gz)"],
  ["gh_2.97.0", "gh_[tag]", "url holds a template ([tag].tar.gz)"],
  ["gh_2.97.0", "gh_%7Bversion%7D", "url holds a template (%7Bversion%7D.tar.gz)"],
  ["com/gh", "com/:tag/gh", "url holds a template (/:tag/gh_"],
  ["gh_2.97.0", "gh_VERSION", "url holds a template (VERSION.tar.gz)"],
  ["bin/gh }", '"gh_{version}/gh" }', "bins.gh holds a template"],
  ["https://example", "http://example", "url must start with https://"],
  ["com/gh", "com/latest/gh", "url points to the latest release"],
  [".tar.gz", ".deb", "url has an archive format that cannot be unpacked"],
  [hex, hex.slice(1), "gh.yaml:12: artifacts.linux-x64.sha256 has 63 digits; sha256 has 64"],
  [hex, "1234", 'sha256 is a number to YAML; quote it\n  right: sha256: "1234"'],
  [hex, `${hex.slice(1)}g`, "sha256 is not hexadecimal digits"],
  [`sha256: ${hex}`, "integrity: sha512-AAAA", "integrity is not sha512- and the base64 of 64"],
  [`    sha256: ${hex}\n`, "", "gh.yaml:10: artifacts.linux-x64 has no digest\n  right: sha256: "],
  ["size: 123", `integrity: ${integrity}`, "artifacts.linux-x64 has more than one digest"],
  ["size: 123", "size: 0", "size must be at least 1"],
  ["bin/gh }", "../gh }", 'gh.yaml:7: bins.gh is "../gh"; a path stays in the unpacked tree'],
  ["bin/gh }", "/bin/gh }", 'bins.gh is "/bin/gh"; a path stays'],
  ["{ gh: bin/gh }", "{ -rf: bin/gh }", 'bins has "-rf", which is not a plain program name'],
  ["{ gh: bin/gh }", "{}", "bins is empty"],
  ["[gh, --version]", "[hub, --version]", "right: test: [gh, --version]"],
  ["[gh, --version]", "gh --version", "gh.yaml:8: test must be a list\n  right: test: [ gh"],
  ["[gh, --version]", "[gh]\nneeds: [gh]", "gh.yaml:9: needs names gh itself"],
  ["[gh, --version]", "{ run: [hub] }", 'gh.yaml:8: test starts with "hub"'],
  ["[gh, --version]", "{ output: gh }", "gh.yaml:8: test.run is missing\n  right: run: [ gh"],
  ["[gh, --version]", "{ run: [gh], outptu: gh }", 'unknown key "outptu"; did you mean "output"?'],
  [
    "[gh, --version]",
    "{ run: [gh], files: { ../a: x } }",
    'test.files has "../a", which is not a path',
  ],
  [
    "[gh, --version]",
    "{ run: [gh], output: 12 }",
    'is a number to YAML; quote it\n  right: output: "12"',
  ],
  ["[gh, --version]", '{ run: [gh], output: "" }', "gh.yaml:8: test.output is empty"],
  ["linux-x64:", "linux-amd64:", '"linux-amd64" is not a platform; did you mean "linux-x64"?'],
  ["linux-x64:", "darwin-x64:", '"darwin-x64" is not a platform; known are linux-x64, linux-x64-'],
  ["strip: 1", 'glibc: "2.34"', "glibc needs a -glibc platform, not linux-x64"],
  ["strip: 1", "bins: { hub: bin/hub }", "bins.hub is not one of the recipe's own bins"],
  [".tar.gz", "", "gh.yaml:14: artifacts.linux-x64.strip means nothing for a plain program"],
  ["url: https://example.com/gh_2.97.0.tar.gz", "npm: gh", 'npm is "gh", which has no version'],
  ["url: https://example.com/gh_2.97.0.tar.gz", "npm: gh@^2", 'npm is "gh@^2", which is not one'],
  ["url: https://example.com/gh_2.97.0.tar.gz", "npm: gh@latest", "which is not one exact version"],
  ["size: 123", "npm: gh@2.97.0", "artifacts.linux-x64 has both url and npm"],
  ["size: 123", "lock: gh.lock.json", "artifacts.linux-x64 has a lock but no npm"],
  ["license: MIT", "license: &l MIT", "gh.yaml:4: has an anchor; write every value out"],
  ["license: MIT", "license: *l", "has an alias; write every value out"],
  ["license: MIT", "license: !!str MIT", "gh.yaml:4: has the tag tag:yaml.org,2002:str"],
  ["license: MIT", "license: MIT\nlicense: MIT", "gh.yaml:5: license appears twice"],
  ["license: MIT", "license: MIT\n---\n", "a second document starts here"],
  ["license: MIT", "license: [", "not YAML: "],
  ["{ gh: bin/gh }", "{ gh: bin/gh }\naliases: [gh]", "aliases[0] is the recipe's name"],
  ["{ gh: bin/gh }", "{ gh: bin/gh, hub: bin/gh }\naliases: [hub]", "aliases[0] is one of bins"],
  ["{ gh: bin/gh }", "{ gh: bin/gh }\naliases: [hub, hub]", "aliases[1] names hub twice"],
  ["{ gh: bin/gh }", "{ gh: bin/gh }\naliases: [../hub]", "which is not a plain program name"],
  ["name: gh", "name: hub", "gh.yaml:1: name is hub, but the file is gh.yaml\n  right: name: gh"],
  ["name: gh", "name: GH", "name must be lower case letters"],
];

describe("a wrong recipe", () => {
  test.each(wrong)("%s -> %s", (was, is, expected) => {
    expect(good).toContain(was);
    expect(problemsOf(good.replace(was, is)).join("\n")).toContain(expected);
  });

  test("tells everything at once, in the order of the lines", () => {
    const text = good
      .replace('"2.97.0"', "1.10")
      .replace("name: gh\n", "")
      .replace("[gh,", "[hub,")
      .replace(hex, "abc")
      .replace("size:", "sise:");
    expect(problemsOf(text).map((line) => line.split("\n")[0])).toEqual([
      "recipes/gh.yaml:1: name is missing",
      "recipes/gh.yaml:4: version is a number to YAML; quote it",
      'recipes/gh.yaml:7: test starts with "hub", which is not one of bins',
      "recipes/gh.yaml:11: artifacts.linux-x64.sha256 has 3 digits; sha256 has 64",
      'recipes/gh.yaml:12: unknown key "sise"; did you mean "size"?',
    ]);
  });

  test.each([
    ["", "the document is empty"],
    ["n\0a\0m\0e\0:\0", "the document is not text in UTF-8"],
    [
      good.replace(/url[\s\S]*/, "x").replace("x64:\n    ", "x64: "),
      "must be one source or a list",
    ],
    [
      good.replace(/ {4}url[\s\S]*/, "    - 7\n"),
      "gh.yaml:11: artifacts.linux-x64[0] must be a mapping",
    ],
    ["- a", "the document must be a mapping"],
  ])("%j is no document", (text, expected) => {
    expect(problemsOf(text)[0]).toContain(expected);
  });

  test("has the name of its file", () => {
    expect(problemsOf(good, lockText, "recipes/gh.yml")[0]).toContain("but the file is gh.yml");
  });
});

describe("a wrong lock", () => {
  const entry = (fields: object, version = 3): string =>
    JSON.stringify({ lockfileVersion: version, packages: { "node_modules/gh": fields } }, null, 1);
  test.each([
    [
      entry({ version: "2.97.0", integrity }, 1),
      "gh.lock.json: is not a package lock of version 3: lockfileVersion: it is 1",
    ],
    ["{", "recipes/gh.lock.json: is not JSON"],
    [entry({ version: "2.97.0" }), "gh.lock.json:4: node_modules/gh has no integrity"],
    [entry({ version: "2.97.0", integrity: "sha1-AAAA" }), "has no sha512 in its integrity"],
    [entry({ version: "2.97.0", resolved: "git+ssh://x" }), "node_modules/gh comes from git"],
    [entry({ version: "2.97.0", resolved: "file:../gh" }), "is a directory, not a package"],
    [entry({ link: true }), "is a directory, not a package"],
    [entry({ version: "2.96.0", integrity }), "any.lock holds gh@2.96.0, not gh@2.97.0"],
    [JSON.stringify({ lockfileVersion: 3, packages: {} }), "any.lock does not hold gh"],
  ])("%#", (lock, expected) => {
    expect(problemsOf(closure, lock).join("\n")).toContain(expected);
  });

  test("that is not there", () => {
    const text = closure.replace("gh.lock.json", "other.lock.json");
    expect(problemsOf(text)[0]).toContain("names other.lock.json, which cannot be read");
  });

  test("elsewhere than beside the recipe", () => {
    expect(problemsOf(closure.replace("gh.lock", "../gh.lock"))[0]).toContain("beside the recipe");
  });

  test("a JavaScript program needs node and lies in node_modules", () => {
    const text = closure.replace("needs: [node]\n", "").replace("node_modules/gh/", "");
    const problems = problemsOf(text).join("\n");
    expect(problems).toContain("needs must name node");
    expect(problems).toContain("bins.gh must point into node_modules/");
  });
});

describe("Python and Go programs", () => {
  const lock = JSON.stringify({
    pypiLockVersion: 1,
    places: ["3.12-x64"],
    packages: [
      {
        name: "gh",
        version: "2.97.0",
        wheels: [{ file: "gh-2.97.0-py3-none-any.whl", sha256: hex, size: 1 }],
      },
    ],
  });
  const sum = `h1:${"A".repeat(43)}=`;
  const withSource = (source: string, needs = "needs: [python3]\n") =>
    good.replace(/artifacts:[\s\S]*/, `${needs}artifacts:\n  any:\n    ${source}\n`);
  const pypi = "pypi: gh@2.97.0\n    lock: gh.pypi.lock.json";
  const go = `go: example.test/gh@v1.0.0\n    sum: ${sum}`;

  test.each([
    [withSource(pypi), { kind: "python", name: "gh", wheels: [{ size: 1, only: ["3.12-x64"] }] }],
    [withSource(go), { kind: "go-build", module: "example.test/gh", package: ".", sum }],
    [
      withSource(`go: example.test/gh@v1.0.0\n    sha256: ${hex}\n    strip: 2`),
      { kind: "go-module", version: "v1.0.0", strip: 2 },
    ],
  ])("are read: %#", (text, artifact) => {
    const parsed = parseRecipe({ text, file: "recipes/gh.yaml", lock: () => lock });
    expect(parsed).toMatchObject({ ok: true, recipe: { artifacts: { any: [artifact] } } });
  });

  test.each([
    [withSource(pypi, ""), "needs must name python3"],
    [withSource("pypi: gh@2.97.0"), "has pypi and no lock"],
    [withSource(`${pypi}\n    sha256: ${hex}`), "has both a lock and a digest"],
    [withSource(pypi.replace("2.97.0", "2.96.0")), "any.lock holds gh@2.97.0, not gh@2.96.0"],
    [withSource(pypi.replace("gh@", "other@")), "does not hold other"],
    [withSource(pypi.replace("gh@", "GH_x@")), "write the name in its normal form"],
    [withSource(pypi.replace("@2.97.0", "@latest")), "is not one exact version"],
    [withSource(`${pypi}\n    go: example.test/gh@v1.0.0`), "has both pypi and go"],
    [withSource("go: example.test/gh@v1.0.0"), "has no digest"],
    [withSource(`${go}\n    sha256: ${hex}`), "has both a sum and a digest"],
    [withSource(go.replace("@v1.0.0", "@main")), "has no exact version such as v1.2.3"],
    [withSource(go.replace("example.test", "../x")), "is not a module's path"],
    [withSource(go.replace(sum, "h1:short")), "is not h1: and the base64 of 32 bytes"],
    [withSource(`${go}\n    package: ../x`), "a package is a directory of the module"],
    [withSource(`${go}\n    toolchain: "2"`), "is not a Go version"],
    [
      good.replace("    strip: 1\n", "    strip: 1\n    package: x\n"),
      "is for a program that is built",
    ],
    [good.replace("    strip: 1\n", "    strip: 1\n    bytecode: lib\n"), "needs a bin python3"],
    [
      good.replace("    strip: 1\n", "    strip: 1\n    without: [x]\n"),
      "without is for a JavaScript program (npm and lock)",
    ],
    [good.replace("    strip: 1\n", "    strip: 1\n    without: [../x]\n"), "without"],
  ])("are refused: %#", (text, expected) => {
    const parsed = parseRecipe({ text, file: "recipes/gh.yaml", lock: () => lock });
    expect(parsed.ok ? [] : parsed.problems.map(renderProblem).join("\n")).toContain(expected);
  });

  test("a program of theirs lies in bin/", () => {
    const text = withSource(go).replace("gh: bin/gh", "gh: gh");
    expect(problemsOf(text).join("\n")).toContain("must be bin/ and the program's name");
  });
});
