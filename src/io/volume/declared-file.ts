import { join } from "node:path";
import { sha256Hex } from "../../core/digest.ts";
import { UserError } from "../../core/errors.ts";
import { layout } from "../../core/layout.ts";
import { type DeclaredRecord, parseDeclared } from "../../core/plan/declared.ts";
import { readInput, readPlain } from "../input.ts";

/** Our records are smaller (bytes). */
const maxRecord = 64 * 1024 * 1024;

/**
 * The results of declarations in a volume. Throws a UserError (`volume`) if the record is damaged.
 */
export async function readDeclared(prefix: string): Promise<DeclaredRecord> {
  const text = readPlain(join(prefix, layout.declared), maxRecord);
  if (text === undefined) return { schema: 1, tools: {} };
  const record = parseDeclared(text);
  if (record) return record;
  throw new UserError(
    "E_DECLARED_RECORD",
    `${join(prefix, layout.declared)} is not a valid record`,
  );
}

/** Pins that the operator names. Throws a UserError (`config`) if the file cannot be read or is not a record. */
export function readReviewed(file: string): { record: DeclaredRecord; sha256: string } {
  const bytes = readInput(file, { maxBytes: maxRecord });
  const record = parseDeclared(bytes.toString("utf8"));
  if (record) return { record, sha256: sha256Hex(bytes) };
  throw new UserError("E_INPUT", `${file} is not a record of declarations`, {
    hint: `Give a copy of a volume's ${layout.declared}.`,
  });
}
