/** An agent in a hardened sandbox, which can write to one directory only, asks for a tool; a provisioner grants it. */
import { chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { archive, describe, program } from "../support/archives.ts";
import { type Loopback, startLoopback } from "../support/loopback.ts";
import { host } from "./host.ts";
import { openPlace, type Place, setup } from "./sandbox.ts";

let place: Place;
let server: Loopback;
beforeEach(async () => {
  place = openPlace();
  server = await startLoopback();
  for (const name of ["requests", "recipes"]) mkdirSync(join(place.dir, name));
  chownSync(join(place.dir, "requests"), 1000, 1000);
  const bytes = archive("tar.gz", { "bin/gron": program("gron-1.8.2") });
  const { sha256, size } = describe(bytes);
  const source = { url: server.serve("/gron.tar.gz", bytes), sha256, size };
  const recipe = {
    name: "gron",
    version: "1.8.2",
    bins: { gron: "bin/gron" },
    artifacts: { "linux-x64": source, "linux-arm64": source },
  };
  writeFileSync(join(place.dir, "recipes/gron.yaml"), JSON.stringify(recipe));
});
afterEach(async () => {
  await place.close();
  await server.close();
});

/** The one-shot service, which has the network and may write to the volume. */
async function provision(): Promise<string> {
  const flags = [
    ...place.mounts({ access: "rw" }),
    ...["--volume", `${join(place.dir, "requests")}:/requests:rw`],
    ...["--volume", `${join(place.dir, "recipes")}:/recipes:ro`],
    ...["--env", "OPENCLAW_SKILL_REQUESTS=/requests", "--env", "OPENCLAW_SKILL_RECIPES=/recipes"],
  ];
  const { exitCode, stderr } =
    await host`podman run --rm --network host --user 1000:1000 ${flags} ${inject("images").sandbox} ${setup}`;
  expect(exitCode, stderr).toBe(0);
  return stderr;
}

test("asks by a file's name, reads the answer, and has the program; hostile names install nothing", async () => {
  place.skill("syntax", ["ast-grep"]);
  await provision();
  const mounted = ["--volume", `${join(place.dir, "requests")}:/requests:rw`];
  const box = await place.sandbox({ network: "none", access: "ro", flags: mounted });
  expect((await box.run("gron --version")).exitCode).toBe(127);
  expect((await box.call("touch /opt/openclaw/requests.json")).exitCode).not.toBe(0);

  const asked = await box.call(
    "touch /requests/gron /requests/gronn /requests/-f; ln -s /etc/passwd /requests/gron.answer; mkfifo /requests/rg",
  );
  expect(asked.exitCode, asked.stderr).toBe(0);
  expect(await provision()).toMatch(/request gron: granted: gron 1\.8\.2/);

  expect((await box.call("cat /requests/gron.answer")).stdout).toBe(
    "granted: gron 1.8.2\nprograms: gron\nTo call one: sh -lc 'gron --help', or /opt/openclaw/bin/gron --help\n",
  );
  expect((await box.run("gron --version")).stdout).toBe("gron-1.8.2\n");
  expect((await box.call("gron --version")).stdout).toBe("gron-1.8.2\n");
  expect((await box.call("cat /requests/gronn.answer")).stdout).toMatch(
    /^refused: .*\nDid you mean gron\?/,
  );
  expect((await box.call("cat /requests/rg.answer")).stdout).toMatch(/^refused: it is a pipe/);
  const manifest = JSON.parse(readFileSync(join(place.volume, "manifest.json"), "utf8"));
  expect(manifest.requested).toEqual(["gron"]);
  expect(readdirSync(join(place.volume, "bin"))).not.toContain("rg");
  expect(await provision()).toMatch(/nothing to do/);
  expect((await box.call("rm /requests/gron.answer && ls /requests")).exitCode).toBe(0);
});
