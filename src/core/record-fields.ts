import * as v from "@badrap/valita";

/*
 * Fields of the records that this program writes for itself and reads at every start. They are checked by valita,
 * because zod, which checks what authors and users write, takes a tenth of a run that has nothing to do.
 */

/**
 * How a record of the volume is read: fields that a later version adds, anywhere in it, are kept. An older command
 * that refused them would lose the record.
 */
export const keepingUnknown = { mode: "passthrough" } as const;

export const text = (is: (value: string) => boolean, what: string) => v.string().assert(is, what);

export const matching = (pattern: RegExp) =>
  text((value) => pattern.test(value), `does not match ${pattern}`);

export const integer = v.number().assert(Number.isSafeInteger, "is not an integer");

export const count = v
  .number()
  .assert((value) => Number.isSafeInteger(value) && value >= 0, "is negative, or not an integer");

/** An object with a value of this type for each name. */
export const named = <T extends v.Type>(isName: (name: string) => boolean, type: T) =>
  v.record(type).assert((all) => Object.keys(all).every(isName), "has a name that is not allowed");
