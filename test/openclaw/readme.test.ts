/** The front page's quickstart, as it is written: the stock sandbox image, and the gateway's line. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import JSON5 from "json5";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { host, removeImages } from "../containers/host.ts";
import { typedIn } from "../docs/commands.ts";
import { page } from "../docs/pages.ts";
import { archive, program } from "../support/archives.ts";
import { repository } from "../support/workplace.ts";
import { type Gateway, openGateway, parseTurn } from "./gateway.ts";

const openclaw = inject("openclaw");
const missing = "missing" in openclaw ? openclaw.missing : "";
/** A stand-in of the same distribution, without anything of ours. */
const stock = "docker.io/library/debian:bookworm-slim";
let gateway: Gateway;
let started: ChildProcess | undefined;

describe.skipIf(missing)(missing ? `OpenClaw is not here: ${missing}` : "quickstart", () => {
  beforeEach(async () => {
    gateway = await openGateway();
  });
  afterEach(async () => {
    if (started?.kill()) await once(started, "exit");
    await gateway.close();
  });

  test("the gateway starts, and a tool call in a stock sandbox finds the program", {
    timeout: 300_000,
  }, async () => {
    const blocks = page("README.md").blocks.filter(({ heading }) => heading === "Quickstart");
    const shown = blocks.find(({ lang }) => lang === "json5")?.text ?? "";
    const line = blocks.flatMap(typedIn).find((one) => one.line.endsWith("-- openclaw gateway"));
    const here = (text: string): string => text.replaceAll("/srv/openclaw-volume", gateway.volume);
    const bytes = archive("tar.gz", { "bin/gog": program("gog 1.0.0") });
    const source = gateway.place.serve("gog.tar.gz", bytes);
    gateway.place.recipe("gog", { artifacts: { "linux-x64": source, "linux-arm64": source } });
    gateway.skill("mail", ["gog"]);

    const { agents, tools } = JSON5.parse(here(shown));
    const { docker, ...sandbox } = agents.defaults.sandbox;
    expect(docker.image).toBe("openclaw-sandbox:bookworm-slim"); // which this machine may have
    const image = `localhost/${gateway.prefix}stock:1`;
    await host`podman tag ${stock} ${image}`;
    gateway.configure({ sandbox, tools, docker: { setupCommand: undefined, ...docker, image } });
    try {
      await startWith(here(line?.line ?? ""));
      const words = ["agent", "--agent", "main", "--session-id", "first", "--json"];
      const { stdout } = await gateway.openclaw([...words, "--message", "run: gog"]);
      expect(parseTurn(stdout)).toEqual({ text: "gog 1.0.0" });
      expect(await gateway.containers()).toHaveLength(1);
      expect(gateway.offered()).toContain("mail");
    } finally {
      await removeImages([image]);
    }
  });

  /** Types the line in a shell that finds our command and OpenClaw's, and waits for the gateway. */
  async function startWith(line: string): Promise<void> {
    const bin = join(gateway.place.dir, "bin");
    mkdirSync(bin);
    const command = "openclaw-install-skill-deps";
    symlinkSync(join(repository, "entrypoint", command), join(bin, command));
    const { command: real } = openclaw as { command: string };
    writeFileSync(join(bin, "openclaw"), `#!/bin/sh\nexec ${process.execPath} ${real} "$@"\n`);
    chmodSync(join(bin, "openclaw"), 0o755);
    started = spawn("sh", ["-c", `exec ${line}`], {
      ...{ cwd: gateway.place.home, env: gateway.env(bin), stdio: "ignore" },
    });
    await gateway.answers();
  }
});
