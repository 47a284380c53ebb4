/**
 * What `config` prints, word for word on an empty host, up to a turn of the real OpenClaw whose tool call
 * runs a program of the volume.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { type EmptyHost, openEmptyHost } from "./empty-host.ts";

let empty: EmptyHost;
afterEach(() => empty?.close());

const asked = "ast-grep --version; id -u; ls /workspace/skills";

const isSample = process.env.CONTAINERS_SAMPLE === "1";

test.each(isSample ? ["stock"] : ["stock", "provisioner", "gateway"])(
  "%s: compose starts the gateway, which starts sandboxes beside itself",
  async (topology) => {
    empty = await openEmptyHost(topology, "compose");
    const once = await empty.type("once,");
    expect([once.exitCode, once.stderr]).toEqual([0, ""]);
    for (const path of [empty.volume, empty.state]) expect(statSync(path).uid).toBe(1000);
    expect(statSync(join(empty.dir, "work/.env")).mode & 0o777).toBe(0o600);
    empty.skill("syntax", ["ast-grep"]);
    empty.write();
    const later = await empty.type("then,");
    expect(later.exitCode, later.stdout + later.stderr).toBe(0);
    await empty.started();
    const { text, error } = await empty.turn(asked);
    expect(error ?? text).toMatch(/^ast-grep 0\.51\.1\n1000\n[\s\S]*^syntax$/m);
  },
);

test.each(isSample ? ["sandbox"] : ["sandbox", "seed", "image"])(
  "%s: the gateway is a program of the host",
  async (topology) => {
    empty = await openEmptyHost(topology, "host");
    empty.skill("syntax", ["ast-grep"]);
    const once = await empty.type("once,");
    expect(once.exitCode, once.stderr).toBe(0);
    empty.write();
    const later = await empty.type("then,");
    expect(later.exitCode, later.stdout + later.stderr).toBe(0);
    const { text, error } = await empty.turn("ast-grep --version");
    expect(error ?? text).toBe("ast-grep 0.51.1");
    expect(existsSync(join(empty.volume, "bin/ast-grep"))).toBe(topology !== "image");
  },
);
