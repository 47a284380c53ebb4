import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

/*
 * A run asks a login shell again only if something has changed that decides the answer. The profile
 * script of the home tells how often one was started.
 */

let place: Workplace;
let asked: string;
let image: string;
beforeEach(async () => {
  place = await openWorkplace();
  const zog = archive("tar.gz", { "bin/zog": program("1.0.0") });
  place.recipe("zog", { artifacts: { "linux-x64": place.serve("zog.tar.gz", zog) } });
  asked = join(place.dir, "asked");
  image = join(place.dir, "image");
  mkdirSync(image);
  writeFileSync(asked, "");
  const profile = `echo x >>${asked}; PATH=${image}:$PATH:${place.prefix}/bin`;
  writeFileSync(join(place.home, ".profile"), `${profile}\n`);
});
afterEach(() => place.close());

const count = (): number => readFileSync(asked, "utf8").length / 2;
const known = () => join(place.prefix, "share/openclaw-skill-deps/login-shells.json");

/** Until what was changed is old enough for its time to prove that nothing has changed since. */
const settle = () => sleep(2600);

async function runs(): Promise<{ started: number; stderr: string }> {
  const before = count();
  const { stderr } = await place.run("zog");
  return { started: count() - before, stderr };
}

test("a shell is asked once, and again after a change of what decides its answer", async () => {
  expect((await runs()).started).toBe(1);
  expect((await runs()).started).toBe(1); // all is too young
  await settle();
  expect((await runs()).started).toBe(1);
  expect(await runs()).toMatchObject({
    started: 0,
    stderr: expect.stringMatching(/login shells find them/),
  });

  writeFileSync(join(image, "zog"), "#!/bin/sh\n", { mode: 0o755 });
  const shadowed = /login shells find another program first: zog/;
  expect(await runs()).toMatchObject({ started: 1, stderr: expect.stringMatching(shadowed) });
  await settle();
  expect((await runs()).started).toBe(1);
  expect(await runs()).toMatchObject({ started: 0, stderr: expect.stringMatching(shadowed) });

  appendFileSync(join(place.home, ".profile"), "PATH=/usr/bin:/bin\n");
  expect(await runs()).toMatchObject({
    started: 1,
    stderr: expect.stringMatching(/login shells do not find zog/),
  });
});

test.each([
  ["nothing that is JSON", "{"],
  ["another kind of value", '{"x":{"missing":1}}'],
  ["control characters", undefined],
])("a file with %s is no answer", async (_, text) => {
  await runs();
  await settle();
  await runs();
  const written = readFileSync(known(), "utf8");
  writeFileSync(known(), text ?? written.replace('"missing":[]', '"missing":["\\u001b[2J"]'));
  expect((await runs()).started).toBe(1);
});
