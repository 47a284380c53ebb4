/**
 * Settings of the real OpenClaw, one turn each: which of them let an agent's tool call find a program
 * of the volume, and what OpenClaw or our command says where they do not. Prints the table.
 */
import { chownSync, cpSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { renderTable } from "../../src/report/text.ts";
import { buildFrom, host, removeImages } from "../containers/host.ts";
import { archive, program } from "../support/archives.ts";
import type { Config } from "./config.ts";
import { type Gateway, openGateway } from "./gateway.ts";

interface Setting {
  readonly name: string;
  /** The turn's answer, or the error that the user is told; `works` where the program runs. */
  readonly outcome: "works" | RegExp;
  /** Our gateway run comes first. */
  readonly provided?: boolean;
  /** The image has no profile script. */
  readonly plain?: boolean;
  readonly config: (gateway: Gateway) => Config | Promise<Config>;
}

const notFound = /gog: not found/;
const openclaw = inject("openclaw");
const missing = "missing" in openclaw ? openclaw.missing : "";
const plainImage = `localhost/openclaw-plain:${process.pid}`;
const namedVolume = `oc-volume-${process.pid}`;
const rows = [["SETTING", "TOOL CALL"]];
let gateway: Gateway;

const readOnly = ({ volume }: Gateway) => `${volume}:/opt/openclaw:ro`;

const paths: Setting[] = [
  {
    name: "image with the profile script (Dockerfile.example), volume :ro",
    outcome: "works",
    config: (gateway) => ({ docker: { binds: [readOnly(gateway)] } }),
  },
  {
    name: "the same, without a setupCommand",
    outcome: "works",
    config: (gateway) => ({ docker: { binds: [readOnly(gateway)], setupCommand: "" } }),
  },
  {
    name: "image without the profile script",
    outcome: notFound,
    plain: true,
    config: (gateway) => ({ docker: { binds: [readOnly(gateway)] } }),
  },
  {
    name: "… with docker.env.PATH",
    outcome: "works",
    plain: true,
    config: (gateway) => ({
      docker: {
        binds: [readOnly(gateway)],
        env: { PATH: "/usr/local/bin:/usr/bin:/bin:/opt/openclaw/bin" },
      },
    }),
  },
  {
    name: "… with tools.exec.pathPrepend",
    outcome: "works",
    plain: true,
    config: (gateway) => ({
      docker: { binds: [readOnly(gateway)] },
      tools: { exec: { pathPrepend: ["/opt/openclaw/bin"] } },
    }),
  },
  {
    name: "… with the volume's script bound into /etc/profile.d",
    outcome: "works",
    plain: true,
    config: (gateway) => {
      const script = "etc/profile.d/openclaw-skill-deps.sh";
      return {
        docker: { binds: [readOnly(gateway), `${gateway.volume}/${script}:/${script}:ro`] },
      };
    },
  },
  {
    name: "… user 0:0, readOnlyRoot false, volume of root's, :rw",
    outcome: "works",
    plain: true,
    config: () => ({ docker: { user: "0:0", readOnlyRoot: false } }),
  },
  {
    name: "volume bound elsewhere, env.OPENCLAW_SKILL_PREFIX",
    outcome: "works",
    config: ({ volume }) => ({
      docker: { binds: [`${volume}:/skills:ro`], env: { OPENCLAW_SKILL_PREFIX: "/skills" } },
    }),
  },
];

const installing = (sandbox: object) => (gateway: Gateway) => ({
  sandbox: { ...sandbox },
  docker: gateway.online(),
});
const accesses: Setting[] = [
  {
    name: "workspaceAccess none: a skill that is not eligible is invisible to setup",
    outcome: notFound,
    provided: false,
    config: installing({ workspaceAccess: "none" }),
  },
  {
    name: "workspaceAccess ro: setup sees the workspace's skills, installs",
    outcome: "works",
    provided: false,
    config: installing({ workspaceAccess: "ro" }),
  },
  {
    name: "workspaceAccess rw: the same",
    outcome: "works",
    provided: false,
    config: installing({ workspaceAccess: "rw" }),
  },
  {
    name: "… scope shared",
    outcome: "works",
    provided: false,
    config: installing({ workspaceAccess: "rw", scope: "shared" }),
  },
  {
    name: "… pidsLimit 256, memory 1g",
    outcome: "works",
    provided: false,
    config: (gateway) => ({
      sandbox: { workspaceAccess: "rw" },
      docker: { ...gateway.online(), pidsLimit: 256, memory: "1g" },
    }),
  },
  {
    name: "… volume of another owner",
    outcome: /permission denied[\s\S]*chown/,
    provided: false,
    config: (gateway) => {
      chownSync(gateway.volume, 1001, 1001);
      return installing({ workspaceAccess: "rw" })(gateway);
    },
  },
  {
    name: '… network "host"',
    outcome: /network mode "host" is blocked/,
    provided: false,
    config: (gateway) => ({ docker: { ...gateway.online(), network: "host" } }),
  },
];

const binds: Setting[] = [
  {
    name: "source outside the workspace, without dangerouslyAllowExternalBindSources",
    outcome: /is outside allowed roots/,
    config: (gateway) => ({
      docker: { binds: [readOnly(gateway)], dangerouslyAllowExternalBindSources: false },
    }),
  },
  {
    name: "source inside the workspace, without that flag",
    outcome: "works",
    config: ({ volume, workspace }) => {
      cpSync(volume, join(workspace, "volume"), { recursive: true, verbatimSymlinks: true });
      const inside = `${workspace}/volume:/opt/openclaw:ro`;
      return { docker: { binds: [inside], dangerouslyAllowExternalBindSources: false } };
    },
  },
  {
    name: "a named volume",
    outcome: /named volume|absolute/i,
    config: () => ({ docker: { binds: [`${namedVolume}:/opt/openclaw:ro`] } }),
  },
  {
    name: "a named volume's _data directory",
    outcome: "works",
    config: async ({ volume }) => {
      const { stdout } = await host`podman volume inspect ${namedVolume} --format {{.Mountpoint}}`;
      const data = stdout.trim();
      cpSync(volume, data, { recursive: true, verbatimSymlinks: true });
      return { docker: { binds: [`${data}:/opt/openclaw:ro`] } };
    },
  },
  {
    name: "a source that does not exist",
    outcome: /no such file or directory/,
    config: ({ volume }) => ({ docker: { binds: [`${volume}-none:/opt/openclaw:rw`] } }),
  },
];

describe.skipIf(missing)(missing ? `OpenClaw is not here: ${missing}` : "settings", () => {
  beforeAll(async () => {
    await host`podman volume create ${namedVolume}`;
    const scratch = await openGateway();
    const script = "/etc/profile.d/openclaw-skill-deps.sh";
    const lines = [`FROM ${inject("sandboxImage")}`, "USER 0", `RUN rm ${script}`, "USER 1000"];
    await buildFrom(plainImage, lines, scratch.place.dir).finally(scratch.close);
  });
  afterAll(async () => {
    await host`podman volume rm --force ${namedVolume}`;
    await removeImages([plainImage]);
    process.stdout.write(`${renderTable(rows)}\n`);
  });
  beforeEach(async () => {
    gateway = await openGateway();
    const bytes = archive("tar.gz", { "bin/gog": program("gog 1.0.0") });
    const source = gateway.place.serve("gog.tar.gz", bytes);
    gateway.place.recipe("gog", { artifacts: { "linux-x64": source, "linux-arm64": source } });
    gateway.skill("mail", ["gog"]);
  });
  afterEach(() => gateway.close());

  for (const setting of [...paths, ...accesses, ...binds])
    test(setting.name, () => tryOut(setting));

  async function tryOut(setting: Setting): Promise<void> {
    const { name, outcome, provided = true, plain = false } = setting;
    gateway.configure({});
    if (provided) expect((await gateway.provide()).stderr).toMatch(/1 installed/);
    const { docker, ...rest } = await setting.config(gateway);
    gateway.configure({ ...rest, docker: { ...(plain && { image: plainImage }), ...docker } });
    const { text, error } = await gateway.turn("gog");
    const works = text === "gog 1.0.0";
    rows.push([
      name,
      works ? "works" : ((error ?? text ?? "").split("\n")[0]?.slice(0, 120) ?? ""),
    ]);
    if (outcome === "works") expect(error ?? text).toBe("gog 1.0.0");
    else expect(error ?? text).toMatch(outcome);
  }
});
