/**
 * Plays the same cases with mise and with this product, on a volume that outlives its containers, and
 * prints one table. Needs root (for the read-only volume) and the machine's npm registry.
 *
 *   node test/reliability/mise.ts [--mise PATH] [PART OF A NAME…]
 *
 * What lies outside of the volume (home, cache, /tmp) is new for every container; mise has its
 * MISE_DATA_DIR in the volume, its cache and its configuration outside.
 */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { renderTable } from "../../src/report/text.ts";
import { type Loopback, startLoopback } from "../support/loopback.ts";
import { fetchMise, miseConfig, miseEnv } from "../support/mise.ts";
import { copyPackage } from "../support/package.ts";
import { findStale, letHoursPass } from "./support/account.ts";
import { type Offer, offerArchive, writeSkills } from "./support/programs.ts";
import { ask, type Finished, forEachOf, type Running, startGroup } from "./support/stand.ts";

/** An installer under test. */
interface Contender {
  readonly name: string;
  /** Starts an installation of all offers. `outside` is the container's own directory. */
  start(volume: string, outside: string, offers: readonly Offer[], before?: string[]): Running;
  /** Where its users find a program. */
  program(volume: string, tool: string): string;
  /** Paths that belong to nothing, hours and one more run after the last one. */
  stale(volume: string, offers: readonly Offer[]): string[];
}

interface Counts {
  readonly tries: number;
  readonly wrong: number;
  readonly stale: number;
  /** What else is worth knowing. */
  readonly note?: string;
}

const { values, positionals } = parseArgs({
  options: { mise: { type: "string" } },
  allowPositionals: true,
});

const toolNames = ["ant", "bee", "cow", "dog", "elk", "fox", "gnu", "hen"].map((n) => `a-${n}`);
const dir = realpathSync(mkdtempSync(join(tmpdir(), "mise-")));
const server: Loopback = await startLoopback();
let made = 0;

/** A new directory. */
function fresh(name: string): string {
  made += 1;
  const path = join(dir, `${name}-${made}`);
  mkdirSync(path);
  return path;
}

function makeOffers(): Offer[] {
  return toolNames.map((tool, i) =>
    offerArchive(
      { server, tool, version: "1.0.0", bytes: 2_000_000 },
      { format: i < 6 ? "tar.gz" : "zip" },
    ),
  );
}

function ours(): Contender {
  const packageDir = copyPackage(join(dir, "package"));
  const entrypoint = join(packageDir, "entrypoint", "openclaw-install-skill-deps");
  const skills = join(dir, "skills");
  writeSkills(skills, toolNames);
  return {
    name: "ours",
    start(volume, outside, offers, before = []) {
      const recipes = fresh("recipes");
      for (const offer of offers) offer.write(recipes);
      const [file = "", ...args] = [...before, "sh", entrypoint];
      return startGroup(file, args, outside, 90_000, {
        PATH: process.env.PATH ?? "",
        HOME: outside,
        TMPDIR: outside,
        OPENCLAW_SKILL_DEPS_NODE: process.execPath,
        OPENCLAW_SKILL_PREFIX: volume,
        OPENCLAW_SKILL_DIRS: skills,
        OPENCLAW_SKILL_RECIPES: recipes,
        OPENCLAW_SKILL_PROFILE_DIR: "",
      });
    },
    program: (volume, tool) => join(volume, "bin", tool),
    stale: (volume, offers) => findStale(volume, offers),
  };
}

function mise(binary: string): Contender {
  return {
    name: "mise",
    start(volume, outside, offers, before = []) {
      const config = join(outside, "config.toml");
      const tools = offers.map(({ tool, version, pinned }) => {
        if (pinned === undefined) throw new Error(`${tool} is no archive at a URL`);
        return { tool, version, ...pinned, binPath: "bin" };
      });
      writeFileSync(config, miseConfig(tools));
      const [file = "", ...args] = [...before, binary, "install"];
      return startGroup(file, args, outside, 90_000, miseEnv(volume, outside, config));
    },
    program: (volume, tool) => join(volume, "installs", `http-${tool}`, "1.0.0", "bin", tool),
    // Its downloads, and whatever an installed tool has that its archive has not.
    stale(volume, offers) {
      const inDownloads = below(join(volume, "downloads"));
      const inTrees = offers.flatMap(({ tool, paths }) =>
        below(join(volume, "installs", `http-${tool}`, "1.0.0")).filter((path) => !paths.has(path)),
      );
      return [...inDownloads, ...inTrees];
    },
  };
}

