import { isToolName, isVersion } from "../core/names.ts";
import type { Arch } from "../core/platform.ts";

/** What a release's URL implies; absent if it does not. */
export interface ReleaseName {
  readonly name?: string;
  readonly version?: string;
  readonly arch?: Arch;
  readonly homepage?: string;
}

const arches: readonly (readonly [RegExp, Arch])[] = [
  [/(^|[^a-z0-9])(x86[_-]?64|amd64|x64|linux64|64bit)([^a-z0-9]|$)/i, "x64"],
  [/(^|[^a-z0-9])(aarch64|arm64|armv8)([^a-z0-9]|$)/i, "arm64"],
];
const versions =
  /(?:^|[^0-9a-z.])v?(\d+(?:\.\d+)+(?:-?(?:alpha|beta|rc|pre)[.-]?\d*)?[a-z]?)(?![0-9])/i;
/** The end of the program's name in a file name: `gh` in `gh_2.97.0_linux_amd64.tar.gz`. */
const tail =
  /[._-](?:v?\d+(?:\.\d+)+.*|linux.*|x86[_-]?64.*|amd64.*|x64.*|aarch64.*|arm64.*|musl.*|unknown.*|static.*)$/i;
const packed = /\.(?:tar(?:\.\w+)?|tgz|txz|tbz2?|tzst|zip|gz|bz2)$/i;

/** Parses a release's URL by guessing; an author reviews the result. */
export function readReleaseName(address: string): ReleaseName {
  const url = new URL(address);
  const segments = decodeURIComponent(url.pathname).split("/").filter(Boolean);
  const file = segments.at(-1) ?? "";
  const name = file.replace(packed, "").replace(tail, "").toLowerCase();
  const version = [file, ...segments.slice(0, -1).reverse()]
    .map((segment) => versions.exec(segment.replace(packed, ""))?.[1])
    .find((found) => found !== undefined && isVersion(found));
  const arch = arches.find(([pattern]) => pattern.test(url.pathname))?.[1];
  const [owner, repository] = segments;
  const isForge = segments.includes("releases") && owner !== undefined && repository !== undefined;
  return {
    ...(isToolName(name) && { name }),
    ...(version !== undefined && { version }),
    ...(arch !== undefined && { arch }),
    ...(isForge &&
      url.protocol === "https:" && { homepage: `${url.origin}/${owner}/${repository}` }),
  };
}
