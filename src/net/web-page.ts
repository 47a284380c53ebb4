import { UserError } from "../core/errors.ts";
import { shownUrl } from "../core/shown-url.ts";
import { hostCause } from "./errors.ts";

/** True if a body begins like a web page: a login form, a captive portal, an error page. */
export function looksLikePage(head: Buffer | string): boolean {
  return /^(\ufeff|\xef\xbb\xbf)?\s*(<!--[\s\S]*?-->\s*)?<(!doctype\s+html|html|head|body)\b/i.test(
    head.toString("latin1"),
  );
}

/** The error for a web page in place of a document of a registry, which is `what` was asked for. */
export function pageInstead(from: URL | string, what: string): UserError {
  const said = "responded with a web page";
  return new UserError("E_NOT_A_REGISTRY", `${shownUrl(from)} ${said}, not ${what}`, {
    shared: hostCause(new URL(from).host, said),
  });
}
