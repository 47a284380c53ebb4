import { type Digest, parseHexDigest } from "../../core/digest.ts";
import { type SharedCause, UserError } from "../../core/errors.ts";
import { parseWheelName } from "../../core/locks/wheel-tags.ts";
import type { LockedWheel } from "../../core/recipe.ts";
import { shownUrl } from "../../core/shown-url.ts";
import type { Download } from "../../net/download.ts";
import { HurriedError, isNotFound } from "../../net/errors.ts";
import type { Http } from "../../net/http.ts";
import type { PipConfig } from "../../net/pip-config.ts";
import { pageInstead } from "../../net/web-page.ts";
import { fetchInTurn } from "../in-turn.ts";
import { copyWheel, filesHere, hashWheel, isWheel, linkTo } from "./links.ts";
import { type IndexFile, isOtherPage, parsePage } from "./page.ts";

export type { IndexFile } from "./page.ts";

/** The package indexes in the configuration of pip. */
export interface PythonIndexes {
  readonly http: Http;
  readonly pip: PipConfig;
  /** The index that pip uses first, unless the configuration replaces it. */
  readonly defaultIndex?: string;
}

/** A wheel and its digest; `size` in bytes, if it is known. */
type PinnedWheel = Pick<LockedWheel, "name" | "file" | "digest"> & { readonly size?: number };

export interface WheelRequest extends PythonIndexes {
  readonly wheel: PinnedWheel;
  /** Absolute. */
  readonly file: string;
  readonly hasAlternative?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((received: number) => void) | undefined;
}

/** A page, directory or file in pip's settings. */
interface Place {
  readonly url: URL;
  readonly isLink: boolean;
}

/**
 * Downloads a wheel from the first configured location that has it. A location that is down,
 * refuses, or lacks this file or has other bytes is skipped. Any source is acceptable, because the
 * pinned digest is verified. Throws a UserError that says why each location failed.
 */
export async function downloadWheel(request: WheelRequest): Promise<Download> {
  const { wheel, hasAlternative = false } = request;
  return await fetchInTurn(
    placesOf(wheel.name, request),
    request,
    (place, isHasty) => downloadFrom(place, { ...request, hasAlternative: isHasty }),
    (errors) => {
      const error = nowhere(wheel.file, errors);
      const isHurried = hasAlternative && errors.some((each) => each instanceof HurriedError);
      return isHurried ? new HurriedError(error) : error;
    },
  );
}

/**
 * The files of a package that all locations list together. Throws a UserError with the reasons if
 * there are none.
 */
export async function listFiles(name: string, from: PythonIndexes): Promise<readonly IndexFile[]> {
  const errors: UserError[] = [];
  const files: IndexFile[] = [];
  for (const place of placesOf(name, from)) {
    try {
      const found = (await filesAt(place, from)).filter((file) => isOf(file, name));
      if (found.length === 0) errors.push(notListed(place, name));
      files.push(...found);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      errors.push(error);
    }
  }
  if (files.length > 0) return files;
  throw nowhere(name, errors);
}

/** Fetches a listed file, verified if its digest is listed, and returns its digest. */
export async function fetchListed(
  { url, sha256 }: IndexFile,
  { http, pip }: PythonIndexes,
  file: string,
): Promise<{ readonly sha256: Digest; readonly size: number }> {
  const digest = parseHexDigest("sha256", sha256 ?? "");
  if (url.startsWith("file:")) return await hashWheel(new URL(url), file);
  const request = { url, headers: pip.headersFor(url), ...pip.through, file };
  if (!digest) return await http.hashDownload(request);
  const { size } = await http.download({ ...request, digest });
  return { sha256: digest, size };
}

/** A directory of wheels has those of all packages. */
function isOf(file: IndexFile, name: string): boolean {
  const wheel = parseWheelName(file.name);
  return wheel === undefined ? !file.name.endsWith(".whl") : wheel.name === name;
}

function placesOf(name: string, { pip, defaultIndex }: PythonIndexes): Place[] {
  const indexes = [...(defaultIndex === undefined ? [] : [defaultIndex]), ...pip.indexes];
  return [
    ...pip.findLinks.map((link) => ({ url: new URL(link), isLink: true })),
    ...indexes.map((index) => ({ url: new URL(`${index}${name}/`), isLink: false })),
  ];
}

