import { accessSync, constants } from "node:fs";
import { join } from "node:path";

const TOOLS = join(import.meta.dirname, "tools", "node_modules", "@foundry-rs");
const PACKAGES: Readonly<Record<string, string>> = {
    "darwin-arm64": "anvil-darwin-arm64",
    "darwin-x64": "anvil-darwin-amd64",
    "linux-arm64": "anvil-linux-arm64",
    "linux-x64": "anvil-linux-amd64",
    "win32-x64": "anvil-win32-amd64",
};

/** Path of the anvil program that `scripts/ready-evm.mjs` installs; null where it is not there. */
export function findAnvil(): string | null {
    const name = PACKAGES[`${process.platform}-${process.arch}`];
    if (name === undefined) return null;
    const file = process.platform === "win32" ? "anvil.exe" : "anvil";
    const path = join(TOOLS, name, "bin", file);
    try {
        accessSync(path, constants.X_OK);
        return path;
    } catch {
        return null;
    }
}
