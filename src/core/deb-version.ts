/** Versions of Debian packages: `[EPOCH:]UPSTREAM[-REVISION]`, compared as dpkg does it. */

interface Parts {
  readonly epoch: number;
  readonly upstream: string;
  readonly revision: string;
}

/** True for a version that is valid in a lock: `1:9.2p1-2+deb12u7`. */
export function isDebVersion(text: string): boolean {
  return text.length <= 100 && /^(\d+:)?[0-9][A-Za-z0-9.+~-]*$/.test(text);
}

/** The upstream version: `8:6.9.11.60+dfsg-1.6+deb12u2` is 6.9.11.60. */
export function upstreamVersion(version: string): string {
  return split(version).upstream.replace(/[+~.](dfsg|ds|repack).*$/, "");
}

/** Negative, 0 or positive. */
export function compareDebVersions(a: string, b: string): number {
  const [left, right] = [split(a), split(b)];
  return (
    left.epoch - right.epoch ||
    compareParts(left.upstream, right.upstream) ||
    compareParts(left.revision, right.revision)
  );
}

function split(version: string): Parts {
  const colon = version.indexOf(":");
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf("-");
  return {
    epoch: colon < 0 ? 0 : Number(version.slice(0, colon)),
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? "0" : rest.slice(dash + 1),
  };
}

/** Compares alternately a run of non-digits, where `~` sorts before the end, and a number. */
export function compareParts(a: string, b: string): number {
  let [left, right] = [a, b];
  while (left !== "" || right !== "") {
    const words = [left, right].map((text) => /^\D*/.exec(text)?.[0] ?? "");
    const [word = "", other = ""] = words;
    for (let i = 0; i < Math.max(word.length, other.length); i += 1) {
      const difference = order(word.charAt(i)) - order(other.charAt(i));
      if (difference !== 0) return difference;
    }
    left = left.slice(word.length);
    right = right.slice(other.length);
    const numbers = [left, right].map((text) => /^\d*/.exec(text)?.[0] ?? "");
    const [number = "", against = ""] = numbers;
    const difference = BigInt(number || "0") - BigInt(against || "0");
    if (difference !== 0n) return difference > 0n ? 1 : -1;
    left = left.slice(number.length);
    right = right.slice(against.length);
  }
  return 0;
}

function order(character: string): number {
  if (character === "~") return -1;
  if (character === "") return 0;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 256;
}
