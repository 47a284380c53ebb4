/**
 * Where the READMEs' commands are typed: a copy of a clean clone, a home whose skills ask for `gog`, and
 * a loopback server with the programs and packages that the pages name. The machine's `sudo`,
 * `systemctl` and `openclaw` are stand-ins; the command itself is the one that the page installs.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { $, type ProcessOutput } from "zx";
import { archive, npmTarball, program } from "../support/archives.ts";
import { copyClone } from "../support/package.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

export interface Surroundings {
  readonly place: Workplace;
  /** The clone, in which commands are typed. */
  readonly clone: string;
  /** Runs one line, with the directories of this place for those that the pages name. */
  type(line: string, more?: Readonly<Record<string, string>>): Promise<ProcessOutput>;
}

export async function openSurroundings(): Promise<Surroundings> {
  const place = await openWorkplace();
  const [clone, own, installed] = ["clone", "own", "installed"].map((name) =>
    join(place.dir, name),
  ) as [string, string, string];
  mkdirSync(own);
  copyClone(clone);
  const stub = (name: string, lines: string): void => {
    writeFileSync(join(own, name), `#!/bin/sh\n${lines}\n`);
    chmodSync(join(own, name), 0o755);
  };
  stub("sudo", 'exec "$@"');
  stub("openclaw", 'echo "openclaw $*"; command -v gog');
  stub("systemctl", "exit 0");
  serve(place);
  const env = {
    ...place.env,
    PATH: `${own}:${installed}/bin:${dirname(process.execPath)}:${process.env.PATH}`,
    npm_config_prefix: installed,
    npm_config_cache: join(place.dir, "npm-cache"),
  };
  return {
    place,
    clone,
    type: (line, more = {}) =>
      $({
        env: { ...env, ...more },
        cwd: clone,
        quiet: true,
        nothrow: true,
      })`sh -c ${line.replaceAll("/srv/openclaw-volume", join(place.dir, "srv-volume"))}`,
  };
}

function serve(place: Workplace): void {
  for (const name of ["gog", "gh", "jq"]) {
    const bytes = archive("tar.gz", { [`bin/${name}`]: program(`${name} 1.0.0`) });
    const source = place.serve(`${name}.tar.gz`, bytes);
    place.recipe(name, { artifacts: { "linux-x64": source, "linux-arm64": source } });
  }
  place.skill("mail", { bins: ["gog"] });
  for (const version of ["2.5.15", "2.6.8"])
    for (const [arch, machine] of [
      ["x64", 62],
      ["arm64", 183],
    ] as const)
      place.server.publish(`@biomejs/cli-linux-${arch}`, version, biome(arch, machine, version), {
        manifest: {
          os: ["linux"],
          cpu: [arch],
          libc: ["glibc"],
          homepage: "https://biomejs.dev",
          license: "MIT OR Apache-2.0",
        },
      });
}

/** A package with a real program of a processor: this machine's `true`, with the other's number. */
function biome(arch: string, machine: number, version: string): Buffer {
  const body = readFileSync("/usr/bin/true");
  body.writeUInt16LE(machine, 18);
  // Of another size when packed, as another version is.
  const [, minor = "0"] = version.split(".");
  const NEWS = randomBytes(1000 * Number(minor)).toString("hex");
  const tree = { biome: { body, mode: 0o755 }, NEWS };
  return npmTarball(`@biomejs/cli-linux-${arch}`, version, tree);
}
