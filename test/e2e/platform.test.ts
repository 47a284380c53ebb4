/** Provisioning for another machine than this one. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

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
