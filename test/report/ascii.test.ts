/** What the command says is ASCII, whatever the locale; bars alone have another form where that is UTF-8. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../support/workplace.ts";

const source = join(repository, "src");

test("no text in src is more than ASCII, but for the bars; comments may be", () => {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" });
  const found = files
    .filter((file) => file.endsWith(".ts"))
    .filter((file) => {
      const code = readFileSync(join(source, file), "utf8")
        .replace(/^\s*(\/\*\*|\*|\/\/).*$/gm, "")
        .replace(/ \/\/ .*$/gm, "");
      return /[^\0-\x7f]/.test(code);
    });
  expect(found).toEqual(["report/progress.ts"]);
});
