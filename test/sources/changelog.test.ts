/** The page that says what is new in a version, by what a recipe names. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { changelogOf } from "../../src/author/changelog.ts";
import { draftContext } from "../../src/author/draft-context.ts";
import type { RecipeDocument } from "../../src/core/recipes/schema.ts";
import { createHttp, type Http } from "../../src/net/http.ts";
import { npmTarball } from "../support/archives.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let http: Http;
beforeEach(async () => {
  place = await openWorkplace();
  http = createHttp({ env: {}, mirrors: () => [], offline: false });
});
afterEach(async () => {
  await http.close();
  await place.close();
});

const hex = "a".repeat(64);
const release = "https://github.com/o/zog/releases";
const npm = { npm: "zog@1.0.0", lock: "zog.lock.json" };
const deb = { deb: "zog@1.0.0-1", lock: "zog.deb.lock.json" };

type Source = RecipeDocument["artifacts"]["any"];
async function pageOf(source: Source, over: Partial<RecipeDocument> = {}, version = "1.1.0") {
  const document = { name: "zog", version: "1.0.0", bins: { zog: "zog" }, ...over };
  const dir = join(place.dir, "draft");
  mkdirSync(dir);
  const context = draftContext({
    ...{ env: place.env, http, dir, home: place.dir, offline: false, clock: () => new Date() },
    emit: () => {},
    npm: () => Promise.reject(new Error("not read")),
  });
  const newest = { version, older: [], staleDebs: 0, notes: [], unasked: [], sharedCauses: [] };
  const asked = {
    text: "",
    document: { ...document, artifacts: { any: source } },
    origins: [],
    newest,
  };
  return await changelogOf(asked, context);
}

test.each<[string, Source, Partial<RecipeDocument>, string | undefined]>([
  [
    "a release of the repository",
    { url: `${release}/download/zog-1.0.0/zog.tgz`, sha256: hex },
    {},
    `${release}/tag/zog-1.1.0`,
  ],
  [
    "a module's tag",
    { go: "github.com/o/zog@v1.0.0", sum: `h1:${"A".repeat(43)}=` },
    {},
    `${release}/tag/v1.1.0`,
  ],
  [
    "the releases of the repository that the recipe names",
    { url: "https://zog.test/zog-1.0.0.tgz", sha256: hex },
    { versions: "git+https://github.com/o/zog" },
    release,
  ],
  [
    "those of its homepage",
    { pypi: "zog@1.0.0", lock: "zog.pypi.lock.json" },
    { homepage: "https://github.com/o/zog#readme" },
    release,
  ],
  [
    "the homepage itself",
    { url: "https://zog.test/zog-1.0.0.tgz", sha256: hex },
    { homepage: "https://zog.test" },
    "https://zog.test",
  ],
  ["nothing", { url: "https://zog.test/zog-1.0.0.tgz", sha256: hex }, {}, undefined],
])("%s", async (_, source, over, page) => {
  expect(await pageOf(source, over)).toBe(page);
});

test("Debian's page, where only its packages are newer", async () => {
  expect(await pageOf(deb, {}, "1.0.0")).toBe("https://tracker.debian.org/pkg/zog");
});

test("the releases of the repository that an npm package names", async () => {
  const tarball = npmTarball("zog", "1.1.0", { "cli.js": "" });
  const repository = { type: "git", url: "git+ssh://git@github.com/o/zog.git" };
  place.server.publish("zog", "1.1.0", tarball, { manifest: { repository } });
  expect(await pageOf(npm, { homepage: "https://zog.test" })).toBe(release);
});

test("an npm package that the registry does not have leaves the homepage", async () => {
  expect(await pageOf(npm, { homepage: "https://zog.test" })).toBe("https://zog.test");
});
