"use strict";
/* SHA-256 of a few kilobytes. */

/** The first 32 bits of the fractional parts of the roots of the first 64 primes. */
function fractions(root) {
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime)) primes.push(n);
  return Int32Array.from(primes, (prime) => ((root(prime) % 1) * 2 ** 32) | 0);
}

const constants = fractions(Math.cbrt);
const initial = fractions(Math.sqrt).subarray(0, 8);
const words = new Int32Array(64);

/** The digest of a buffer, in hexadecimal. */
module.exports = function sha256(bytes) {
  const padded = Buffer.alloc(((bytes.length + 72) >>> 6) << 6);
  bytes.copy(padded);
  padded[bytes.length] = 0x80;
  padded.writeUIntBE(bytes.length * 8, padded.length - 6, 6);
  const state = Int32Array.from(initial);
  for (let at = 0; at < padded.length; at += 64) mix(state, padded, at);
  const result = Buffer.alloc(32);
  for (let i = 0; i < 8; i++) result.writeInt32BE(state[i], i * 4);
  return result.toString("hex");
};

function mix(state, bytes, at) {
  for (let i = 0, from = at; i < 16; i++, from += 4) {
    words[i] =
      (bytes[from] << 24) | (bytes[from + 1] << 16) | (bytes[from + 2] << 8) | bytes[from + 3];
  }
  for (let i = 16; i < 64; i++) {
    const x = words[i - 15];
    const y = words[i - 2];
    const low = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const high = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    words[i] = words[i - 16] + low + words[i - 7] + high;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const high = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const one = (h + high + ((e & f) ^ (~e & g)) + constants[i] + words[i]) | 0;
    const low = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + low + ((b & c) ^ (b & d) ^ (c & d))) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}
