import { UserError } from "../core/errors.ts";

/**
 * Keeps write errors from ending a run. Errors on stderr are ignored: a full disk, a closed
 * terminal, a reader that has left. A document on stdout is the command's result, so `onLost` is
 * called once if it cannot be written. A reader that closes the pipe early, as `head` does, is no
 * error: the run keeps its own status.
 */
export function guardStreams(
  stdout: NodeJS.WritableStream,
  stderr: NodeJS.WritableStream,
  onLost: (error: UserError) => void,
): void {
  stderr.on("error", () => {});
  let isTold = false;
  stdout.on("error", (cause: NodeJS.ErrnoException) => {
    if (cause.code === "EPIPE" || isTold) return;
    isTold = true;
    onLost(new UserError("E_OUTPUT", "the output could not be written", { cause }));
  });
}
