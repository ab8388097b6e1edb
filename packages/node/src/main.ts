import { runCommandLine } from "./command-line.ts";
import { hideExperimentalWarnings } from "./warnings.ts";

hideExperimentalWarnings();
process.exitCode = await runCommandLine(process.argv.slice(2));
