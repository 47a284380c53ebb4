/** The index that a system's own pip asks: read from its files. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { indexesFor, systemIndexOf } from "../../src/sources/python/indexes.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "system-index-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function pip(packages: string, address: string): void {
  const file = join(root, "lib", packages, "pip/_internal/models/index.py");
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(
    file,
    `PyPI = PackageIndex(\n    "${address}", file_storage_domain="files.test"\n)\n`,
  );
}

test.each(["python3/dist-packages", "python3.11/site-packages"])("in lib/%s", async (packages) => {
  pip(packages, "https://index.test/");
  expect(await systemIndexOf(join(root, "bin/python3"))).toBe("https://index.test/simple/");
});

test("is unknown without pip, or where its files say nothing of the kind", async () => {
  expect(await systemIndexOf(join(root, "bin/python3"))).toBeUndefined();
  pip("python3/dist-packages", "http://plain.test/");
  expect(await systemIndexOf(join(root, "bin/python3"))).toBeUndefined();
});

test.each([
  ["lib/python3.11/site-packages", "of python-build-standalone"],
  ["usr/lib/python3/dist-packages", "of Debian"],
])("the volume's Python says its own: in %s, %s", async (packages) => {
  pip(`../${packages}`, "https://index.test/");
  const python = { program: join(root, "bin/python3"), version: "3.11.2", tree: root };
  const none = { isDefaultReplaced: false, indexes: [], findLinks: [] };
  const toolchains = { pip: async () => none as never };
  const { defaultIndex } = await indexesFor({} as never, python, toolchains);
  expect(defaultIndex).toBe("https://index.test/simple/");
});