/** Files below a directory, relative to it. */
function below(root: string): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
    (path) => !lstatSync(join(root, path)).isDirectory(),
  );
}

async function wrongOf(contender: Contender, volume: string, offers: readonly Offer[]) {
  const wrong: string[] = [];
  for (const { tool, outputs } of offers) {
    const got = await ask(contender.program(volume, tool));
    if (got !== outputs[tool]) wrong.push(tool);
  }
  return wrong;
}

async function install(
  contender: Contender,
  volume: string,
  offers: readonly Offer[],
  before?: string[],
): Promise<Finished> {
  return await contender.start(volume, fresh("outside"), offers, before).finished;
}

/** Kills at a random moment; then a new container, and another one hours later. */
async function killed(contender: Contender, tries: number): Promise<Counts> {
  const offers = makeOffers();
  const began = performance.now();
  await install(contender, fresh("volume"), offers);
  const duration = performance.now() - began;
  const counts = { wrong: 0, stale: 0, lies: 0 };
  const turns = Array.from({ length: tries });
  await forEachOf(turns, 4, async () => {
    const volume = await volumeOfKilled(contender, offers, duration);
    const second = await install(contender, volume, offers);
    const missing = await wrongOf(contender, volume, offers);
    if (second.status !== 0 || missing.length > 0) counts.wrong += 1;
    if (second.status === 0 && missing.length > 0) counts.lies += 1;
    letHoursPass(volume, offers);
    await install(contender, volume, offers);
    counts.stale += contender.stale(volume, offers).length;
    rmSync(volume, { recursive: true });
  });
  const { wrong, stale, lies } = counts;
  return { tries, wrong, stale, note: `${lies} times status 0 with a program missing or wrong` };
}

/** A volume on which a run was killed before it was over. */
async function volumeOfKilled(
  contender: Contender,
  offers: readonly Offer[],
  duration: number,
): Promise<string> {
  for (;;) {
    const volume = fresh("volume");
    const run = contender.start(volume, fresh("outside"), offers);
    const timer = setTimeout(() => run.signal("SIGKILL"), duration * (0.2 + 0.8 * Math.random()));
    const { status } = await run.finished;
    clearTimeout(timer);
    if (status === undefined) return volume;
    rmSync(volume, { recursive: true });
  }
}

async function crowd(contender: Contender, size: number, tries: number): Promise<Counts> {
  let [wrong, stale, requests, failures] = [0, 0, 0, 0];
  for (let i = 0; i < tries; i += 1) {
    const offers = makeOffers();
    const volume = fresh("volume");
    const since = server.requests.length;
    const finished = await Promise.all(
      Array.from({ length: size }, () => install(contender, volume, offers)),
    );
    requests += server.requests.length - since;
    const failed = finished.filter(({ status }) => status !== 0).length;
    failures += failed;
    if (failed > 0 || (await wrongOf(contender, volume, offers)).length > 0) wrong += 1;
    stale += contender.stale(volume, offers).length;
    rmSync(volume, { recursive: true });
  }
  const each = (requests / tries).toFixed(1);
  const note = `${failures} of ${size * tries} processes failed; ${each} requests for 8 files`;
  return { tries, wrong, stale, note };
}

