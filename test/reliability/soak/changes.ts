/** The kinds of changes of a soak. */
import { readlinkSync, rmSync, symlinkSync, truncateSync } from "node:fs";
import { askForTool, askOddly, withdraw } from "./requests.ts";
import {
  add,
  addByRename,
  addInPieces,
  change,
  moveToOther,
  remove,
  rootAway,
  toggle,
} from "./skill-changes.ts";
import type { Soak } from "./soak.ts";
import { damage, full, gc, killed, killNode, readOnly, second } from "./volume-changes.ts";

export interface Change {
  readonly kind: string;
  /** How often it is chosen, against the others. */
  readonly weight: number;
  /** How many times the watcher may say at most that something changed. */
  readonly lines: number;
  /**
   * The time until the watcher says that it noticed it is measured. It need not say so if nothing is to be
   * done for `isQuiet` ones.
   */
  readonly isSeen: boolean;
  readonly isQuiet?: boolean;
  /** The watcher is not the one from before: it compares with what that one has left. */
  readonly isRestart?: boolean;
  /** A run may fail, which is tried again: the watcher may say so. */
  readonly mayFail?: boolean;
  readonly needsRoot?: boolean;
  /** False: it is not possible now. */
  run(soak: Soak): Promise<boolean> | boolean;
}

export const changes: readonly Change[] = [
  { kind: "skill added", weight: 20, lines: 1, isSeen: true, run: add },
  { kind: "skill added in pieces", weight: 6, lines: 1, isSeen: true, run: addInPieces },
  { kind: "skill added by a rename", weight: 6, lines: 1, isSeen: true, run: addByRename },
  { kind: "skill changed", weight: 12, lines: 1, isSeen: true, run: change },
  { kind: "skill removed", weight: 14, lines: 1, isSeen: true, isQuiet: true, run: remove },
  { kind: "skill moved", weight: 4, lines: 1, isSeen: true, isQuiet: true, run: moveToOther },
  {
    kind: "directory away and back",
    weight: 3,
    lines: 2,
    isSeen: true,
    isQuiet: true,
    run: rootAway,
  },
  { kind: "openclaw.json", weight: 8, lines: 1, isSeen: true, run: toggle },
  {
    kind: "program emptied",
    weight: 3,
    lines: 1,
    isSeen: true,
    run: damage((_, target) => truncateSync(target)),
  },
  {
    kind: "program gone",
    weight: 3,
    lines: 1,
    isSeen: true,
    run: damage((_, target) => rmSync(target)),
  },
  { kind: "link gone", weight: 3, lines: 1, isSeen: true, run: damage((link) => rmSync(link)) },
  {
    kind: "link elsewhere",
    weight: 3,
    lines: 1,
    isSeen: true,
    run: damage((link) => {
      const target = readlinkSync(link);
      rmSync(link);
      symlinkSync(`${target}.no`, link);
    }),
  },
  { kind: "SIGHUP", weight: 4, lines: 1, isSeen: true, run: (soak) => soak.signal("SIGHUP") },
  { kind: "agent asks", weight: 5, lines: 1, isSeen: true, run: askForTool },
  { kind: "agent asks oddly", weight: 3, lines: 1, isSeen: true, run: askOddly },
  { kind: "agent's request gone", weight: 5, lines: 1, isSeen: true, isQuiet: true, run: withdraw },
  { kind: "gc beside it", weight: 4, lines: 1, isSeen: false, run: gc },
  {
    kind: "watcher killed",
    weight: 2,
    lines: 1,
    isSeen: false,
    isRestart: true,
    run: killed("SIGKILL"),
  },
  {
    kind: "watcher ended",
    weight: 2,
    lines: 1,
    isSeen: false,
    isRestart: true,
    run: killed("SIGTERM"),
  },
  { kind: "Node killed", weight: 2, lines: 2, isSeen: false, mayFail: true, run: killNode },
  { kind: "second watcher", weight: 2, lines: 6, isSeen: false, mayFail: true, run: second },
  {
    kind: "volume read-only and back",
    weight: 2,
    lines: 2,
    isSeen: false,
    mayFail: true,
    needsRoot: true,
    run: readOnly,
  },
  {
    kind: "disk full and free",
    weight: 2,
    lines: 2,
    isSeen: false,
    mayFail: true,
    needsRoot: true,
    run: full,
  },
];
