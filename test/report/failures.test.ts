import { expect, test } from "vitest";
import { fileError } from "../../src/io/files.ts";
import { renderFailures } from "../../src/report/failures.ts";
import { asFailure } from "../../src/run/failed.ts";

const full = Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
const denied = Object.assign(new Error("EACCES"), { code: "EACCES" });

test("a full disk is told once, whatever file each tool was writing", () => {
  const failures = ["gog", "jq"].map((tool) =>
    asFailure(tool, fileError("write", `/nowhere/${tool}`, full)),
  );
  const text = renderFailures(failures);
  expect(text).toMatch(
    /^error: gog, jq: \/nowhere: the disk is full \(space or inodes\) \[E_DISK_FULL\]\n {2}hint: /,
  );
  expect(text.split("\n")).toHaveLength(3);
});

test("causes that differ are told apart; one tool alone is told in full", () => {
  const failures = [
    asFailure("gog", fileError("write", "/nowhere/gog", full)),
    asFailure("jq", fileError("write", "/nowhere/jq", denied)),
  ];
  const lines = renderFailures(failures).split("\n");
  expect(lines[0]).toMatch(
    /^error: gog: cannot write \/nowhere\/gog: the disk is full \(space or inodes\) \(\S+, mounted at \/\) \[E_DISK_FULL\]$/,
  );
  expect(lines[2]).toBe("error: jq: cannot write /nowhere/jq: permission denied [E_PERMISSION]");
  expect(renderFailures([])).toBe("");
});
