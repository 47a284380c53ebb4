/** Another licence of a new version is named: Python packages by their metadata, Debian's by their copyright file. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Asked } from "../../src/author/ask-origins.ts";
import { draftContext } from "../../src/author/draft-context.ts";
import { licenceNotes, licenceOfMetadata, licenceWords } from "../../src/author/licences.ts";
import type { Newest } from "../../src/author/newest.ts";
import { createHttp, type Http } from "../../src/net/http.ts";
import { openDebian } from "../support/debian-place.ts";
import { lockOf, makeWheel, serveIndex } from "../support/wheels.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let http: Http;
beforeEach(async () => {
  place = await openWorkplace();
  http = createHttp({ env: {}, mirrors: () => [], offline: false, timing: { backoffMs: 5 } });
});
afterEach(async () => {
  await http.close();
  await place.close();
});

/** Notes of a move of zog from 1.0 to 2.0, or of its Debian package. */
async function notesOf(
  source: Record<string, string>,
  locks: readonly [string, string],
  env: Record<string, string>,
): Promise<string[]> {
  const dir = join(place.dir, "draft");
  mkdirSync(dir);
  const isDeb = source.deb !== undefined;
  const newest: Newest = {
    version: isDeb ? "1.0" : "2.0",
    ...(isDeb && { deb: { name: "zog", from: "1.0-1", to: "1.0-2" } }),
    ...{ older: [], staleDebs: 0, notes: [], unasked: [], sharedCauses: [] },
  };
  const document = {
    name: "zog",
    version: "1.0",
    bins: { zog: "zog" },
    artifacts: { any: source },
  };
  const context = draftContext({
    ...{ env, http, dir, home: place.dir, offline: false, clock: () => new Date() },
    emit: () => {},
    npm: () => Promise.reject(new Error("npm is not asked")),
  });
  const asked: Asked = { text: "", document, origins: [], newest };
  const [before, after] = locks;
  return await licenceNotes(asked, { before: () => before, after: () => after }, context);
}

test("a Python package's, from the metadata that its index serves beside the wheel", async () => {
  const [old, now] = ["1.0", "2.0"].map((version) => makeWheel("zog", version, {}));
  if (!old || !now) throw new Error("no wheels");
  const index = serveIndex(place.server, [old, now]);
  const page = [old, now].map(({ file }) => `<a href="../../files/${file}">${file}</a>`).join("");
  place.server.serve("/simple/zog/", page, { headers: { "content-type": "text/html" } });
  place.server.serve(`/files/${old.file}.metadata`, "Name: zog\nLicense-Expression: MIT\n\nText");
  const source = { pypi: "zog@1.0", lock: "zog.pypi.lock.json" };
  const locks = [lockOf([old]), lockOf([now])] as const;
  const env = { PIP_INDEX_URL: index };
  place.server.serve(`/files/${now.file}.metadata`, "Name: zog\nLicense: Apache-2.0\n\nText");
  expect(await notesOf(source, locks, env)).toEqual(["licence: MIT -> Apache-2.0"]);
});

test("metadata that is not served says nothing", async () => {
  const wheels = [makeWheel("zog", "1.0", {}), makeWheel("zog", "2.0", {})] as const;
  const index = serveIndex(place.server, wheels);
  const source = { pypi: "zog@1.0", lock: "zog.pypi.lock.json" };
  const locks = [lockOf([wheels[0]]), lockOf([wheels[1]])] as const;
  expect(await notesOf(source, locks, { PIP_INDEX_URL: index })).toEqual([]);
});

test("metadata that only the old version has says nothing of the new one's licence", async () => {
  const wheels = [makeWheel("zog", "1.0", {}), makeWheel("zog", "2.0", {})] as const;
  const index = serveIndex(place.server, wheels);
  const links = wheels.map(({ file }) => `<a href="../../files/${file}">${file}</a>`).join("");
  place.server.serve("/simple/zog/", links, { headers: { "content-type": "text/html" } });
  place.server.serve(`/files/${wheels[0].file}.metadata`, "License-Expression: MIT\n\n");
  const source = { pypi: "zog@1.0", lock: "zog.pypi.lock.json" };
  const locks = [lockOf([wheels[0]]), lockOf([wheels[1]])] as const;
  expect(await notesOf(source, locks, { PIP_INDEX_URL: index })).toEqual([]);
});

test.each([
  ["MIT", "MIT"],
  [{ type: "GPL-3.0", url: "https://zog.test" }, "GPL-3.0"],
  [[{ type: "MIT" }, { type: "Apache-2.0" }, null, 5], "MIT OR Apache-2.0"],
  [undefined, "none"],
  [{ spdx: "MIT" }, "none"],
])("of what an npm package states as %j it is %s", (stated, licence) => {
  expect(licenceWords(stated)).toBe(licence);
});

test.each([
  ["License-Expression: MIT\nLicense: other\n", "MIT"],
  ["License: BSD\n\nLicense: MIT\n", "BSD"],
  [
    "Classifier: License :: OSI Approved :: MIT License\nClassifier: Topic :: Text\n",
    "MIT License",
  ],
  ["Name: zog\n", "none"],
])("of the metadata %j it is %s", (metadata, licence) => {
  expect(licenceOfMetadata(metadata)).toBe(licence);
});

test("a Debian package's, from the copyright files of both", async () => {
  const debian = openDebian(place);
  const lockWith = (archive: "debian" | "debian-security", licence: string): string => {
    const text = `Format: x\n\nFiles: *\nCopyright: me\nLicense: ${licence}\n`;
    const tree = { "./usr/bin/zog": "", "./usr/share/doc/zog/copyright": text };
    const locked = debian.publish("zog", tree, { archive });
    const head = { debLock: 1, release: "bookworm", snapshot: "20260912T000000Z" };
    return JSON.stringify({ ...head, amd64: [locked] });
  };
  const locks = [lockWith("debian", "GPL-2"), lockWith("debian-security", "GPL-3+")] as const;
  const source = { deb: "zog@1.0-1", lock: "zog.deb.lock.json" };
  expect(await notesOf(source, locks, debian.env)).toEqual(["licence: GPL-2 -> GPL-3+"]);
});