/** Damages one program in each way, then installs. */
async function damaged(contender: Contender, ways: Record<string, (path: string) => void>) {
  const offers = makeOffers();
  const unrepaired: string[] = [];
  for (const [way, damage] of Object.entries(ways)) {
    const volume = fresh("volume");
    await install(contender, volume, offers);
    damage(realpathSync(contender.program(volume, "a-cow")));
    await install(contender, volume, offers);
    if ((await wrongOf(contender, volume, offers)).length > 0) unrepaired.push(way);
    rmSync(volume, { recursive: true });
  }
  const note = unrepaired.length > 0 ? `not repaired: ${unrepaired.join(", ")}` : "";
  return { tries: Object.keys(ways).length, wrong: unrepaired.length, stale: 0, note };
}

const plainWays = {
  emptied: (path: string) => truncateSync(path),
  deleted: (path: string) => rmSync(path),
  "cut short": (path: string) => truncateSync(path, 40),
  "not executable": (path: string) => chmodSync(path, 0o644),
};
const hiddenWays = {
  "one byte changed": (path: string) => {
    const bytes = readFileSync(path);
    bytes[bytes.length - 3] = (bytes.at(-3) ?? 0) ^ 1;
    writeFileSync(path, bytes);
  },
};

async function digestChanged(contender: Contender): Promise<Counts> {
  const volume = fresh("volume");
  await install(contender, volume, makeOffers());
  const offers = makeOffers();
  const { status } = await install(contender, volume, offers);
  const old = await wrongOf(contender, volume, offers);
  const note = `status ${status}; ${old.length} of 8 are the old ones`;
  return { tries: 1, wrong: old.length > 0 ? 1 : 0, stale: 0, note };
}

async function readOnly(contender: Contender): Promise<Counts> {
  const offers = makeOffers();
  const volume = fresh("volume");
  await install(contender, volume, offers);
  const script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';
  const before = ["unshare", "--mount", "sh", "-c", script, volume];
  const { status, stderr } = await install(contender, volume, offers, before);
  const said = stderr.trim().split("\n").at(-1)?.replaceAll(dir, "").slice(0, 90);
  const note = status === 0 ? "" : `status ${status}: ${said}`;
  return { tries: 1, wrong: status === 0 ? 0 : 1, stale: 0, note };
}

async function serverDown(contender: Contender): Promise<Counts> {
  const offers = makeOffers();
  const volume = fresh("volume");
  await install(contender, volume, offers);
  const since = server.requests.length;
  for (const { downloads } of offers) {
    for (const path of downloads) server.serve(path, "", { fault: "503 always" });
  }
  const { status } = await install(contender, volume, offers);
  const note = `${server.requests.length - since} requests`;
  const isRight = status === 0 && (await wrongOf(contender, volume, offers)).length === 0;
  return { tries: 1, wrong: isRight ? 0 : 1, stale: 0, note };
}

const plays: Record<string, (contender: Contender) => Promise<Counts>> = {
  "kill -9 in mid install, then a new container": (one) => killed(one, 24),
  "3 at once, empty volume": (one) => crowd(one, 3, 8),
  "16 at once, empty volume": (one) => crowd(one, 16, 4),
  "emptied, deleted, cut short, chmod -x, then install": (one) => damaged(one, plainWays),
  "one byte of a program changed, then install": (one) => damaged(one, hiddenWays),
  "digest changed at the same version": digestChanged,
  "read-only volume, all present": readOnly,
  "all present, server down": serverDown,
};

try {
  const contenders = [mise(values.mise ?? fetchMise(fresh("package"))), ours()];
  const rows = [["CASE", "WHO", "TRIES", "WRONG", "STALE", "SECONDS", "NOTE"]];
  for (const [name, play] of Object.entries(plays)) {
    if (positionals.length > 0 && !positionals.some((part) => name.includes(part))) continue;
    for (const contender of contenders) {
      const began = performance.now();
      const { tries, wrong, stale, note = "" } = await play(contender);
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      rows.push([name, contender.name, `${tries}`, `${wrong}`, `${stale}`, seconds, note]);
      process.stderr.write(`${rows.at(-1)?.join("  ")}\n`);
    }
  }
  process.stdout.write(`${renderTable(rows)}\n`);
} finally {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
}
