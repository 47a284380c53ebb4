/** What dependency files of skills declare: requirements.txt, pyproject.toml, scripts and package.json. */
import { describe, expect, test } from "vitest";
import { describeRefusal } from "../../../src/core/libraries/declaration.ts";
import { readPackageJson } from "../../../src/core/libraries/package-json.ts";
import { readPyproject, readScript } from "../../../src/core/libraries/pyproject.ts";
import { readRequirements } from "../../../src/core/libraries/requirements-txt.ts";

const requirements = (text: string, files: Readonly<Record<string, string>> = {}) =>
  readRequirements(text, "requirements.txt", (path) => files[path]);

describe("requirements.txt", () => {
  test("names, specifiers, extras, markers, comments, continued lines, hashes", () => {
    const hash = `--hash=sha256:${"a".repeat(64)}`;
    const text = `# a comment
requests
Foo.Bar_baz[socks,two] >= 2, <3  # with a reason
pandas~=2.2 ; python_version >= "3.9" and sys_platform == "linux"
numpy==2.1.0 \\
    ${hash} \\
    ${hash}

a#b is no comment`;
    const { names, requirements: lines, refused } = requirements(text);
    expect(names).toEqual(["foo-bar-baz", "numpy", "pandas", "requests"]);
    expect(lines).toEqual([
      "requests",
      "Foo.Bar_baz[socks,two] >= 2, <3",
      'pandas~=2.2 ; python_version >= "3.9" and sys_platform == "linux"',
      `numpy==2.1.0 ${hash} ${hash}`,
    ]);
    expect(refused).toEqual([
      {
        file: "requirements.txt",
        line: 9,
        text: "a#b is no comment",
        reason: "it is not a requirement",
      },
    ]);
  });

  test("other files of the skill, once each; constraints name nothing", () => {
    const files = {
      "more/dev.txt": "-r ../base.txt\nrich",
      "base.txt": "click\n-r requirements.txt",
      "limits.txt": "rich<14",
    };
    const found = requirements("-r more/dev.txt\n--constraint limits.txt\n-r base.txt\n", files);
    expect(found).toMatchObject({
      names: ["click", "rich"],
      requirements: ["click", "rich"],
      constraints: ["rich<14"],
      refused: [],
    });
  });

  test("options that name indexes, or what is done anyway, are not used", () => {
    const text = "-i https://a.test/simple\n--extra-index-url=https://b.test\n--pre\nrich\n";
    expect(requirements(text)).toMatchObject({
      requirements: ["rich"],
      refused: [],
      ignored: [
        { line: 1, text: "-i" },
        { line: 2, text: "--extra-index-url" },
      ],
    });
  });

  test.each([
    ["git+https://a.test/x.git", "it is an address"],
    ["zog @ https://a.test/zog.whl", "it is an address"],
    ["https://a.test/zog.whl", "it is an address"],
    ["./local", "it is a path"],
    ["dist/zog-1.0-py3-none-any.whl", "it is a path"],
    ["-e .", "editable"],
    ["--editable=./x", "editable"],
    ["-r /etc/passwd", "outside the skill"],
    ["-r ../other/requirements.txt", "outside the skill"],
    ["-r https://a.test/r.txt", "it is an address"],
    ["-c gone.txt", "gone.txt is not read; only requirements*.txt"],
    ["zog --global-option=x", "builds from source"],
    ["--no-binary :all:", "never built"],
    ["--unheard-of", "not known"],
    ["zog ==", "not a requirement"],
    ["$(id)", "not a requirement"],
  ])("%s is refused by name", (line, reason) => {
    const { refused, requirements: lines } = requirements(`rich\n${line}\n`);
    expect(refused).toEqual([
      { file: "requirements.txt", line: 2, text: line, reason: expect.stringContaining(reason) },
    ]);
    expect(lines).toEqual(["rich"]);
  });

  test("any version by arbitrary equality, as pip takes it", () => {
    const found = requirements('idna===3.1\nzog === 2009-q1+x ; python_version > "3"\n');
    expect(found).toMatchObject({ names: ["idna", "zog"], refused: [] });
    expect(found.requirements[0]).toBe("idna===3.1");
  });

  test("what is not UTF-8 is refused as a whole", () => {
    const { refused, requirements: lines } = requirements("i\0d\0n\0a\0\n\0");
    expect([lines, refused]).toEqual([
      [],
      [{ file: "requirements.txt", text: "", reason: "it is not text in UTF-8" }],
    ]);
  });

  test("neither a password nor a query of an address is said", () => {
    const { refused } = requirements(
      "git+https://bob:pw1@a.test/x.git\nx @ https://a.test/x?t=pw2 ; y",
    );
    const said = refused.map(describeRefusal).join("\n");
    expect(said).toContain("git+https://...@a.test/x.git");
    expect(said).toContain("https://a.test/x?... ; y");
    expect(said).not.toMatch(/pw\d/);
  });

  test("an endless chain of files ends", () => {
    const read = (path: string): string => `-r x${path}`;
    const { refused } = readRequirements("-r x.txt", "requirements.txt", read);
    expect(refused).toHaveLength(1);
    expect(refused[0]?.reason).toMatch(/nested too deeply/);
  });
});

