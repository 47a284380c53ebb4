/** A word of the entrypoint's view: `LENGTH:WORD,`, its length in bytes. */
const lengthOfWord = /^(\d+):/;

/**
 * The view with one more word. `following`: what the entrypoint writes after it, in its order, if it exists: a word,
 * or any number of words of a kind. Undefined where the line is no view.
 */
export function viewWithWord(
  view: string,
  added: string,
  following: readonly (string | ((word: string) => boolean))[],
): string | undefined {
  const bytes = Buffer.from(view);
  const starts = startsOfWords(bytes);
  if (starts === undefined) return undefined;
  const wordAt = (i: number): string => {
    const text = `${bytes.subarray(starts[i], starts[i + 1])}`;
    return text.slice(text.indexOf(":") + 1, -1);
  };
  let next = starts.length - 1;
  for (const expected of following.toReversed()) {
    if (typeof expected === "string") next -= Number(next > 0 && wordAt(next - 1) === expected);
    else while (next > 0 && expected(wordAt(next - 1))) next -= 1;
  }
  const at = starts[next];
  return `${bytes.subarray(0, at)}${asWord(added)}${bytes.subarray(at)}`;
}

/** Where each of WORDS starts, and where the last one ends. */
function startsOfWords(bytes: Buffer): number[] | undefined {
  let at = endOfRequest(bytes);
  const starts: number[] = [];
  while (at !== undefined) {
    starts.push(at);
    if (at === bytes.length) return starts;
    at = endOfWord(bytes, at);
  }
  return undefined;
}

/**
 * The view that this command would have if its package lay in another directory; undefined where the line is
 * none that the entrypoint writes (`describe_view`): `1 PLATFORM REQUEST WORDS`, where REQUEST is words
 * too, and the first two of WORDS are the volume and the package.
 */
export function viewOfPackage(packageDir: string, view: string): string | undefined {
  const bytes = Buffer.from(view);
  const first = endOfRequest(bytes);
  const start = first && endOfWord(bytes, first);
  const end = start && endOfWord(bytes, start);
  if (start === undefined || end === undefined) return undefined;
  return `${bytes.subarray(0, start)}${asWord(packageDir)}${bytes.subarray(end)}`;
}

/** Where WORDS begin. */
function endOfRequest(bytes: Buffer): number | undefined {
  let at: number | undefined = /^1 \S* /.exec(bytes.toString("latin1"))?.[0].length;
  while (at !== undefined && bytes[at] !== space) at = endOfWord(bytes, at);
  return at && at + 1;
}

const asWord = (text: string): string => `${Buffer.byteLength(text)}:${text},`;

const space = " ".charCodeAt(0);

function endOfWord(bytes: Buffer, start: number): number | undefined {
  const [digits, length] = lengthOfWord.exec(bytes.toString("latin1", start, start + 10)) ?? [];
  const end = start + (digits?.length ?? 0) + Number(length) + 1;
  return digits !== undefined && bytes[end - 1] === ",".charCodeAt(0) ? end : undefined;
}
