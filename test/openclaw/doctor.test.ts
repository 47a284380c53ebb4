/** What `openclaw doctor --fix` disables where its PATH lacks the volume, and how our doctor has it enabled again. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { $ } from "zx";
import { archive, program } from "../support/archives.ts";
import { type Gateway, openGateway } from "./gateway.ts";

const openclaw = inject("openclaw");
const missing = "missing" in openclaw ? openclaw.missing : "";
const fix = ["doctor", "--fix", "--non-interactive"];
let gateway: Gateway;

describe.skipIf(missing)(missing ? `OpenClaw is not here: ${missing}` : "doctor --fix", () => {
  beforeEach(async () => {
    gateway = await openGateway();
    for (const name of ["gog", "owl"]) {
      const bytes = archive("tar.gz", { [`bin/${name}`]: program(`${name} 1.0.0`) });
      const source = gateway.place.serve(`${name}.tar.gz`, bytes);
      gateway.place.recipe(name, { artifacts: { "linux-x64": source, "linux-arm64": source } });
    }
    gateway.skill("mail", ["gog"]);
    gateway.skill("night", ["owl"]);
    gateway.configure({});
    await gateway.provide();
  });
  afterEach(() => gateway.close());

  const isEnabled = (): unknown[] => {
    const text = readFileSync(join(gateway.place.home, ".openclaw/openclaw.json"), "utf8");
    const { entries = {} } = JSON.parse(text).skills ?? {};
    return ["mail", "night"].map((name) => entries[name]?.enabled);
  };

  test("with the volume on its PATH it disables neither skill", async () => {
    const { exitCode } = await gateway.openclaw(fix, join(gateway.volume, "bin"));
    expect(exitCode).toBe(0);
    expect(isEnabled()).toEqual([undefined, undefined]);
  });

  test("without it, both; the command that our doctor prints enables them", async () => {
    await gateway.openclaw(fix);
    expect(isEnabled()).toEqual([false, false]);
    const { exitCode, stdout } = await gateway.provide("doctor");
    expect(exitCode).toBe(0);
    expect(stdout).toContain("although their programs are here: mail (gog), night (owl)");
    const line = stdout.split("\n").find((each) => each.includes("openclaw config set ")) ?? "";
    const command = "command" in openclaw ? openclaw.command : "";
    const typed = `openclaw() { ${process.execPath} ${command} "$@"; }\n${line}`;
    await $({ env: gateway.env(), quiet: true })`sh -c ${typed}`;
    expect(isEnabled()).toEqual([true, true]);
    const info = await gateway.openclaw(
      ["skills", "info", "mail", "--json"],
      join(gateway.volume, "bin"),
    );
    expect(JSON.parse(info.stdout)).toMatchObject({ eligible: true, disabled: false });
  });
});