describe("pyproject.toml", () => {
  test("the project's dependencies", () => {
    const text = '[project]\nname = "x"\ndependencies = ["httpx>=0.27", "Rich"]\n';
    expect(readPyproject(text, "pyproject.toml")).toEqual({
      language: "python",
      file: "pyproject.toml",
      names: ["httpx", "rich"],
      requirements: ["httpx>=0.27", "Rich"],
      constraints: [],
      refused: [],
    });
  });

  test.each([
    ["[tool.black]\nline-length = 88\n"],
    ["[project]\ndependencies = []\n"],
    ["project = 3\n"],
  ])("%j declares none", (text) => {
    expect(readPyproject(text, "pyproject.toml")).toBeUndefined();
  });

  test("what is not TOML, a wrong list and an address are refused", () => {
    expect(readPyproject("[project\n", "pyproject.toml")?.refused[0]).toMatchObject({
      line: 1,
      reason: expect.stringMatching(/not TOML/),
    });
    const wrong = readPyproject("[project]\ndependencies = 1\n", "pyproject.toml");
    expect(wrong?.refused[0]?.reason).toMatch(/not a list/);
    const address = 'dependencies = ["x @ file:///etc"]';
    expect(readPyproject(`[project]\n${address}\n`, "p")?.refused[0]?.reason).toMatch(/address/);
  });
});

describe("a script's own metadata", () => {
  const block =
    '# /// script\n# requires-python = ">=3.11"\n# dependencies = [\n#   "rich",\n# ]\n# ///\n';

  test("is read", () => {
    const found = readScript(`#!/usr/bin/env -S uv run\n${block}\nimport rich\n`, "scripts/x.py");
    expect(found).toMatchObject({ names: ["rich"], requirements: ["rich"], file: "scripts/x.py" });
  });

  test.each([
    ["none", "import rich\n"],
    ["of another type", block.replace("script", "other")],
    ["without an end", block.replace("# ///\n", "")],
    ["twice", `${block}\n${block}`],
  ])("%s: undefined", (_how, text) => {
    expect(readScript(text, "x.py")).toBeUndefined();
  });
});

describe("package.json", () => {
  const read = (document: object) => readPackageJson(JSON.stringify(document), "package.json");

  test("what scripts need at run time", () => {
    const found = read({
      dependencies: { zod: "^3", "@a/b": "latest", other: "npm:left-pad@1.3.0", two: "1.0.0" },
      optionalDependencies: { two: "2.0.0" },
      devDependencies: { vitest: "*" },
    });
    expect(found).toEqual({
      language: "node",
      file: "package.json",
      names: ["@a/b", "other", "two", "zod"],
      requirements: ["@a/b@latest", "other@npm:left-pad@1.3.0", "two@2.0.0", "zod@^3"],
      constraints: [],
      refused: [],
    });
  });

  test("an old package with capitals", () => {
    expect(read({ dependencies: { JSONStream: "1", x: "npm:JSONStream@1" } })).toMatchObject({
      names: ["JSONStream", "x"],
      refused: [],
    });
  });

  test("nothing for run time: undefined", () => {
    expect(read({ name: "x", devDependencies: { a: "1" } })).toBeUndefined();
    expect(readPackageJson("[]", "package.json")).toBeUndefined();
  });

  test.each([
    ["git+https://a.test/x.git", "address"],
    ["https://a.test/x.tgz", "address"],
    ["user/repository", "address"],
    ["file:../x", "directory"],
    ["workspace:*", "directory"],
    ["./x", "directory"],
    ["npm:../x", "name of a package"],
    ["1.0.0 ||| 2", "version or range"],
    [3, "not a text"],
  ])("%j is refused by name", (range, reason) => {
    const found = read({ dependencies: { bad: range, good: "1" } });
    expect(found?.requirements).toEqual(["good@1"]);
    expect(found?.refused).toEqual([
      { file: "package.json", text: `bad: ${range}`, reason: expect.stringContaining(reason) },
    ]);
  });

  test("a name that is none, and what is not JSON", () => {
    expect(read({ dependencies: { "../x": "1" } })?.refused[0]?.reason).toMatch(/name/);
    expect(readPackageJson("{", "package.json")?.refused[0]?.reason).toMatch(/not JSON/);
    expect(read({ dependencies: ["ms"] })).toMatchObject({
      names: [],
      refused: [{ reason: expect.stringMatching(/"dependencies" is a list/) }],
    });
  });
});
