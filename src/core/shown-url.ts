/** The URL for messages and records, without secrets: signed queries and `user:password@`. */
export function shownUrl(url: URL | string): string {
  const parsed = typeof url === "string" ? URL.parse(url) : url;
  if (!parsed) return "(not a URL)";
  const { protocol, host, pathname, search } = parsed;
  return `${protocol}//${host}${pathname}${search === "" ? "" : "?..."}`;
}

/** A word of the command line for messages; it may be a URL that cannot be parsed. */
export function shownWord(word: string): string {
  return word.replace(/\/\/[^/@]*@/, "//...@").replace(/\?.*$/s, "?...");
}

/** A line of text for messages, in which there may be URLs: without their passwords and queries. */
export function shownText(text: string): string {
  return text.replace(/\/\/[^/@\s]*@/g, "//...@").replace(/(:\/\/[^\s?]*)\?[^\s#]*/g, "$1?...");
}

/** Names of parameters in queries that give access: of tokens, and of signed URLs. */
const secretName =
  /token|secret|passw|pwd|signature|credential|api[-_]?key|^(x-(amz|goog)-.*|.*[-_]auth|auth(orization)?|key|sig|sas|jwt|session|sid)$/i;

/** Why a URL is a secret that all readers of a recipe would have, as the rest of a sentence; undefined if it is none. */
export function whySecret(text: string): string | undefined {
  const address = text.replace(/^git\+/, "");
  if (!URL.canParse(address)) return undefined;
  const { username, password, searchParams } = new URL(address);
  if (username !== "" || password !== "") return "holds a name or password";
  const name = [...searchParams.keys()].find((each) => secretName.test(each));
  return name === undefined ? undefined : `has ${name}= in its query, which gives access`;
}
