/** URLs that begin with `from` are asked with `to` in its place. */
export interface Mirror {
  readonly from: string;
  readonly to: string;
}

/** Reads `FROM=TO`, both with a host; undefined where it is none. */
export function parseMirror(text: string): Mirror | undefined {
  const [, from = "", to = ""] = /^(https?:\/\/.*?)=(https?:\/\/.*)$/i.exec(text.trim()) ?? [];
  return URL.canParse(from) && URL.canParse(to) ? { from, to } : undefined;
}
