import { join } from "node:path";
import {
  type AptSettings,
  type AptSource,
  aptProxyFor,
  parseAptSettings,
  parseSourcesList,
  parseSourcesStanzas,
} from "../core/apt.ts";
import type { DebArchive } from "../core/deb-lock.ts";
import { listNames } from "../io/files.ts";
import { readSettingsFile } from "../io/input.ts";

/** What this machine's apt is configured to do, as far as fetching packages of Debian goes. */
export interface AptConfig {
  /** The machine's own mirrors, without a slash at their ends; none where it is no Debian. */
  mirrorsOf(archive: DebArchive): readonly string[];
  /** Debian's own sources, in the order of their files. */
  readonly sources: readonly DebianSource[];
  /** What a request to a mirror needs beside its URL. */
  requestFor(url: string): AptRequest;
}

export interface DebianSource extends AptSource {
  readonly archive: DebArchive;
}

interface AptRequest {
  /** Without a name and password. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A URL or `DIRECT`; absent: the environment's. */
  readonly proxy?: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Every mirror of Debian has every release, so that another one's sources serve as well. */
const suites =
  /^(bullseye|bookworm|trixie|forky|sid|stable|oldstable|oldoldstable|testing|unstable)(-security|-updates|-backports|-proposed-updates)?$/;

/** Reads apt's configuration. Files that are absent or cannot be read are no configuration. */
export async function readAptConfig(env: Env): Promise<AptConfig> {
  const named =
    env.APT_CONFIG === undefined ? new Map() : parseAptSettings(await text(env.APT_CONFIG));
  const etc = join("/", named.get("dir::etc") ?? "etc/apt");
  const settings = await readSettings(etc, named);
  const listed = await readSources(etc);
  const sources = (await Promise.all(listed.map(expandMirrorList))).flat().flatMap(toDebian);
  return {
    sources,
    mirrorsOf: (archive) => [
      ...new Set(sources.filter((source) => source.archive === archive).map(({ uri }) => uri)),
    ],
    requestFor: (address) => requestFor(address, settings),
  };
}

async function readSettings(etc: string, named: AptSettings): Promise<AptSettings> {
  const parts = join(etc, "apt.conf.d");
  const names = listNames(parts).filter((name) => /^[\w-]+(\.conf)?$/.test(name));
  const files = [...names.sort().map((name) => join(parts, name)), join(etc, "apt.conf")];
  const read = await Promise.all(files.map(async (file) => parseAptSettings(await text(file))));
  return new Map([named, ...read].flatMap((settings) => [...settings]));
}

async function readSources(etc: string): Promise<AptSource[]> {
  const parts = join(etc, "sources.list.d");
  const names = listNames(parts).sort();
  const found = [parseSourcesList(await text(join(etc, "sources.list")))];
  for (const name of names) {
    if (name.endsWith(".list")) found.push(parseSourcesList(await text(join(parts, name))));
    if (name.endsWith(".sources")) found.push(parseSourcesStanzas(await text(join(parts, name))));
  }
  return found.flat();
}

/** `mirror+file:/etc/apt/mirrors/debian.list` stands for the mirrors that the file lists. */
async function expandMirrorList(source: AptSource): Promise<AptSource[]> {
  const file = /^mirror\+file:(?:\/\/)?(\/.*)$/.exec(source.uri)?.[1];
  if (file === undefined) return [source];
  const uris = (await text(file)).split("\n").map((line) => line.split(/\s/)[0] ?? "");
  return uris.map((uri) => ({ ...source, uri: uri.replace(/\/+$/, "") }));
}

function toDebian(source: AptSource): DebianSource[] {
  const isWeb = /^https?:\/\//.test(source.uri) && URL.canParse(source.uri);
  if (!isWeb || !suites.test(source.suite) || !source.components.includes("main")) return [];
  return [
    { ...source, archive: source.suite.endsWith("-security") ? "debian-security" : "debian" },
  ];
}

function requestFor(address: string, settings: AptSettings): AptRequest {
  const url = new URL(address);
  const proxy = aptProxyFor(url, settings);
  const [user, password] = [url.username, url.password].map(decodeURIComponent);
  const credentials = Buffer.from(`${user}:${password}`).toString("base64");
  const headers: Record<string, string> = user ? { authorization: `Basic ${credentials}` } : {};
  const plain = user ? address.replace(/^(https?:\/\/)[^/@]*@/, "$1") : address;
  return { url: plain, headers, ...(proxy === undefined ? {} : { proxy }) };
}

async function text(file: string): Promise<string> {
  return readSettingsFile(file);
}