async function downloadFrom(place: Place, request: WheelRequest): Promise<Download> {
  const { wheel, file, http, pip, hasAlternative = false, signal, onProgress } = request;
  const { digest, size } = wheel;
  let failure = notListed(place, wheel.file);
  for (const { url } of candidates(wheel, await filesAt(place, request))) {
    try {
      if (url.startsWith("file:")) return await copyWheel(new URL(url), wheel, file);
      return await http.download({
        ...{ url, headers: pip.headersFor(url), ...pip.through },
        ...{ file, digest, size, hasAlternative, signal, onProgress },
      });
    } catch (error) {
      if (!(error instanceof UserError) || signal?.aborted) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** Files that may be the wheel, most likely first. */
function candidates(wheel: PinnedWheel, files: readonly IndexFile[]): IndexFile[] {
  const same = files.filter(({ sha256 }) => sha256 === wheel.digest.hex);
  const named = files.filter((file) => !same.includes(file) && isSameName(file.name, wheel.file));
  // A file with another listed digest is tried last, and reported.
  const [others, open] = [true, false].map((has) =>
    named.filter(({ sha256 }) => (sha256 !== undefined) === has),
  );
  return [...same, ...(open ?? []), ...(others ?? [])];
}

/** Some indexes list a file under its normalized name. */
function isSameName(one: string, other: string): boolean {
  const [a, b] = [one, other].map((name) => JSON.stringify(parseWheelName(name))?.toLowerCase());
  return one === other || (a !== undefined && a === b);
}

const accept =
  "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.2, text/html; q=0.1";

/** The files that a location lists. Throws a UserError if it sends a web page that is no list. */
async function filesAt(
  { url, isLink }: Place,
  { http, pip, ...more }: PythonIndexes & Partial<WheelRequest>,
): Promise<IndexFile[]> {
  if (url.protocol === "file:") return await filesHere(url, isLink);
  if (isLink && isWheel(url)) return await parsePage(linkTo(url));
  const { hasAlternative = false, signal } = more;
  const headers = { accept, ...pip.headersFor(url.href) };
  const page = await http.text(url.href, { headers, ...pip.through, hasAlternative, signal });
  const files = await parsePage(page);
  if (isOtherPage(page.text, files)) throw pageInstead(page.url, "a list of files");
  return files;
}

function notListed({ url }: Place, what: string): UserError {
  return new UserError("E_NOT_LISTED", `${shownUrl(url)} does not list ${what}`);
}

/** The error if no location served the file; wrong bytes are always reported. */
function nowhere(what: string, errors: readonly UserError[]): UserError {
  const [
    first = new UserError("E_NO_REGISTRY", `no Python index is configured for ${what}`),
    ...others
  ] = errors;
  if (others.length === 0 && !isNotFound(first)) return first;
  // Whether it exists is not known while one location has not answered.
  const isAbsent = (error: UserError) => error.problem === "E_NOT_LISTED" || isNotFound(error);
  const isWrong = ({ kind }: UserError) => kind === "integrity";
  const main = errors.find(isWrong) ?? errors.find((error) => !isAbsent(error)) ?? first;
  const told = [main, ...errors].find(({ kind, shared }) => kind === "integrity" || shared);
  const reasons = [...new Set(errors.map(({ message }) => message))].join("; ");
  const shared = sharedBy(errors);
  return new UserError(main.problem, `no Python index has ${what}: ${reasons}`, {
    hint: told?.hint ?? `${main.hint} \`pip config list\` shows which are asked.`,
    shared,
  });
}

/**
 * The common cause, if all errors have one that does not concern only this file, such as hosts that
 * are down.
 */
function sharedBy(errors: readonly UserError[]): SharedCause | undefined {
  const causes = new Map<string, string>();
  for (const { shared } of errors) {
    if (!shared) return undefined;
    causes.set(shared.key, shared.message);
  }
  return { key: [...causes.keys()].join(" "), message: [...causes.values()].join("; ") };
}
