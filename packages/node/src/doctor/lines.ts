import { accessSync, constants, statSync } from "node:fs";
import { type Configuration, linksOf } from "../config/config.ts";
import { isLine, type LinePlace } from "../config/links.ts";
import { type Check, fault, fine, warning } from "./check.ts";

/** The serial devices of a server: that they are there, and may be used. */
export function checkLines(configuration: Configuration): Check[] {
    return linksOf(configuration).filter(isLine).map(checkLine);
}

function checkLine({ path }: LinePlace): Check {
    const name = "serial link";
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined)
        return warning(name, `${path} is not there`, "Plug it in: the server opens it then.");
    if (!stat.isCharacterDevice())
        return fault(name, `${path} is no serial device`, "Correct --link.");
    try {
        accessSync(path, constants.R_OK | constants.W_OK);
    } catch {
        const todo = "Add the server's user to the group of the device.";
        return fault(name, `${path} may not be read and written by this user`, todo);
    }
    return fine(name, `${path} is there`);
}
