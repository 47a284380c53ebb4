import { splitPackage } from "../../core/recipes/rules.ts";
import { parseDownload } from "../../sources/go/build.ts";
import { withOwnGo } from "../lock-go.ts";
import { type SignatureCheck, wrongSignature } from "./evidence.ts";

/** Go's checksum database, with which go itself compares each module that it fetches. */
export const goSumdb: SignatureCheck = {
  kinds: ["go-sumdb"],
  sources: ["go-build"],
  async find({ source }, { draft }) {
    const { go = "", sum } = source;
    return await withOwnGo(draft, async (ask) => {
      const { stdout: names } = await ask(["env", "GOSUMDB", "GONOSUMDB", "GOFLAGS"]);
      const [by = "", without = "", flags = ""] = names.split("\n");
      // Where go is told not to ask it, nothing was checked.
      const isAsked = by !== "" && by !== "off" && without === "" && !flags.includes("-insecure");
      if (!isAsked) return [];
      const { stdout, stderr } = await ask(["mod", "download", "-json", go]);
      if (/SECURITY ERROR|checksum mismatch/.test(stdout + stderr)) {
        throw wrongSignature(splitPackage(go).name, stderr.trim().split("\n")[0] ?? "");
      }
      const { Sum: found } = parseDownload(stdout);
      if (found === undefined) return [];
      if (found !== sum) throw wrongSignature(go, `its checksum is ${found}, not ${sum}`);
      return [{ kind: "go-sumdb", by: sumdbSigner(by) }];
    });
  },
};

/**
 * Who signs the database that GOSUMDB names (`NAME[+HASH+KEY] [URL]`): the hash of its key, or `go` for
 * the key that go itself has. Neither a name nor a mirror's address is recorded: the key is what is trusted.
 */
export function sumdbSigner(setting: string): string {
  return setting.split(/\s/)[0]?.split("+")[1] ?? "go";
}
