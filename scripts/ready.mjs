// Makes the checkout ready to run: installs what package-lock.json names, checks the Node that npm
// brings along as a package of the platform and, with --portal, builds the web portal. npm runs it before `start`
// and `test`; it does nothing when nothing changed. Everything it says goes to the error output, so
// that a command behind it keeps its standard output to itself.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join, sep } from "node:path";
import { withLock } from "./lock.mjs";
import {
    hashFiles,
    manifestPaths,
    NODE_MAJOR,
    nodeBinary,
    nodeToRun,
    readJson,
    root,
    sourceFiles,
} from "./workspace.mjs";

/**
 * Megabytes that a first installation downloads. Measured on Linux x64 as the size of
 * `_cacache/content-v2` after `npm ci --cache EMPTY_DIRECTORY`; most of it is the Node binary.
 */
const DOWNLOAD_MB = 125;

const MODULES = join(root, "node_modules");
const MARKER = join(MODULES, ".ready");
const PORTAL = join(root, "packages", "portal");
const PORTAL_MARKER = join(PORTAL, "dist", ".ready");
/** Packages whose sources end up in the browser, beside the portal itself. */
const BROWSER_PACKAGES = ["core", "record", "seal", "ledger", "provider", "tariff", "wallet"];
const STILL_BUSY_MS = 15_000;

class NotReady extends Error {}

function say(text) {
    process.stderr.write(`${text}\n`);
}

/** Dependencies as a manifest or a lock entry states them; changes elsewhere need no installation. */
function dependenciesOf(manifest) {
    const { dependencies, devDependencies, optionalDependencies, peerDependencies, bin } = manifest;
    return { dependencies, devDependencies, optionalDependencies, peerDependencies, bin };
}

function installHash() {
    const manifests = manifestPaths().map((path) => [path, dependenciesOf(readJson(path) ?? {})]);
    const platform = `${process.platform}-${process.arch}`;
    return hashFiles(["package-lock.json"], JSON.stringify([platform, manifests]));
}

/** Size of the Node binary that npm installed, or 0 where there is none. */
function nodeSize() {
    const binary = nodeBinary();
    return binary === undefined ? 0 : (statSync(binary, { throwIfNoEntry: false })?.size ?? 0);
}

function installIsCurrent(hash) {
    const marker = readJson("node_modules/.ready");
    return marker?.hash === hash && marker.nodeSize === nodeSize();
}

/** Whether someone ran `npm install` or `npm ci` by hand and everything in the lock is in place. */
function installedByHand() {
    const wanted = readJson("package-lock.json")?.packages;
    const present = readJson("node_modules/.package-lock.json")?.packages;
    if (wanted === undefined || present === undefined) return false;
    const inPlace = Object.entries(wanted).every(([path, entry]) => {
        if (path === "") return true;
        const found = present[path];
        if (found === undefined) return entry.optional === true;
        return found.version === entry.version && found.integrity === entry.integrity;
    });
    return inPlace && lockFitsManifests(wanted);
}

function lockFitsManifests(wanted) {
    return manifestPaths().every((path) => {
        const locked = wanted[path === "package.json" ? "" : dirname(path).split(sep).join("/")];
        if (locked === undefined) return false;
        const manifest = readJson(path) ?? {};
        return ["dependencies", "devDependencies", "optionalDependencies"].every(
            (kind) =>
                JSON.stringify(sorted(manifest[kind])) === JSON.stringify(sorted(locked[kind])),
        );
    });
}

