import { runCommandLine } from "./command-line.ts";
import { captureLibraries, consoleLog } from "./console.ts";
import { hideExperimentalWarnings } from "./warnings.ts";

hideExperimentalWarnings();
captureLibraries(consoleLog("meterseal"));
process.exitCode = await runCommandLine(process.argv.slice(2));
