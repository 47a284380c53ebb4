/** What a volume may hold, told strictly: everything else in it is a stale file. */
import { lstatSync, lutimesSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { isPartOfCommand } from "../../../src/core/package-files.ts";
import { commandName } from "../../support/own-command.ts";
import type { Offer } from "./programs.ts";

type Offered = Pick<Offer, "tool" | "version" | "paths">;

interface Listed {
  readonly tools: Readonly<
    Record<string, { tool: string; version: string; dir: string; bins: Record<string, unknown> }>
  >;
  readonly previous?: Listed["tools"];
  readonly held?: readonly string[];
}

/** Directories in the tree of the volume's own command. */
const commandDirs = new Set(["dist", "dist/completions", "entrypoint", "entrypoint/libraries"]);

const share = "share/openclaw-skill-deps";
const fixed = new Set([
  "bin",
  "etc",
  "etc/openclaw-install-policy",
  "etc/profile.d",
  "etc/profile.d/openclaw-skill-deps.sh",
  "lib",
  "lib/.staging",
  "manifest.json",
  "share",
  share,
  `${share}/file-system.json`,
  `${share}/inode`,
  `${share}/last-run.json`,
  `${share}/login-shells.json`,
  `${share}/node`,
  `${share}/plugin`,
  `${share}/python`,
  `${share}/requests.json`,
  `${share}/satisfied.json`,
  `${share}/freshness`,
]);
/** Records of the steady state that are published; unpublished ones begin with a dot. */
const steadyRecord = new RegExp(
  `^${share}/freshness/(\\d+-[0-9a-f]{8}|any-[a-z0-9+-]+)-\\d+-[0-9a-f]{12}(/|$)`,
);

/** A manifest that was broken, and what lay in place of a directory, are the operator's to look at. */
const keptAside = /^(manifest\.json|bin|lib|etc|share|etc\/profile\.d|share\/[^/]+)\.broken-/;

/** The manifest's tools; undefined where there is none that can be read. */
export function readListed(prefix: string): Listed | undefined {
  const path = join(prefix, "manifest.json");
  try {
    if (!statSync(path).isFile()) return undefined; // an untrusted writer's pipe would never end
    return JSON.parse(readFileSync(path, "utf8")) as Listed;
  } catch {
    return undefined;
  }
}

/**
 * The paths in a volume that the manifest does not account for, with what lies in listed trees and was
 * not in their archives. What lies below such a path is not named again.
 */
export function findStale(prefix: string, offers: readonly Offered[]): string[] {
  const { tools = {}, previous = {} } = readListed(prefix) ?? {};
  const records = Object.values(tools);
  const bins = new Set(records.flatMap((record) => Object.keys(record.bins)));
  // What an update has replaced is kept for rollback.
  const kept = [...records, ...Object.values(previous)];
  const trees = new Map(kept.map((record) => [record.dir, record]));
  const explains = (path: string): boolean => {
    if (fixed.has(path) || steadyRecord.test(path) || keptAside.test(path)) return true;
    const [top, tool = "", tree = "", ...rest] = path.split("/");
    if (top === "bin") return bins.has(path.slice("bin/".length));
    if (top !== "lib") return false;
    if (tree === "") return records.some((record) => record.tool === tool);
    const record = trees.get(`lib/${tool}/${tree}`);
    if (!record) return false;
    const inside = rest.join("/");
    return (
      inside === "" ||
      inside.startsWith(".openclaw-skill-deps") ||
      wasOffered(record, inside, offers)
    );
  };
  const stale: string[] = [];
  const visit = (path: string): void => {
    if (path !== "" && !explains(path)) {
      stale.push(path);
      return;
    }
    const found = lstatSync(join(prefix, path), { throwIfNoEntry: false });
    if (!found?.isDirectory()) return;
    for (const name of readdirSync(join(prefix, path)))
      visit(path === "" ? name : `${path}/${name}`);
  };
  visit("");
  return stale;
}

function wasOffered(
  { tool, version }: { tool: string; version: string },
  path: string,
  offers: readonly Offered[],
): boolean {
  if (tool === commandName)
    return commandDirs.has(path) || isPartOfCommand(path) || /^dist\/\w+\.cache$/.test(path);
  return offers.some(
    (offer) => offer.tool === tool && offer.version === version && offer.paths.has(path),
  );
}

/** Plays that hours pass: everything that nothing accounts for was last touched two hours ago. */
export function letHoursPass(prefix: string, offers: readonly Offered[]): void {
  const then = new Date(Date.now() - 2 * 60 * 60 * 1000);
  const touch = (path: string): void => {
    try {
      if (lstatSync(path).isDirectory()) {
        for (const name of readdirSync(path)) touch(join(path, name));
      }
      lutimesSync(path, then, then);
    } catch {
      // Taken away meanwhile by a run that is still going on.
    }
  };
  for (const path of findStale(prefix, offers)) touch(join(prefix, path));
}
