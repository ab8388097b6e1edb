import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { error } from "@meterseal/core";

const NAMES = process.platform === "win32" ? ["cometbft.exe"] : ["cometbft"];
/** Line of CometBFT whose ABCI our application speaks. */
const INSTALL = "go install github.com/cometbft/cometbft/cmd/cometbft@v0.38.25";

/** Path of the cometbft program, in PATH or where Go installs programs; null where it is in neither. */
function findCometBft(): string | null {
    const goPath = process.env.GOPATH ?? join(homedir(), "go");
    const places = [...(process.env.PATH ?? "").split(delimiter), join(goPath, "bin")];
    const paths = places
        .filter((place) => place !== "")
        .flatMap((place) => NAMES.map((name) => join(place, name)));
    return paths.find(isProgram) ?? null;
}

/** @throws MetersealError MS_NOT_FOUND that says how to install it. */
export function requireCometBft(): string {
    const found = findCometBft();
    if (found !== null) return found;
    throw error("MS_NOT_FOUND", {
        where: "cometbft",
        expected: "the program in PATH",
        todo: `Install it with Go (https://go.dev): ${INSTALL}`,
    });
}

function isProgram(path: string): boolean {
    try {
        accessSync(path, constants.X_OK);
        return true;
    } catch {
        return false;
    }
}
