import { X509Certificate } from "node:crypto";
import {
  createSecureContext,
  getCACertificates,
  rootCertificates,
  type SecureContext,
} from "node:tls";
import type { Env } from "../core/platform.ts";
import { statSync } from "../io/disk.ts";
import { orNothing } from "../io/files.ts";
import { tryRead } from "../io/input.ts";
import { type Setting, shownValue, unquoted, wrongSetting } from "./setting.ts";

/** Sources of certificates that are trusted besides Node's own. */
export interface CertificateSources {
  readonly env: Env;
  /** Settings whose values are files. */
  readonly files: readonly Setting[];
  /** PEM texts. */
  readonly texts: readonly string[];
}

export interface Certificates {
  /** Absent: only Node's own. */
  readonly secureContext?: SecureContext;
  /**
   * What is wrong with the settings, a full sentence each; called when a certificate was refused.
   */
  readonly problems: () => readonly string[];
}

/**
 * Reads the certificates, once for all connections. An unusable file does not end a run, because
 * Node itself may know the server's certificate. Throws a UserError (`config`) if
 * NODE_EXTRA_CA_CERTS names a pipe, on which Node would block with all signals pending.
 */
export function readCertificates({ env, files, texts }: CertificateSources): Certificates {
  const extra = { name: "NODE_EXTRA_CA_CERTS", value: env.NODE_EXTRA_CA_CERTS ?? "" };
  const isPipe = extra.value !== "" && orNothing(() => statSync(extra.value).isFIFO());
  if (isPipe) throw wrongSetting(extra, "is a pipe", `It must be ${whatIsRight}.`);
  const named = files.map(readCa);
  const own = extra.value === "" ? [] : [readCa(extra)];
  const problems = (): string[] => [...own, ...named].flatMap(problemOf);
  const found = [...texts, ...named.flatMap(({ text }) => text ?? [])];
  if (found.length === 0) return { problems };
  // Setting any CA replaces Node's defaults and NODE_EXTRA_CA_CERTS, so they are added again.
  const ca = [...nodeCertificates(own.flatMap(({ text }) => text ?? [])), ...found];
  return { secureContext: createSecureContext({ ca }), problems };
}

/** Before 22.15, Node cannot list its trusted certificates. */
function nodeCertificates(extra: readonly string[]): readonly string[] {
  const all = getCACertificates as typeof getCACertificates | undefined;
  return all === undefined ? [...rootCertificates, ...extra] : all("default");
}

const whatIsRight = "a file of certificates in PEM form (-----BEGIN CERTIFICATE-----)";

interface CaFile {
  readonly setting: Setting;
  readonly text?: string;
  /** Why there is no text: a clause that begins with `it`. */
  readonly why?: string;
}

function readCa(setting: Setting): CaFile {
  const { bytes, why } = tryRead(unquoted(setting.value));
  return bytes ? { setting, text: bytes.toString("utf8") } : { setting, why };
}

function problemOf({ setting, text, why = whyUseless(text ?? "") }: CaFile): string[] {
  if (why === undefined) return [];
  return [
    `${setting.name}=${shownValue(setting.value)} cannot be used: ${why}; it must be ${whatIsRight}.`,
  ];
}

/** Node ignores invalid certificates, and so do we; this is reported when one is missing. */
function whyUseless(text: string): string | undefined {
  const blocks = text.match(/-----BEGIN ([A-Z0-9]+ )?CERTIFICATE-----.*?-----END/gs) ?? [];
  if (blocks.length === 0) return "it holds no certificate";
  const isRead = (block: string): boolean =>
    orNothing(() => new X509Certificate(`${block} CERTIFICATE-----\n`)) !== undefined;
  const plain = blocks.filter((block) => block.startsWith("-----BEGIN CERTIFICATE-----"));
  return plain.every(isRead) ? undefined : "it holds a certificate that cannot be read";
}
