/** A thread that unpacks what it is asked to, one archive after the other; `extract` starts it. */
import { parentPort } from "node:worker_threads";
import { UserError } from "../core/errors.ts";
import type { WrittenDigests } from "../io/tree-list.ts";
import type { ThreadAnswer, ThreadRequest } from "./extract.ts";
import { extractInline } from "./extract-inline.ts";

parentPort?.on("message", async (request: ThreadRequest) => {
  parentPort?.postMessage(await answer(request));
});

async function answer(request: ThreadRequest): Promise<ThreadAnswer> {
  const written: WrittenDigests = new Map();
  const { taken = { bytes: 0, entries: 0 } } = request.limits;
  try {
    await extractInline({ ...request, limits: { ...request.limits, taken }, written });
    return { written: [...written], taken };
  } catch (error) {
    if (!(error instanceof UserError)) return { bug: error };
    const { code, message, hint } = error; // an error's class does not come across
    return { refusal: { code, message, ...(hint !== undefined && { hint }) } };
  }
}
