/**
 * What a finished run saw, for the sh entrypoint, which answers the next run alone while all of it
 * still holds. A record is a directory of the volume's `share/openclaw-skill-deps/steady/`, published
 * by rename and never changed. Its name is `LENGTH-DIGEST-COUNT-TOKEN` for one view (its bytes, its
 * sha256's beginning, how many programs are counted), or `any-PLATFORM-COUNT-TOKEN` for places that
 * see the same skills elsewhere. What we list, the entrypoint itself lists (`--look`), so that both
 * see the same. In a record:
 *
 *   programs/  links to manifest.json and all programs of the volume; relative ones, so that a copy of
 *              the volume has them too
 *   trees/     links to the directories of the volume whose every file counts
 *   watch/     links to what else decides: SKILL.md, directories, openclaw.json, recipes; one that
 *              dangles stands for what must not be there
 *   system/    a file for each program that is found on PATH, outside the volume
 *   files/ roots/ listed/  links to files, to directories that are searched for SKILL.md, and to
 *              directories whose every file counts
 *   unmet      `NAME: why` of what this place can never provide
 *   seen       view, system; `MODE SIZE CHANGED NAME` of programs/, and with the time of    } only
 *              modification behind CHANGED, of watch/                                       } where
 *   all        the same, and of every file below trees/                                     } that
 *   volume     of programs/ and trees/ only                                                 } proves
 *                                                                                           } content
 *   by-stat    there where find cannot print these lists, and stat does
 *   by-content there where metadata prove nothing, and every byte is read at each start
 *   digests    (`any-` only) what trees/ hold: `HASH  PATH` of files, `x PATH` of what can be
 *              executed, `d PATH`, `l 'PATH' -> 'TARGET'`; as they were published
 *   sizes      `SIZE NAME` of programs/
 *   content    view, system; `HASH  PATH` of what files/, roots/ and listed/ lead to
 *   settled    (`any-` only) `HASH NAME…`: a SKILL.md and the programs that it asks for; lines without
 *              names are the catalogue's and the manifest's
 *
 * No inodes: many file systems number files anew at each mount, or at each call. They would tell nothing
 * that these times do not: what is moved over another file gets a new change time on most file systems,
 * and its directory, which is listed too, on all.
 *
 * Links, because sh hands the names in a directory to a program without reading a list, which would
 * cost it a system call per byte or another process.
 */
export interface FreshnessFacts {
  readonly prefix: string;
  /** The sh script that asked; absolute. */
  readonly entrypoint: string;
  /** PATH, on which it finds find, stat and sha256sum. */
  readonly path: string;
  /** The line that it gave in OPENCLAW_SKILL_DEPS_VIEW. */
  readonly view: string;
  /** Directories in which a new SKILL.md would count; they need not exist yet. */
  readonly roots: readonly string[];
  /** Every SKILL.md, openclaw.json, .env, catalogue and recipe file that was read; `sha256` is empty where it could not be. */
  readonly inputs: readonly Input[];
  /** Files that would decide something if they existed. */
  readonly absent: readonly string[];
  /** Every directory that was listed. Of those outside the roots (recipes) every file counts. */
  readonly directories: readonly string[];
  /** `bin/NAME` and what it starts, relative to the prefix, with their bytes. */
  readonly programs: readonly { path: string; size: number }[];
  /** False where times prove nothing about the volume's files: their bytes are compared then. */
  readonly timesProve: boolean;
  /** Directories of the volume in which no file may change, relative to the prefix. */
  readonly trees: readonly string[];
  /** Names of required programs that were found outside the volume. */
  readonly system: readonly string[];
  /** sha256 of each SKILL.md whose requirements hold. */
  readonly satisfied: readonly string[];
  /** `NAME: why`, one line each. */
  readonly unmet: readonly string[];
}

interface Input {
  readonly path: string;
  readonly sha256: string;
  readonly skill: boolean;
}

/** The disk is not what the run saw, or cannot be told by a record. */
export class Unrecordable extends Error {}
