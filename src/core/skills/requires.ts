import { asFields, type Fields, textList } from "../values.ts";

/** What decides whether a skill can be used here, as OpenClaw 2026.9.6 reads it. */
export interface Requires {
  /** Node's platform names; empty: all. */
  readonly os: readonly string[];
  /** As written: OpenClaw does not check names, so see `hostileBins` before use. */
  readonly bins: readonly string[];
  readonly anyBins: readonly string[];
}

/** The part of a skill's metadata that OpenClaw uses: the first object counts, even if it is empty. */
export function manifestIn(metadata: Fields | undefined): Fields | undefined {
  return asFields(metadata?.openclaw) ?? asFields(metadata?.clawdbot);
}

export function requiresOf(manifest: Fields | undefined): Requires {
  const requires = asFields(manifest?.requires);
  return {
    os: textList(manifest?.os),
    bins: textList(requires?.bins),
    anyBins: textList(requires?.anyBins),
  };
}
