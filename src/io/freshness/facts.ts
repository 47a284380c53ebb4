import type { VerifiedRecord } from "../../core/manifest.ts";
import type { ReadFile } from "../input.ts";

/**
 * What a finished run saw, for the sh entrypoint, which answers the next run alone while nothing has
 * changed. A record is a directory of the volume's `share/openclaw-skill-deps/freshness/`, published by
 * rename and never changed. Its name is `LENGTH-DIGEST-COUNT-TOKEN` for one view (its bytes, the
 * beginning of its sha256, the number of programs), or `any-PLATFORM-COUNT-TOKEN` for hosts that have
 * the same skills at other paths. The entrypoint itself makes the lists (`--print-lists`), so that both
 * compare the same text. In a record:
 *
 *   programs/  links to manifest.json and all programs of the volume; relative, so that they stay
 *              valid in a copy of the volume
 *   trees/     links to the directories of the volume in which every file counts
 *   watch/     links to the other inputs: SKILL.md, directories, openclaw.json, recipes; a dangling
 *              link means a file that must not exist
 *   system/    a file for each program that was found on PATH, outside the volume
 *   files/ roots/ listed/  links to files, to directories that are searched for SKILL.md, and to
 *              directories in which every file counts
 *   names/     a link to the directory in which agents ask for tools: only the names in it count
 *   catalogue.json  (`any-` only) a link to the catalogue of `--catalogue`, if there is one; `spec` has the
 *              words that name it
 *   dependencies  exists if files by which skills declare libraries count, wherever they are in roots/
 *   for-watch  exists if the next run must start Node all the same, because this one failed, printed
 *              events, or left a request for later (then it is not empty): then the record only tells a
 *              watcher what the run depended on
 *   unmet      `NAME: why` for programs that this host can never provide
 *   seen       view, system; `MODE SIZE CHANGED NAME` of programs/; the same of watch/, with   } only
 *              the modification time after CHANGED                                             } if it
 *   all        the same, and of every file below trees/                                        } proves
 *   volume     of programs/ and trees/ only                                                    } content
 *   by-stat    exists if find cannot print these lists, but stat can
 *   by-content exists if metadata prove nothing, so that each start reads every byte
 *   digests    (`any-` only) the contents of trees/ as published: `HASH  PATH` of files, `x PATH` of
 *              executables, `d PATH`, `l 'PATH' -> 'TARGET'`
 *   sizes      `SIZE NAME` of programs/
 *   content    view, system; `HASH  PATH` of the targets of files/, roots/ and listed/, and of the
 *              names in those of names/
 *   satisfied  (`any-` only) `HASH NAME…`: a SKILL.md and the programs that it requires; lines without
 *              names are for the catalogue and the manifest
 *
 * No inodes: many file systems renumber files at each mount, or at each call. Times are enough: a file
 * that is renamed over another one gets a new change time on most file systems, and its directory,
 * which is listed too, on all.
 *
 * Links, because sh passes the names in a directory to a program without reading a list, which would
 * cost a system call per byte or another process.
 */
export interface FreshnessFacts {
  readonly prefix: string;
  /** The sh script that started this run; absolute. */
  readonly entrypoint: string;
  /** PATH, on which it finds find, stat and sha256sum. */
  readonly path: string;
  /** The line that it passed in OPENCLAW_SKILL_DEPS_VIEW. */
  readonly view: string;
  /** Other views for which all of this holds too: some inputs have another path, and the same contents. */
  readonly others?: readonly Pick<FreshnessFacts, "view" | "inputs">[];
  /** Directories in which a new SKILL.md would count; they may not exist yet. */
  readonly roots: readonly string[];
  /**
   * Every SKILL.md, openclaw.json, .env, catalogue and recipe file that was read; `sha256` is empty
   * if it could not be read.
   */
  readonly inputs: readonly Input[];
  /** The catalogue of `--catalogue`, and its words as the entrypoint knows them. */
  readonly catalogue?: { readonly sha256: string; readonly words: string } | undefined;
  /** Files that would change the result if they existed. */
  readonly absent: readonly string[];
  /** Every directory that was listed. In those outside the roots (recipes) every file counts. */
  readonly directories: readonly string[];
  /**
   * Directories in which only the names of files count. Their contents are not compared, so that a
   * record with such directories holds only while metadata are the same.
   */
  readonly listings?: readonly string[];
  /**
   * Included in `inputs` and `directories`: dependency files and scripts of skills, and the directories in which more
   * would count. Without any, these files do not count.
   */
  readonly dependencies?: {
    readonly files: readonly ReadFile[];
    readonly directories: readonly string[];
  };
  /** `bin/NAME` and the program that it starts, relative to the prefix, with their bytes. */
  readonly programs: readonly { path: string; size: number }[];
  /**
   * False if timestamps prove nothing about the volume's files: their contents are compared then.
   */
  readonly timesProve: boolean;
  /** Names of programs that are damaged, and stay so because nothing requires them: a skill that does is not satisfied. */
  readonly broken: readonly string[];
  /** Tools that the run left whole and linked. There is no record if one is not so any more. */
  readonly tools: readonly VerifiedRecord[];
  /** Directories of the volume in which no file may change, relative to the prefix. */
  readonly trees: readonly string[];
  /** Names of required programs that were found outside the volume. */
  readonly system: readonly string[];
  /**
   * The directory in which agents ask for tools, the requests that the run saw there, and whether one of
   * them waits for a later run.
   */
  readonly requests?:
    | { readonly dir: string; readonly names: readonly string[]; readonly isWaiting: boolean }
    | undefined;
  /** The run failed or printed events: the record only tells a watcher what it depended on. */
  readonly isForWatch: boolean;
  /** sha256 of each SKILL.md whose requirements are met. */
  readonly satisfied: readonly string[];
  /** sha256 of the status skill, which OpenClaw copies into sandboxes, too; undefined if there is none. */
  readonly status?: string | undefined;
  /** `NAME: why`, one line each. */
  readonly unmet: readonly string[];
}

export interface Input extends ReadFile {
  /** It is a SKILL.md. */
  readonly skill: boolean;
}

/** The disk has changed during the run, or a record cannot represent it. */
export class Unrecordable extends Error {}
