/** In URLs that begin with `from`, that prefix is replaced by `to`. */
export interface Mirror {
  readonly from: string;
  readonly to: string;
}

/** Reads `FROM=TO`, both with a host; undefined if it is not valid. */
export function parseMirror(text: string): Mirror | undefined {
  const [, from = "", to = ""] = /^(https?:\/\/.*?)=(https?:\/\/.*)$/i.exec(text.trim()) ?? [];
  return URL.canParse(from) && URL.canParse(to) ? { from, to } : undefined;
}
