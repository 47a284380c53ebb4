import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ArchiveFormat } from "../../src/core/recipe.ts";
import { tarBytes, tarEntry } from "./tar-bytes.ts";

/** One archive of the hostile corpus, and what has to come of it. */
export interface Hostile {
  readonly name: string;
  readonly format: ArchiveFormat;
  bytes(): Buffer;
  readonly strip?: number;
  /** What the refusal says. Without it, the archive is unpacked. */
  readonly refused?: RegExp;
  /** What is unpacked beside `bin/tool`: `755 text` of a file, `-> target` of a link, `directory`. */
  readonly tree?: Readonly<Record<string, string>>;
  /** It has no program, so that nothing can be installed. */
  readonly bare?: boolean;
}

/** The code that an archive is refused with: what may be right and is not available here is no attack. */
export function codeOf(message: string): "unmet" | "integrity" {
  const unsupported =
    /not supported|cannot be unpacked here|encrypted|too long a path|too deep|ENAMETOO/;
  return unsupported.test(message) ? "unmet" : "integrity";
}

/** A name that no file of this machine has, for what must not be written. */
export const evil = `hostile-evil-${process.pid}`;
/** The same as an absolute path that anybody could write. */
export const evilPath = join(tmpdir(), evil);

/** The program that every archive has where it can. */
export const tool = { name: "bin/tool", body: "#!/bin/sh\necho 1.0\n", mode: 0o755 };

/** A tar with the program and what else is given. */
export function tarWith(...parts: readonly Buffer[]): Buffer {
  return tarBytes(tarEntry(tool), ...parts);
}
