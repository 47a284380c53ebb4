/**
 * The machine's podman, the images of Dockerfile.example, and what containers are lent to reach the
 * machine's npm registry.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { $ } from "zx";
import { repository } from "../support/workplace.ts";

/** Targets of Dockerfile.example. */
export const targets = ["sandbox", "gateway", "seeded", "prebuilt", "provisioner"] as const;
type Target = (typeof targets)[number];

/** Target to image. */
export type Images = Readonly<Record<Target, string>>;

export const enginesConfig = join(repository, "test/containers/containers.conf");
export const certificates = process.env.SSL_CERT_FILE ?? "/etc/ssl/certs/ca-certificates.crt";
/** Where containers are lent them. */
export const certificatesThere = "/etc/ssl/certs/ca-certificates.crt";

/** Runs a command on this machine; a status other than 0 is a result, not an error. */
export const host = $({
  cwd: repository,
  quiet: true,
  nothrow: true,
  env: { ...process.env, CONTAINERS_CONF: enginesConfig },
});

/** The URL of the npm registry that this machine is configured for. */
export async function registry(): Promise<string> {
  return (await host`npm config get registry`).stdout.trim();
}

/**
 * Builds targets of Dockerfile.example as they stand, in this clone, in another directory (`CONTEXT`, with
 * its `SKILLS`), or of a fetched package (`NPM_PACKAGE`). Throws with what the build said.
 */
export async function buildImages(
  tag: string,
  some: readonly Target[],
  where: Readonly<Record<string, string>> = {},
): Promise<Images> {
  const build = host({ env: { ...process.env, CONTAINERS_CONF: enginesConfig, ...where } });
  const { exitCode, stderr } = await build`test/containers/images.sh build ${tag} ${some}`;
  if (exitCode !== 0) throw new Error(`test/containers/images.sh build: ${stderr.slice(-2000)}`);
  return imagesOf(tag);
}

export function imagesOf(tag: string): Images {
  const nameOf = (target: Target): string =>
    target === "provisioner" ? "openclaw-install-skill-deps" : `openclaw-skills-${target}`;
  const images = targets.map((target) => [target, `localhost/${nameOf(target)}:${tag}`]);
  return Object.fromEntries(images) as Images;
}

/** Builds an image from the lines of a Dockerfile, which is left in the directory that it copies from. */
export async function buildFrom(
  tag: string,
  lines: readonly string[],
  context: string,
  flags: readonly string[] = ["--network", "none"],
): Promise<void> {
  writeFileSync(join(context, "Dockerfile"), `${lines.join("\n")}\n`);
  const { exitCode, stderr } =
    await host`podman build --layers=false --pull=never ${flags} --tag ${tag} ${context}`;
  if (exitCode !== 0) throw new Error(`podman build of ${tag}: ${stderr.slice(-2000)}`);
}

export async function removeImages(tags: readonly string[]): Promise<void> {
  for (const tag of tags) await host`podman rmi --force --ignore ${tag}`;
}

/** What a container has said once it has said that; at the latest after two minutes. */
export async function logsOf(container: string, what: RegExp): Promise<string> {
  let said = "";
  for (let tries = 0; tries < 240 && !what.test(said); tries += 1) {
    const { stdout, stderr } = await host`podman logs ${container}`;
    said = stdout + stderr;
    await sleep(500);
  }
  return said;
}

/** Runs podman for pods, which 4.3 cannot start where default limits are configured, or are its own. */
export function withoutLimits(dir: string) {
  const text = readFileSync(enginesConfig, "utf8");
  const CONTAINERS_CONF = join(dir, "containers.conf");
  writeFileSync(CONTAINERS_CONF, text.replace(/^default_ulimits = .*$/m, "default_ulimits = []"));
  return $({ quiet: true, nothrow: true, env: { ...process.env, CONTAINERS_CONF } });
}
