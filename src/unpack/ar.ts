import { readPieces, statSync } from "../io/disk.ts";
import { otherFormat, type Refusal, refusal } from "./refusals.ts";

/** A member of an ar archive: its name, and the part of the file with its content. */
export interface ArMember {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

const magic = "!<arch>\n";
const headerLength = 60;
const headerEnd = "`\n";
/** Real packages have three. */
const maxMembers = 8;

/**
 * The members of an ar archive as dpkg writes it: short names, decimal sizes, one after the other
 * up to the end of the file. Throws a UserError of ./refusals.ts for any other form.
 */
export function readAr(file: string): ArMember[] {
  const { size } = statSync(file);
  return readPieces(file, (piece) => {
    const read = (at: number, length: number): string => {
      const bytes = piece(at, length);
      if (bytes.length !== length) throw brokenDeb("it is truncated");
      return bytes.toString("latin1");
    };
    if (size < magic.length || read(0, magic.length) !== magic) {
      throw otherFormat("deb", piece(0, 512));
    }
    return readMembers(read, size);
  });
}

function readMembers(read: (at: number, length: number) => string, size: number): ArMember[] {
  const members: ArMember[] = [];
  for (let at = magic.length; at < size; ) {
    const member = readHeader(read(at, headerLength), at + headerLength);
    if (member.end > size) throw brokenDeb(`${member.name} reaches past its end`);
    members.push(member);
    if (members.length > maxMembers) throw brokenDeb("it has too many members");
    // Contents of odd length are padded by one byte, which some tools omit at the end of the file.
    const padded = member.end % 2 === 1 && member.end < size;
    if (padded && read(member.end, 1) !== "\n") throw brokenDeb("it has a byte between members");
    at = padded ? member.end + 1 : member.end;
  }
  return members;
}

function readHeader(header: string, start: number): ArMember {
  if (header.slice(58) !== headerEnd) throw brokenDeb("a member's header is damaged");
  const name = header.slice(0, 16).trimEnd().replace(/\/$/, "");
  const length = header.slice(48, 58).trimEnd();
  if (!/^[a-z_][a-z0-9.-]*$/.test(name)) throw brokenDeb("a member has no plain name");
  if (!/^\d+$/.test(length)) throw brokenDeb(`${name} has an invalid size`);
  return { name, start, end: start + Number(length) };
}

/** The error for a package that cannot be read completely. */
export function brokenDeb(why: string): Refusal {
  return refusal("damaged", `the Debian package is damaged: ${why}`);
}
