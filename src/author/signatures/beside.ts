import { basename } from "node:path/posix";
import pLimit from "p-limit";
import { isNotFound, isRefusal } from "../../net/errors.ts";
import { bytesOf, digestsOf } from "./bytes.ts";
import { type SignatureContext, type Subject, wrongSignature } from "./evidence.ts";

/** Something that a maker of releases signs: the file itself, or a list of digests that names it. */
interface Signable {
  readonly url: string;
  readonly bytes: () => Promise<Buffer>;
}

/** A file beside it. */
export interface BesideFile {
  readonly of: Signable;
  readonly url: string;
  readonly text: string;
}

const atOnce = pLimit(4);

/** The files with these endings beside what may be signed. */
export async function filesBeside(
  endings: readonly string[],
  subject: Subject,
  context: SignatureContext,
): Promise<BesideFile[]> {
  const signables = await signablesOf(subject, context);
  const found = await Promise.all(
    signables.flatMap((of) =>
      endings.map(async (ending) => {
        const url = withEnding(of.url, ending);
        const isRecorded = subject.recorded.some(({ at }) => at === url);
        const text = await textAt(url, context, isRecorded);
        return text === undefined ? [] : [{ of, url, text }];
      }),
    ),
  );
  return found.flat();
}

/**
 * The text at a URL that need not be there. Pages that stand for "not found" are none. Of one that the recipe
 * records only the server's word that it is gone counts: an error must not end a check that was made before.
 */
export async function textAt(
  url: string,
  { draft, memo }: SignatureContext,
  isRecorded = false,
): Promise<string | undefined> {
  const { http, signal } = draft;
  return await memo(`text ${url} ${isRecorded}`, () =>
    atOnce(async () => {
      try {
        const { text } = await http.text(url, { isPrivate: true, hasAlternative: true, signal });
        return /^\s*</.test(text) ? undefined : text;
      } catch (error) {
        if (isNotFound(error) || (!isRecorded && isRefusal(error))) return undefined;
        throw error;
      }
    }),
  );
}

async function signablesOf(subject: Subject, context: SignatureContext): Promise<Signable[]> {
  const { source, recorded } = subject;
  const { url = "" } = source;
  const itself: Signable = { url, bytes: () => bytesOf(source, context) };
  const lists = await Promise.all(
    listNames(url).map(async (name) => {
      const list = new URL(name, url).href;
      const isRecorded = recorded.some(({ at }) => at?.startsWith(`${list}.`));
      const text = await textAt(list, context, isRecorded);
      if (text === undefined || !(await isListed(text, list, subject, context))) return [];
      return [{ url: list, bytes: async () => Buffer.from(text) }];
    }),
  );
  return [itself, ...lists.flat()];
}

/** How lists of digests are called; some have the release's name before them. */
function listNames(url: string): string[] {
  const file = basename(new URL(url).pathname);
  const release = /^(.+?[-_]v?\d+(?:\.\d+)+)/.exec(file)?.[1];
  const named = release ? [`${release}_checksums.txt`, `${release}_SHA256SUMS`] : [];
  return ["SHA256SUMS", "SHA256SUMS.txt", "SHASUMS256.txt", "checksums.txt", ...named];
}

/** True if a list names the file with its digest. Throws a UserError if it names another one. */
async function isListed(
  text: string,
  list: string,
  { source }: Subject,
  context: SignatureContext,
): Promise<boolean> {
  const { sha256 } = await digestsOf(source, context);
  const file = decodeURIComponent(basename(new URL(source.url ?? "").pathname));
  const lines = text
    .split(/\r?\n/)
    .map((line) => /^([0-9a-f]{64})\s+\*?(?:\.\/)?(\S+)$/i.exec(line));
  const hex = lines.find((line) => line?.[2] === file)?.[1]?.toLowerCase();
  if (hex === undefined || hex === sha256.hex) return hex !== undefined;
  throw wrongSignature(list, `it lists ${file} with another sha256`);
}

function withEnding(url: string, ending: string): string {
  const whole = new URL(url);
  whole.pathname += ending;
  return whole.href;
}
