/** A word of the entrypoint's view: `LENGTH:WORD,`, its length in bytes. */
const lengthOfWord = /^(\d+):/;

/**
 * The view that this command would have if its package lay in another directory; undefined where the line is
 * none that the entrypoint writes (`describe_view`): `1 PLATFORM REQUEST WORDS`, where REQUEST is words
 * too, and the first two of WORDS are the volume and the package.
 */
export function viewOfPackage(packageDir: string, view: string): string | undefined {
  const bytes = Buffer.from(view);
  const head = /^1 \S* /.exec(view)?.[0];
  if (head === undefined) return undefined;
  let at: number | undefined = head.length;
  while (at !== undefined && bytes[at] !== space) at = endOfWord(bytes, at);
  const start = at && endOfWord(bytes, at + 1);
  const end = start && endOfWord(bytes, start);
  if (start === undefined || end === undefined) return undefined;
  const word = `${Buffer.byteLength(packageDir)}:${packageDir},`;
  return `${bytes.subarray(0, start)}${word}${bytes.subarray(end)}`;
}

const space = " ".charCodeAt(0);

function endOfWord(bytes: Buffer, start: number): number | undefined {
  const [digits, length] = lengthOfWord.exec(bytes.toString("latin1", start, start + 10)) ?? [];
  const end = start + (digits?.length ?? 0) + Number(length) + 1;
  return digits !== undefined && bytes[end - 1] === ",".charCodeAt(0) ? end : undefined;
}
