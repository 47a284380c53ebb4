/** Keys and signatures that minisign 0.11 itself has made. */
import { expect, test } from "vitest";
import { parseMinisignKey, verifyMinisign } from "../../src/core/minisign.ts";

const line = "RWSn9Fh79Jiu8iT7li71PJNnElVwWD9UBuSmipS0cPN3UwhBcx85LV4a";
const keyFile = `untrusted comment: minisign public key F2AE98F47B58F4A7\n${line}\n`;
const content = Buffer.from("a catalogue\n");
/** Of the BLAKE2b-512, as minisign -S writes it. */
const hashed = `untrusted comment: signature from minisign secret key
RUSn9Fh79Jiu8s6DrCseIg7nd5NY5nk0fBxqmIZvZ7gaQ7Y3JMBs95hauFalSfjfDVjHyFpDZiEfINFaLAfzvDP/0M/STml7Zgo=
trusted comment: timestamp:1796028153\tfile:c.txt\thashed
HZxBqqm2RCF+/pWgJv6b/q/CEBuMUPwCREVortlpL5+zxd/qE3cAJ61rZUG+a5NOeLRgy2cSJaPqjFyM71f0Aw==
`;
/** Of the file itself: minisign -S -l, and older versions. */
const whole = `untrusted comment: signature from minisign secret key
RWSn9Fh79Jiu8rXtBhAsLJc+6R0V5ddhMwCoRRXvD7IOEsNMBNux6kWqD7DU3+11kxWPf0jwmzcICKlkYGdiH2vD3qTRI1pAhQc=
trusted comment: timestamp:1796028153\tfile:c.txt
kGdN5OLuaGy4woTOZRZez0CQe4AxNl04O0OM0SXrXqi+F3aONohZ5vJ8VOZyNJs5Ka5CwI8h52Beb9Y5t189AQ==
`;

function keyOf(text: string) {
  const key = parseMinisignKey(text);
  if (!key) throw new Error("no key");
  return key;
}

test("a key is a file or its second line, and has minisign's id", () => {
  expect(keyOf(keyFile)).toEqual(keyOf(line));
  expect(keyOf(line).id).toBe("F2AE98F47B58F4A7");
  for (const text of ["", "RW", line.slice(0, -4), line.replace("RW", "RU"), `${line}AAAA`]) {
    expect(parseMinisignKey(text), text).toBeUndefined();
  }
});

test.each([
  ["of the hash", hashed],
  ["of the file", whole],
  ["with the line ends of Windows", hashed.replaceAll("\n", "\r\n")],
])("a signature %s is valid, and says when it was made", (_what, signature) => {
  expect(verifyMinisign(content, signature, keyOf(line))).toEqual({ time: 1_796_028_153 });
});

test.each([
  ["other content", hashed, Buffer.from("another\n"), "does not belong to these bytes"],
  ["another time", hashed.replace("1796", "1896"), content, "has a comment that was changed"],
  [
    "a signature of the file as one of the hash",
    whole.replace("RWSn", "RUSn"),
    content,
    "does not",
  ],
  ["another key's id", hashed.replace("RUSn9", "RUSn8"), content, "is by the key"],
  ["half of it", hashed.slice(0, 150), content, "is not a signature of minisign"],
  ["nothing", "", content, "is not a signature of minisign"],
])("%s is refused", (_what, signature, bytes, why) => {
  expect(verifyMinisign(bytes, signature, keyOf(line))).toContain(why);
});
