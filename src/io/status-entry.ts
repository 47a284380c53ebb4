import { chmodSync, lstatSync } from "node:fs";
import { join } from "node:path";
import * as v from "@badrap/valita";
import { sha256Hex } from "../core/digest.ts";
import { orNothing, writeAtomically } from "./files.ts";
import { type ReadFile, tryRead } from "./input.ts";

/*
 * OpenClaw 2026.9.6 lists the skills in prompts of sandboxed sessions again only after a change below `skills` in
 * openclaw.json. Its owner may include this file there, as the entry of the status skill: then nothing of the
 * owner's is written, and a gateway watches what is included.
 */

const ours = v.object({ config: v.object({ programs: v.string() }).optional() });

/**
 * Writes the key of the status skill into the entry, as the user with the uid `user`; returns what the file
 * is now. Undefined where the owner has made no such file, or one
 * with other content or of another user, which stays as it is: a gateway that cannot read it does not start.
 * Throws a UserError if the disk does not allow it.
 */
export async function renewStatusEntry(
  state: string,
  key: string,
  user: number,
): Promise<ReadFile | undefined> {
  const path = join(state, "skill-deps.json");
  const text = tryRead(path, { maxBytes: 4096, noLink: true }).bytes?.toString("utf8");
  if (text === undefined) return undefined;
  const found = orNothing(() => ours.parse(JSON.parse(text)));
  if (!found || found.config?.programs === key) return undefined;
  const { uid, mode } = lstatSync(path);
  if (uid !== user) return undefined;
  const next = `${JSON.stringify({ config: { programs: key } })}\n`;
  await writeAtomically(path, next, { durable: false });
  chmodSync(path, mode & 0o777); // whatever the umask
  return { path, sha256: sha256Hex(next) };
}
