/** Topology A: a sandbox that installs for itself, with network and a volume that can be written to. */
import { chownSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { snapshotOf } from "../support/workplace.ts";
import { buildFrom, host, removeImages } from "./host.ts";
import { changeTimes, openPlace, type Place, type Sandbox, setup } from "./sandbox.ts";

let place: Place;

beforeEach(() => {
  place = openPlace();
  place.skill("syntax", ["ast-grep"]);
  place.skill("hub", ["clawhub"]);
});
afterEach(() => place.close());

async function expectPrograms(box: Sandbox): Promise<void> {
  expect((await box.run("ast-grep --version")).stdout).toBe("ast-grep 0.51.1\n");
  expect((await box.run("clawhub --cli-version", "/bin/bash")).stdout).toMatch(/0\.23\.3/);
  expect((await box.call("ast-grep --version; clawhub --cli-version")).stdout).toMatch(
    /^ast-grep 0\.51\.1\n.*0\.23\.3/,
  );
}

describe("uid 1000, read-only root, no capability", () => {
  test("installs; an updated image finds all of it, without a download or a write", async () => {
    const first = await place.sandbox({ network: "host", access: "rw" });
    const installed = await first.run(setup);
    expect(installed.stderr).toMatch(/3 installed/);
    expect(installed.exitCode).toBe(0);
    await expectPrograms(first);
    const again = await first.run(setup);
    expect(again.stderr).toMatch(/nothing to do/);
    expect(again.exitCode).toBe(0);

    const updated = `localhost/openclaw-skills-updated:${process.pid}`;
    try {
      const lines = [
        `FROM ${inject("images").sandbox}`,
        "USER 0",
        "RUN touch /updated",
        "USER 1000",
      ];
      await buildFrom(updated, lines, place.dir);
      const before = changeTimes(place.volume);
      const second = await place.sandbox({ network: "none", access: "rw", image: updated });
      expect((await second.run("ls /updated")).exitCode).toBe(0);
      const { exitCode, stderr } = await second.run(setup);
      expect(stderr).toMatch(/nothing to do/);
      expect(exitCode).toBe(0);
      await expectPrograms(second);
      expect(changeTimes(place.volume)).toEqual(before);
      await place.close();
    } finally {
      await removeImages([updated]);
    }
  });

  test("a named volume takes over the owner that the image names, and outlives its container", async () => {
    const volume = `skill-deps-${process.pid}`;
    await host`podman volume create ${volume}`;
    try {
      const first = await place.sandbox({ network: "host", access: "rw", volume });
      const installed = await first.run(`${setup} ast-grep`);
      expect(installed.stderr).toMatch(/1 installed/);
      expect(installed.exitCode).toBe(0);
      const second = await place.sandbox({ network: "none", access: "ro", volume });
      expect((await second.call("ast-grep --version")).stdout).toBe("ast-grep 0.51.1\n");
      expect((await second.run(`${setup} ast-grep`)).stderr).toMatch(/nothing to do/);
      await place.close();
    } finally {
      await host`podman volume rm --force ${volume}`;
    }
  });

  test("a root-owned volume: permission, with the command that repairs it", async () => {
    chownSync(place.volume, 0, 0);
    const box = await place.sandbox({ network: "host", access: "rw" });
    const { exitCode, stderr } = await box.run(setup);
    expect(exitCode).toBe(5);
    expect(stderr).toMatch(/permission denied[\s\S]*chown/);
    expect(Object.keys(snapshotOf(place.volume))).toEqual(["."]);
  });
});

describe("what this place cannot provide", () => {
  test("is reported, kept in the volume, and fails nothing, in any container", async () => {
    place.skill("odd", ["no-such-program"]);
    const first = await place.sandbox({ network: "host", access: "rw" });
    const installed = await first.run(setup);
    expect(installed.stderr).toMatch(/no-such-program.*unmet: no recipe provides it/);
    expect(installed.exitCode).toBe(0);
    const left = readFileSync(
      join(place.volume, "share/openclaw-skill-deps/last-run.json"),
      "utf8",
    );
    expect(JSON.parse(left).unmet).toMatchObject([{ bin: "no-such-program", for: ["odd"] }]);
    const second = await place.sandbox({ network: "none", access: "ro" });
    const verified = await second.run(`OPENCLAW_SKILL_DEPS_NODE=/none ${setup}`);
    expect(verified.stderr).toMatch(/no-such-program[\s\S]*nothing to do/);
    expect(verified.exitCode).toBe(0);
    expect((await second.run(`${setup} --strict`)).exitCode).toBe(3);
    expect((await second.call("ast-grep --version")).stdout).toBe("ast-grep 0.51.1\n");
  });

  test("without a network, what is missing is a warning", async () => {
    const box = await place.sandbox({ network: "none", access: "rw" });
    const { exitCode, stderr } = await box.run(setup);
    expect(stderr).toMatch(/no network/);
    expect(exitCode).toBe(0);
  });
});

describe("OpenClaw's own image, which does not have the command", () => {
  const image = "docker.io/library/debian:bookworm-slim";
  const own = "/opt/openclaw/bin/openclaw-install-skill-deps";

  test("runs the volume's: verifies without Node, installs with the Node of the volume", async () => {
    const plain = openPlace();
    try {
      plain.skill("hub", ["clawhub"]);
      const filler = await plain.sandbox({ network: "host", access: "rw" });
      expect((await filler.run(setup)).stderr).toMatch(/2 installed/);

      const locked = await plain.sandbox({ network: "none", access: "ro", image });
      const verified = await locked.run(`${own} --strict`);
      expect([verified.exitCode, verified.stderr]).toEqual([
        0,
        expect.stringMatching(/nothing to do; programs present: \d\n$/),
      ]);
      const withoutHome = await locked.run(`env -u HOME ${own} -- sh -c 'echo "$PATH"'`);
      expect(withoutHome.stdout).toMatch(/:\/opt\/openclaw\/bin$/m);

      plain.skill("syntax", ["ast-grep"]);
      expect((await locked.run(own)).stderr).toMatch(/E_VOLUME_READ_ONLY/);
      const writer = await plain.sandbox({ network: "host", access: "rw", image });
      const installed = await writer.run(own);
      expect([installed.exitCode, installed.stderr]).toEqual([
        0,
        expect.stringContaining("1 installed; 3 in /opt/openclaw"),
      ]);
      expect((await locked.run(`${own} --strict`)).stderr).toMatch(/nothing to do/);
    } finally {
      await plain.close();
    }
  });
});
