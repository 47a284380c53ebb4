import { UserError } from "../core/errors.ts";
import { run } from "../io/exec.ts";

/** What gpgv says: lines for programs, and lines for people. */
interface GpgvAnswer {
  readonly status: string;
  readonly stderr: string;
}

/**
 * Runs gpgv, which verifies signatures of OpenPGP by the keys of these files, as apt does. `words`: files, or options
 * and files.
 */
export async function askGpgv(
  keyrings: readonly string[],
  words: readonly string[],
): Promise<GpgvAnswer> {
  const keys = keyrings.flatMap((keyring) => ["--keyring", keyring]);
  const { stdout, stderr } = await run(
    {
      argv: ["gpgv", "--status-fd", "1", ...keys, ...words],
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", LANG: "C" },
      cwd: "/",
      timeout: 60_000,
    },
    (cause) =>
      new UserError("E_AUTHOR_PROGRAM", "cannot run gpgv, which verifies PGP signatures", {
        cause,
        hint: "Write recipes on a machine that has gpgv; for Debian's packages also debian-archive-keyring.",
      }),
  );
  return { status: stdout, stderr };
}
