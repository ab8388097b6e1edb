// Checks the lock files, the project's and the one beside the tests on an EVM node: complete for every
// platform, tied to no registry host, every package with its checksum, and no licence that the
// published packages could not live with.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJson, root } from "./workspace.mjs";

/** Licences that would bind whoever ships Meterseal. */
const UNWANTED = /\b(?:A?GPL|SSPL)\b/i;

/** Lock file of what only the tests on an EVM node install. */
const EVM_TOOLS = join("test", "evm", "tools");

const problems = [];

/** Whether a package named in another one's manifest is locked where Node would look for it. */
function isLocked(lock, from, name) {
    for (let at = from; ; at = at.slice(0, at.lastIndexOf("/node_modules/"))) {
        const prefix = at === "" ? "" : `${at}/`;
        if (lock[`${prefix}node_modules/${name}`] !== undefined) return true;
        if (!at.includes("/node_modules/")) return lock[`node_modules/${name}`] !== undefined;
    }
}

function checkComplete(lock, path, entry) {
    const missing = Object.keys(entry.optionalDependencies ?? {}).filter(
        (name) => !isLocked(lock, path, name),
    );
    if (missing.length > 0) {
        problems.push(
            `${path === "" ? "package.json" : `${path} ${entry.version}`}: not locked for all platforms, without ${missing.join(", ")}`,
        );
    }
}

/** An SPDX expression is fine when one of its alternatives is. */
function isWanted(licence) {
    return licence.split(/\bOR\b/).some((alternative) => !UNWANTED.test(alternative));
}

function checkLicence(place, path, entry) {
    if (entry.dev === true || entry.devOptional === true) return;
    const { license, licenses = [] } = readJson(join(place, path, "package.json")) ?? {};
    // Manifests of old have a list instead.
    const licences = [entry.license, license, ...licenses].filter((each) => each !== undefined);
    if (licences.length === 0) problems.push(`${path}: has no licence field`);
    for (const licence of licences) {
        if (!isWanted(String(licence.type ?? licence)))
            problems.push(`${path}: has the licence ${licence}`);
    }
}

function checkLock(place) {
    const file = join(place, "package-lock.json");
    const lock = readJson(file)?.packages ?? {};
    checkComplete(lock, "", lock[""] ?? {});
    let packages = 0;
    for (const [path, entry] of Object.entries(lock)) {
        if (!path.includes("node_modules/") || entry.link === true) continue;
        packages++;
        checkComplete(lock, path, entry);
        checkLicence(place, path, entry);
        if (entry.integrity === undefined) problems.push(`${path}: has no checksum`);
        if (entry.resolved !== undefined) problems.push(`${path}: is tied to ${entry.resolved}`);
    }
    if (packages === 0) problems.push(`${file}: names no packages`);
    return packages;
}

const places = existsSync(join(root, EVM_TOOLS)) ? ["", EVM_TOOLS] : [""];
const packages = places.reduce((sum, place) => sum + checkLock(place), 0);

for (const problem of problems) console.error(problem);
const verdict =
    problems.length === 0 ? "complete for all platforms" : `${problems.length} problems`;
console.error(`Lock files: ${packages} packages, ${verdict}.`);
process.exitCode = problems.length === 0 ? 0 : 1;
