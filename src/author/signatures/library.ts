/** What verifies sigstore's bundles and trust root: large, and in a file of its own in dist (.build-program.ts). */
export { bundleFromJSON } from "@sigstore/bundle";
export { PublicKey, TrustedRoot } from "@sigstore/protobuf-specs";
export { default as seeds } from "@sigstore/tuf/seeds.json" with { type: "json" };
export { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";
export { Updater } from "tuf-js";
export { DownloadHTTPError } from "tuf-js/dist/error.js";
