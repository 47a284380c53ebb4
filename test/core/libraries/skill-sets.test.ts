import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import type { Refusal } from "../../../src/core/libraries/declaration.ts";
import { declaredSets, librarySets } from "../../../src/core/libraries/skill-sets.ts";
import { librariesTool, lineOfTool, pythonOfLine } from "../../../src/core/library-set.ts";

const hash = (text: string): string => createHash("sha256").update(text).digest("hex");

function setsOf(texts: Readonly<Record<string, string>>, refused: readonly Refusal[] = []) {
  const files = new Map(Object.entries(texts).map(([path, text]) => [path, Buffer.from(text)]));
  return declaredSets({ files, refused });
}

it("is one set for all Python files of a skill, with its digest over their names, sizes and bytes", () => {
  const [set, ...others] = setsOf({
    "scripts/requirements.txt": "PyYAML\n",
    "requirements.txt": "requests==2.32.0 # é\n-r requirements-dev.txt\n",
    "requirements-dev.txt": "rich\n",
    "requirements-unused.txt": "flask\n",
    "pyproject.toml": '[project]\ndependencies = ["httpx"]\n',
  });
  expect(others).toEqual([]);
  expect(set).toMatchObject({
    language: "python",
    file: "requirements.txt",
    names: ["httpx", "pyyaml", "requests", "rich"],
    requirements: ["requests==2.32.0", "rich", "httpx", "PyYAML"],
    refused: [],
  });
  const parts = [
    'pyproject.toml\n35\n[project]\ndependencies = ["httpx"]\n\n',
    "requirements-dev.txt\n5\nrich\n\n",
    "requirements-unused.txt\n6\nflask\n\n",
    "requirements.txt\n46\nrequests==2.32.0 # é\n-r requirements-dev.txt\n\n",
    "scripts/requirements.txt\n7\nPyYAML\n\n",
  ];
  expect(set?.digest).toBe(hash(`openclaw-libraries 1 python\n${parts.join("")}`));
});

it("reads UTF-16 by its mark, as pip does", () => {
  const text = "requests==2.32.0\r\nrich\r\n";
  const little = Buffer.from(`\uFEFF${text}`, "utf16le");
  for (const bytes of [little, Buffer.from(little).swap16()]) {
    const files = new Map([["requirements.txt", bytes]]);
    expect(declaredSets({ files, refused: [] })[0]).toMatchObject({
      requirements: ["requests==2.32.0", "rich"],
      refused: [],
    });
  }
});

it("reads every kind of file with a byte-order mark, which counts for the digest of files alone", () => {
  const block = '# /// script\n# dependencies = ["rich"]\n# ///';
  const manifest = '{"dependencies":{"zod":"^3"}}';
  const texts = {
    "requirements.txt": "requests\n",
    "scripts/pyproject.toml": '[project]\ndependencies = ["httpx"]\n',
    "x.py": `${block}\nimport rich\n`,
    "package.json": manifest,
  };
  const marked = Object.entries(texts).map(([path, text]) => [path, `\uFEFF${text}`]);
  const [plain, sets] = [setsOf(texts), setsOf(Object.fromEntries(marked))];
  expect(sets.map(({ names, refused }) => [names, refused])).toEqual([
    [["httpx", "requests"], []],
    [["rich"], []],
    [["zod"], []],
  ]);
  expect(sets[2]?.files).toEqual({ "package.json": `\uFEFF${manifest}` });
  expect(sets.map(({ digest }, i) => digest === plain[i]?.digest)).toEqual([false, true, false]);
});

it("refuses what other tools write into a pyproject.toml, unless something else declares packages", () => {
  const poetry = '[tool.poetry.dependencies]\npython = "^3.11"\nRequests = "^2"\n';
  const dynamic = '[project]\nname = "x"\ndynamic = ["dependencies"]\n';
  const refusalsOf = (texts: Readonly<Record<string, string>>) =>
    setsOf(texts).map(({ names, refused }) => [names, refused.map(({ text }) => text)]);
  expect(refusalsOf({ "pyproject.toml": poetry })).toEqual([
    [["requests"], ["[tool.poetry.dependencies]"]],
  ]);
  expect(refusalsOf({ "scripts/pyproject.toml": dynamic })).toEqual([
    [[], ["dynamic dependencies"]],
  ]);
  const both = { "pyproject.toml": poetry, "requirements.txt": "requests\n" };
  expect(refusalsOf(both)).toEqual([[["requests"], []]]);
  expect(refusalsOf({ "pyproject.toml": '[tool.poetry.dependencies]\npython = "3"\n' })).toEqual(
    [],
  );
});

