/** Provisioning for another machine than this one. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { archive, npmTarball, program, describe as weigh } from "../support/archives.ts";
import { openWorkplace, snapshotOf, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
});
afterEach(() => place.close());

test("a program of this machine does not count for another one", async () => {
  const other = process.arch === "arm64" ? "linux-x64" : "linux-arm64";
  const bytes = archive("tar.gz", { "bin/zog": program("1.0.0") });
  const source = place.serve("zog.tar.gz", bytes);
  place.recipe("zog", { artifacts: { "linux-x64": source, "linux-arm64": source } });
  place.skill("mail", { bins: ["zog"] });
  const own = join(place.dir, "own");
  mkdirSync(own);
  writeFileSync(join(own, "zog"), "#!/bin/sh\n");
  chmodSync(join(own, "zog"), 0o755);
  const PATH = `${own}:${process.env.PATH}`;
  const here = await place.runWith({ PATH });
  expect(here.stderr).toMatch(/nothing to do/);
  const there = await place.runWith({ PATH }, "--platform", other);
  expect(there.stderr).toMatch(/1 installed/);
  expect(there.status).toBe(0);
  expect(existsSync(join(place.prefix, "bin/zog"))).toBe(true);
});

/** A package that completes itself at its first start, as some with install scripts do. */
function offerHub(without: object): void {
  const start =
    "const mark = `${__dirname}/pending`; if (require('fs').existsSync(mark)) require('fs').rmSync(mark);";
  const packages: Record<string, object> = { "": { dependencies: { hub: "1.0.0" } } };
  for (const name of ["hub", "word"]) {
    const files = { "cli.js": start, pending: "pending\n", "more/pending": "" };
    const bytes = npmTarball(name, "1.0.0", files);
    place.server.publish(name, "1.0.0", bytes);
    packages[`node_modules/${name}`] = { version: "1.0.0", integrity: weigh(bytes).integrity };
  }
  const source = { npm: "hub@1.0.0", lock: "hub.lock.json", ...without };
  const hub = { bins: { hub: "node_modules/hub/cli.js" }, needs: ["node"], test: ["hub"] };
  place.recipe("hub", { ...hub, artifacts: { any: source } }, { lockfileVersion: 3, packages });
  const node = { body: `#!/bin/sh\nexec ${process.execPath} "$@"\n`, mode: 0o755 };
  const bytes = archive("tar.gz", { "bin/node": node });
  place.recipe("node", { artifacts: { any: place.serve("node.tar.gz", bytes) } });
}

test("what a package would remove at its first start is left out for another platform, too", async () => {
  const other = process.arch === "arm64" ? "linux-x64" : "linux-arm64";
  const treeOf = async (prefix: string, ...words: string[]) => {
    const volume = join(place.dir, prefix);
    const { status, stderr } = await place.run("hub", "--prefix", volume, ...words);
    expect([status, stderr]).toEqual([0, expect.stringContaining("2 installed")]);
    const files = Object.entries(snapshotOf(volume)).filter(([path]) => path.includes("/hub/"));
    return files.map(([path, what]) => [path.replace(/.*hub\/1\.0\.0-\w+/, ""), what]);
  };
  const isMark = ([path = ""]: string[]) => path === "/node_modules/hub/pending";
  offerHub({});
  const [here, there] = [await treeOf("a"), await treeOf("b", "--platform", other)];
  expect([here.some(isMark), there.some(isMark)]).toEqual([false, true]);
  offerHub({ without: ["node_modules/hub/pending"] });
  const own = await treeOf("c");
  expect(own.filter(([path]) => path?.endsWith("/pending")).map(([path]) => path)).toEqual([
    "/node_modules/hub/more/pending",
    "/node_modules/word/more/pending",
    "/node_modules/word/pending",
  ]);
  const withoutRecord = (files: typeof own) => files.filter(([path]) => !path?.endsWith(".json"));
  expect(withoutRecord(await treeOf("d", "--platform", other))).toEqual(withoutRecord(own));
});
