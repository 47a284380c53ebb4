import { UserError } from "../core/errors.ts";

/**
 * Keeps what is written from ending a run. Messages on stderr may go unread: a full disk, a terminal that
 * is gone or a reader that has left change nothing. A document on stdout is what was asked for, so that
 * `onLost` is told once where it cannot be written. A reader that closed the pipe, as `head` does, has
 * what it wanted: that is no error, and the run keeps its own status, since an install that prints a
 * document is done all the same.
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
