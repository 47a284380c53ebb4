import { join, resolve } from "node:path";
import {
  type AptSettings,
  type AptSource,
  aptProxyFor,
  parseAptSettings,
  parseSourcesList,
  parseSourcesStanzas,
} from "../core/locks/apt.ts";
import type { DebArchive } from "../core/locks/deb-lock.ts";
import { aptLoginFor, type Login, parseLogins } from "../core/logins.ts";
import type { Env } from "../core/platform.ts";
import { listNames } from "../io/files.ts";
import { readSettingsFile } from "../io/input.ts";
import { basicHeader, urlHeaders } from "./netrc.ts";
import { isDirect } from "./no-proxy.ts";
import type { Setting } from "./setting.ts";

/**
 * The apt configuration of this machine, as far as it matters for downloading packages of Debian.
 */
export interface AptConfig {
  /** The configured mirrors, without a trailing slash; empty on other systems than Debian. */
  mirrorsOf(archive: DebArchive): readonly string[];
  /** Debian's own sources, in the order of their files. */
  readonly sources: readonly DebianSource[];
  /** The proxy and headers for a request to a mirror. */
  requestFor(url: string): AptRequest;
}

export interface DebianSource extends AptSource {
  readonly archive: DebArchive;
}

interface AptRequest {
  /** Without a name and password. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The value is a proxy's URL or `DIRECT`; absent: the environment's. */
  readonly proxy?: Setting;
}

/** Every Debian mirror has every release, so sources of other releases can be used as well. */
const suites =
  /^(bullseye|bookworm|trixie|forky|sid|stable|oldstable|oldoldstable|testing|unstable)(-security|-updates|-backports|-proposed-updates)?$/;

/** Reads apt's configuration. Absent or unreadable files count as empty. */
export async function readAptConfig(env: Env): Promise<AptConfig> {
  const named =
    env.APT_CONFIG === undefined ? new Map() : parseAptSettings(readSettingsFile(env.APT_CONFIG));
  const etc = join("/", named.get("dir::etc") ?? "etc/apt");
  const settings = readSettings(etc, named);
  const logins = readLogins(etc, settings);
  const listed = readSources(etc);
  const sources = listed.flatMap(expandMirrorList).flatMap(toDebian);
  return {
    sources,
    mirrorsOf: (archive) => [
      ...new Set(sources.filter((source) => source.archive === archive).map(({ uri }) => uri)),
    ],
    requestFor(address) {
      const request = requestFor(address, settings, logins);
      // apt applies it to its own proxy as well.
      const isPlain = request.proxy && isDirect(new URL(address), env.no_proxy ?? "");
      return isPlain ? { ...request, proxy: { name: "no_proxy", value: "DIRECT" } } : request;
    },
  };
}

function readSettings(etc: string, named: AptSettings): AptSettings {
  const parts = join(etc, "apt.conf.d");
  const names = listNames(parts).filter((name) => /^[\w-]+(\.conf)?$/.test(name));
  const files = [...names.sort().map((name) => join(parts, name)), join(etc, "apt.conf")];
  const read = files.map((file) => parseAptSettings(readSettingsFile(file)));
  return new Map([named, ...read].flatMap((settings) => [...settings]));
}

/** auth.conf, then the files of auth.conf.d by name. */
function readLogins(etc: string, settings: AptSettings): Login[] {
  const at = (name: string, usual: string): string =>
    resolve(etc, settings.get(`dir::etc::${name}`) || usual);
  const parts = at("netrcparts", "auth.conf.d");
  const names = listNames(parts).filter((name) => /^[\w.-]+\.conf$/.test(name));
  const files = [at("netrc", "auth.conf"), ...names.sort().map((name) => join(parts, name))];
  return files.flatMap((file) => parseLogins(readSettingsFile(file)));
}

function readSources(etc: string): AptSource[] {
  const parts = join(etc, "sources.list.d");
  const names = listNames(parts).sort();
  const found = [parseSourcesList(readSettingsFile(join(etc, "sources.list")))];
  for (const name of names) {
    if (name.endsWith(".list")) found.push(parseSourcesList(readSettingsFile(join(parts, name))));
    if (name.endsWith(".sources"))
      found.push(parseSourcesStanzas(readSettingsFile(join(parts, name))));
  }
  return found.flat();
}

/** `mirror+file:/etc/apt/mirrors/debian.list` means the mirrors in that file. */
function expandMirrorList(source: AptSource): AptSource[] {
  const file = /^mirror\+file:(?:\/\/)?(\/.*)$/.exec(source.uri)?.[1];
  if (file === undefined) return [source];
  const uris = readSettingsFile(file)
    .split("\n")
    .map((line) => line.split(/\s/)[0] ?? "");
  return uris.map((uri) => ({ ...source, uri: uri.replace(/\/+$/, "") }));
}

function toDebian(source: AptSource): DebianSource[] {
  const isWeb = /^https?:\/\//.test(source.uri) && URL.canParse(source.uri);
  if (!isWeb || !suites.test(source.suite) || !source.components.includes("main")) return [];
  return [
    { ...source, archive: source.suite.endsWith("-security") ? "debian-security" : "debian" },
  ];
}

function requestFor(address: string, settings: AptSettings, logins: readonly Login[]): AptRequest {
  const url = new URL(address);
  const proxy = aptProxyFor(url, settings);
  const login = url.username === "" ? aptLoginFor(url, logins) : undefined;
  const headers = login ? basicHeader(login.login, login.password ?? "") : urlHeaders(url);
  const plain = address.replace(/^(https?:\/\/)[^/@]*@/, "$1");
  return { url: plain, headers, ...(proxy === undefined ? {} : { proxy }) };
}
