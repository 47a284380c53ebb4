import { basename } from "node:path/posix";
import pLimit from "p-limit";
import { describeError, UserError } from "../../core/errors.ts";
import { shownUrl } from "../../core/shown-url.ts";
import { hostCause, isNotFound } from "../../net/errors.ts";
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

/** The signatures of one kind, as files. */
interface Looks {
  /** What is behind the name of the signed file. */
  readonly endings: readonly string[];
  /** What is wrong with another file of that name, as the rest of a sentence; undefined for a signature. */
  readonly whyNot: (text: string, url: string) => string | undefined;
}

/** The signatures beside what may be signed. */
export async function signaturesBeside(
  { endings, whyNot }: Looks,
  subject: Subject,
  context: SignatureContext,
): Promise<BesideFile[]> {
  const files = await filesBeside(endings, subject, context);
  return files.filter(({ url, text }) => {
    const why = whyNot(text, url);
    if (why === undefined) return true;
    if (isRecorded(subject, url)) throw wrongSignature(url, `it ${why}`);
    context.doubt({ why: `a file of ${new URL(url).host} ${why}`, at: shownUrl(url) });
    return false;
  });
}

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
        const text = await textAt(url, context, isRecorded(subject, url));
        return text === undefined ? [] : [{ of, url, text }];
      }),
    ),
  );
  return found.flat();
}

const isRecorded = ({ recorded }: Subject, url: string): boolean =>
  recorded.some(({ at }) => at === url);

/**
 * The text at a URL that need not be there. Of one that the recipe records only the server's word that it is gone
 * counts: neither an error nor a web page may end a check that was made before. Where none is recorded, both are
 * a doubt; a server that denies access may just not say what it does not have.
 */
export async function textAt(
  url: string,
  { draft, memo, doubt }: SignatureContext,
  isRecorded = false,
): Promise<string | undefined> {
  const { http, signal } = draft;
  return await memo(`text ${url} ${isRecorded}`, () =>
    atOnce(async () => {
      try {
        const { text } = await http.text(url, { isPrivate: true, hasAlternative: true, signal });
        if (!/^\s*</.test(text)) return text;
        throw new UserError("E_WEB_PAGE", `${shownUrl(url)} is a web page`, {
          shared: hostCause(new URL(url).host, "answered with a web page"),
        });
      } catch (error) {
        if (isNotFound(error)) return undefined;
        if (isRecorded || !(error instanceof UserError)) throw error;
        if (!isDenied(error)) doubt({ why: whyDoubted(error), at: shownUrl(url) });
        return undefined;
      }
    }),
  );
}

/** For a doubt: what the server did, whatever the file is. */
export function whyDoubted(error: UserError): string {
  return error.shared?.message ?? describeError(error);
}

/** True if the server refuses to say: many do so instead of "not found". */
const isDenied = ({ problem }: UserError): boolean =>
  problem === "E_HTTP_FORBIDDEN" || problem === "E_HTTP_STATUS";

async function signablesOf(subject: Subject, context: SignatureContext): Promise<Signable[]> {
  const { source, recorded } = subject;
  const { url = "" } = source;
  const itself: Signable = { url, bytes: () => bytesOf(source, context) };
  const lists = await Promise.all(
    listNames(url).map(async (name) => {
      const list = new URL(name, url).href;
      const hadOne = recorded.some(({ at }) => at?.startsWith(`${list}.`));
      const text = await textAt(list, context, hadOne);
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
