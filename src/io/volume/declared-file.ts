import { join } from "node:path";
import { UserError } from "../../core/errors.ts";
import { layout } from "../../core/layout.ts";
import { type DeclaredRecord, parseDeclared } from "../../core/plan/declared.ts";
import { readPlain } from "../input.ts";

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