it("is another set for each script with inline metadata, whose line ends do not count", () => {
  const block = '# /// script\n# dependencies = ["rich"]\n# ///';
  const other = '# /// script\r\n# dependencies = ["httpx"]\r\n# ///';
  const sets = setsOf({
    "x.py": `#!/usr/bin/env python3\n${block}\nimport rich\n`,
    "scripts/y.py": `${other}\r\nimport httpx\r\n`,
    "scripts/plain.py": "import requests\n",
    "requirements.txt": "requests\n",
  });
  expect(sets.map(({ file, names }) => [file, names])).toEqual([
    ["requirements.txt", ["requests"]],
    ["x.py", ["rich"]],
    ["scripts/y.py", ["httpx"]],
  ]);
  expect(sets[1]?.digest).toBe(hash(`openclaw-libraries 1 script\n${block}\n`));
  expect(sets[2]?.digest).toBe(
    hash(`openclaw-libraries 1 script\n${other.replaceAll("\r\n", "\n")}\n`),
  );
});

it("is one set for each directory with a package.json, with the lock files beside it", () => {
  const manifest = '{"dependencies":{"zod":"^3"}}';
  const sets = setsOf({
    "package.json": '{"devDependencies":{"vitest":"*"}}',
    "scripts/package.json": manifest,
    "scripts/yarn.lock": "# yarn lockfile v1\n",
    "yarn.lock": "other\n",
  });
  expect(sets).toHaveLength(1);
  expect(sets[0]).toMatchObject({
    language: "node",
    file: "scripts/package.json",
    names: ["zod"],
    files: { "package.json": manifest, "yarn.lock": "# yarn lockfile v1\n" },
  });
  const parts = `package.json\n29\n${manifest}\nyarn.lock\n19\n# yarn lockfile v1\n\n`;
  expect(sets[0]?.digest).toBe(hash(`openclaw-libraries 1 node\n${parts}`));
});

it("declares nothing with empty files, and refuses what may not be read", () => {
  expect(setsOf({ "requirements.txt": "# none\n", "package.json": "{}", "x.py": "" })).toEqual([]);
  const refused = (file: string) => ({ file, text: "", reason: "it is a link, not a file" });
  expect(setsOf({}, [refused("requirements.txt"), refused("scripts/package.json")])).toMatchObject([
    { language: "python", file: "requirements.txt", refused: [refused("requirements.txt")] },
    { language: "node", file: "scripts/package.json", refused: [refused("scripts/package.json")] },
  ]);
  const many = Object.fromEntries(
    Array.from({ length: 16 }, (_, i) => [`requirements-${i}.txt`, ""]),
  );
  const [set] = setsOf({ ...many, "requirements.txt": "requests\n" });
  expect(set?.refused).toEqual([
    { file: "requirements.txt", text: "", reason: "there are more than 16 such files" },
  ]);
});

it("has one tool for each line, and none if a line of a file is refused", () => {
  const [set, refused] = setsOf({
    "requirements.txt": "requests\n",
    "package.json": '{"dependencies":{"a":"file:../a"}}',
  });
  if (!set || !refused) throw new Error("two sets are expected");
  const lines = ["cpython-311", "cpython-312", "node"] as const;
  const tools = librarySets(set, lines).map(librariesTool);
  const short = set.digest.slice(0, 16);
  expect(tools).toEqual([`libraries-${short}-cpython-311`, `libraries-${short}-cpython-312`]);
  expect(librarySets(refused, lines)).toEqual([]);
  expect(tools.map(lineOfTool)).toEqual(["cpython-311", "cpython-312"]);
  expect(pythonOfLine("cpython-311")).toBe("3.11");
  const others = ["gog", "libraries-x", `libraries-${short}-cpython-27`, `libraries-${short}`];
  expect(others.map(lineOfTool)).toEqual(others.map(() => undefined));
});