function sorted(record = {}) {
    return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** How to start npm: the one that runs this script, else the one beside Node, else by name. */
function npmCommand() {
    const outer = process.env.npm_node_execpath;
    const node =
        outer !== undefined && existsSync(outer) && !inside(outer) ? outer : process.execPath;
    const beside = [
        join(dirname(node), "node_modules", "npm", "bin", "npm-cli.js"),
        join(dirname(node), "..", "lib", "node_modules", "npm", "bin", "npm-cli.js"),
    ];
    const candidates = [process.env.npm_execpath ?? "", ...beside];
    const cli = candidates.find((path) => /npm-cli\.c?js$/.test(path) && existsSync(path));
    if (cli !== undefined) return { command: node, first: [cli], shell: false };
    return { command: "npm", first: [], shell: process.platform === "win32" };
}

function inside(path) {
    return path.startsWith(MODULES + sep);
}

/** The environment without our own node_modules/.bin, which npm is about to replace. */
function outerEnvironment() {
    const env = { ...process.env };
    const key = Object.keys(env).find((name) => name.toUpperCase() === "PATH") ?? "PATH";
    const entries = (env[key] ?? "").split(delimiter);
    env[key] = entries.filter((entry) => !inside(`${entry}${sep}`)).join(delimiter);
    return env;
}

/** Runs a program with its output on our error output; resolves to its exit code. */
function run(command, args, options, busyText) {
    return new Promise((resolve, reject) => {
        const child = spawn(command, args, { stdio: ["ignore", 2, 2], ...options });
        const started = Date.now();
        const beat = setInterval(() => {
            const seconds = Math.round((Date.now() - started) / 1000);
            if (!process.stderr.isTTY) say(`  ${busyText} (${seconds} s) ...`);
        }, STILL_BUSY_MS);
        child.once("error", (cause) => {
            clearInterval(beat);
            reject(new NotReady(`Could not start ${command}: ${cause.message}`));
        });
        child.once("close", (code, signal) => {
            clearInterval(beat);
            resolve(signal === null ? code : 1);
        });
    });
}

async function install() {
    if (!existsSync(join(root, "package-lock.json"))) {
        throw new NotReady("package-lock.json is missing: this is not a complete checkout.");
    }
    say(`Installing Meterseal's packages (about ${DOWNLOAD_MB} MB to download, once) ...`);
    const started = Date.now();
    const { command, first, shell } = npmCommand();
    // Windows cannot delete the Node that is running this script, so there only what differs changes.
    const kind =
        process.platform === "win32" && inside(process.execPath)
            ? ["install", "--no-save"]
            : ["ci"];
    const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
    const args = [...first, ...kind, ...quiet, "--include=dev", "--include=optional"];
    // npm's own "added 188 packages" would say the same as our last line.
    const options = { cwd: root, env: outerEnvironment(), shell, stdio: ["ignore", "ignore", 2] };
    const code = await run(command, args, options, "installing");
    if (code !== 0) {
        throw new NotReady(
            "The installation failed; npm says why above. Check the network and the free disk space, " +
                "then start again. After a change of dependencies run `npm install` first.",
        );
    }
    say(`Installed in ${Math.round((Date.now() - started) / 1000)} s.`);
}

/** Refuses with plain words unless a Node of the needed age is there and runs. */
function checkNode() {
    const binary = nodeBinary();
    if (binary === undefined || !existsSync(binary)) {
        if (!inside(realpathSync(process.execPath)) && major(process.versions.node) >= NODE_MAJOR)
            return;
        const platform = `${process.platform}-${process.arch}`;
        throw new NotReady(
            binary === undefined
                ? `npm has no package of Node for ${platform}. Install Node ${NODE_MAJOR} or newer, then start again.`
                : `Meterseal runs on Node ${NODE_MAJOR} or newer, which npm brings along for ${platform} as an optional ` +
                      "package; it is missing.\nRun `npm ci --include=optional`, then start again.",
        );
    }
    const probe = spawnSync(binary, ["-p", "process.versions.node"], { encoding: "utf8" });
    if (probe.status !== 0) {
        const why = probe.error?.message ?? probe.stderr.trim();
        throw new NotReady(
            `The Node that npm installed does not run on this system (${binary}: ${why}).\n` +
                `Install Node ${NODE_MAJOR} or newer, delete ${dirname(dirname(binary))} and start again.`,
        );
    }
    if (major(probe.stdout) < NODE_MAJOR) {
        throw new NotReady(
            `npm brought Node ${probe.stdout.trim()}, but ${NODE_MAJOR} or newer is needed. ` +
                "Run `npm ci`, then start again.",
        );
    }
}

function major(version) {
    return Number.parseInt(version, 10);
}

async function readyPackages() {
    const hash = installHash();
    if (installIsCurrent(hash)) return;
    await withLock("install", say, async () => {
        if (installIsCurrent(hash)) return;
        if (!installedByHand()) await install();
        checkNode();
        mkdirSync(MODULES, { recursive: true });
        writeFileSync(MARKER, JSON.stringify({ hash, nodeSize: nodeSize() }));
    });
}

function portalHash() {
    const packages = BROWSER_PACKAGES.flatMap((name) => sourceFiles(join("packages", name, "src")));
    const own = sourceFiles(join("packages", "portal")).filter(
        (path) => !path.startsWith(join("packages", "portal", "test") + sep),
    );
    return hashFiles(["package-lock.json", "tsconfig.base.json", ...own, ...packages]);
}

async function readyPortal() {
    if (!existsSync(join(PORTAL, "index.html"))) {
        say("This checkout has no web portal (packages/portal/index.html); going on without it.");
        return;
    }
    const hash = portalHash();
    if (readJson("packages/portal/dist/.ready")?.hash === hash) return;
    await withLock("portal", say, async () => {
        if (readJson("packages/portal/dist/.ready")?.hash === hash) return;
        say("Building the web portal ...");
        const started = Date.now();
        const vite = join(MODULES, "vite", "bin", "vite.js");
        const node = nodeToRun();
        const args = [vite, "build", "--logLevel", "warn"];
        const code = await run(node, args, { cwd: PORTAL }, "building");
        if (code !== 0)
            throw new NotReady("The web portal could not be built; the reason is above.");
        writeFileSync(PORTAL_MARKER, JSON.stringify({ hash }));
        say(`Built in ${((Date.now() - started) / 1000).toFixed(1)} s.`);
    });
}

try {
    await readyPackages();
    if (process.argv.includes("--portal")) await readyPortal();
} catch (error) {
    if (!(error instanceof NotReady)) throw error;
    say(error.message);
    process.exitCode = 1;
}
