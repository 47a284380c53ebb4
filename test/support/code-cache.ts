/** Before the tests: the code cache that an image's build makes. Every command that they start begins with it. */
import { archive, program } from "./archives.ts";
import { openWorkplace } from "./workplace.ts";

export default async function setup(): Promise<void> {
  const place = await openWorkplace();
  try {
    const bytes = archive("tar.gz", { "bin/tool": program("1.0.0") });
    place.recipe("tool", { artifacts: { any: place.serve("tool.tar.gz", bytes) } });
    const env = { OPENCLAW_SKILL_DEPS_CODE_CACHE: "write" };
    const { status, stderr } = await place.runWith(env, "tool");
    if (status !== 0) throw new Error(`The built command does not work:\n${stderr}`);
  } finally {
    await place.close();
  }
}
